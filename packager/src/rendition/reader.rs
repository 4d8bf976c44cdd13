//! The bytes of a rendition's file.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use thiserror::Error;

use crate::read::ReadAt;
use crate::rendition::Rendition;

/// Most bytes of a piece of media: what a reader keeps in memory.
const PIECE_LEN_MAX: usize = 256 << 10;

/// Gives out the bytes of a rendition's file from the beginning to the end, in pieces of at most 256 KiB or one
/// segment's head, and hashes them on the way.
#[derive(Debug)]
pub struct RenditionReader<'a, R> {
    rendition: &'a Rendition,
    reader: &'a R,
    hasher: blake3::Hasher,
    digests: Vec<blake3::Hash>,
    /// The part that is being read: 0 is the init section. `None` when an error has ended it.
    part: Option<usize>,
    /// Samples of that part whose bytes are still to come; `None` before its head.
    rest: Option<Range<usize>>,
    /// Bytes of the first of these that have been given out already.
    taken: u32,
}

impl<'a, R: ReadAt> RenditionReader<'a, R> {
    pub(crate) fn new(rendition: &'a Rendition, reader: &'a R) -> Self {
        Self {
            rendition,
            reader,
            hasher: blake3::Hasher::new(),
            digests: Vec::with_capacity(1 + rendition.segments.len()),
            part: Some(0),
            rest: None,
            taken: 0,
        }
    }

    /// BLAKE3 of the parts that have been given out completely: of the init section first, then of each segment.
    pub fn digests(&self) -> &[blake3::Hash] {
        &self.digests
    }

    /// The digests alone.
    pub fn into_digests(self) -> Vec<blake3::Hash> {
        self.digests
    }

    fn head(&mut self, part: usize) -> Option<Bytes> {
        let Some(number) = part.checked_sub(1) else {
            self.rest = Some(0..0);
            return Some(self.rendition.init.clone());
        };
        let plan = self.rendition.plans.get(number)?;
        self.rest = Some(plan.samples.clone());
        Some(self.rendition.head(number, plan).into())
    }

    /// The next bytes of `rest`: as many stretches of the source as fill a piece.
    fn media(&mut self, rest: Range<usize>) -> Result<Bytes, ReadError> {
        let mut piece = Vec::new();
        let mut rest = rest;
        while piece.len() < PIECE_LEN_MAX && !rest.is_empty() {
            let stretch = self.stretch(&mut rest, PIECE_LEN_MAX - piece.len());
            let (at, len) =
                (piece.len(), usize::try_from(stretch.end - stretch.start).expect("a piece is small"));
            piece.resize(at + len, 0);
            self.reader.read_at(stretch.start, &mut piece[at..]).map_err(|source| ReadError {
                offset: stretch.start,
                len,
                source,
            })?;
        }
        self.rest = Some(rest);
        Ok(piece.into())
    }

    /// Takes from `rest` what lies together in the source, at most `len_max` bytes.
    fn stretch(&mut self, rest: &mut Range<usize>, len_max: usize) -> Range<u64> {
        let begin = self.rendition.samples[rest.start].offset + u64::from(self.taken);
        let limit = begin + len_max as u64;
        let mut end = begin;
        while let Some(sample) = self.rendition.samples[rest.clone()].first() {
            if sample.offset + u64::from(self.taken) != end || end == limit {
                break;
            }
            let sample_end = sample.bytes().end;
            if sample_end > limit {
                self.taken +=
                    u32::try_from(limit - end).expect("less than the sample, whose length is 32 bits");
                return begin..limit;
            }
            end = sample_end;
            self.taken = 0;
            rest.start += 1;
        }
        begin..end
    }

    fn next_piece(&mut self) -> Result<Option<Bytes>, ReadError> {
        while let Some(part) = self.part {
            match self.rest.take() {
                None => {
                    let head = self.head(part);
                    self.part = self.part.filter(|_| head.is_some());
                    return Ok(head);
                }
                Some(rest) if rest.is_empty() => {
                    self.digests.push(self.hasher.finalize());
                    self.hasher.reset();
                    self.part = Some(part + 1);
                }
                Some(rest) => return self.media(rest).map(Some),
            }
        }
        Ok(None)
    }
}

impl<R: ReadAt> Iterator for RenditionReader<'_, R> {
    type Item = Result<Bytes, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = self.next_piece().transpose()?;
        match &piece {
            Ok(bytes) => _ = self.hasher.update(bytes),
            Err(_) => self.part = None,
        }
        Some(piece)
    }
}

/// The source cannot be read.
#[derive(Debug, Error)]
#[error("reading {len} bytes at {offset} of the source")]
pub struct ReadError {
    /// Where.
    pub offset: u64,
    /// How many bytes.
    pub len: usize,
    /// Why.
    pub source: io::Error,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::rendition::SegmentPlan;
    use crate::sample::Sample;
    use crate::track::{AudioFormat, Format, Track};

    /// Samples anywhere in a source, often one behind the other.
    fn samples(source_len: u64) -> impl Strategy<Value = Vec<Sample>> {
        let piece_len = u32::try_from(PIECE_LEN_MAX).unwrap();
        let len = prop_oneof![0_u32..50, Just(piece_len + 3), Just(piece_len)];
        prop::collection::vec((any::<prop::sample::Index>(), len, any::<bool>()), 1..30).prop_map(
            move |all| {
                let mut next = 0;
                let place = |(index, len, follows): (prop::sample::Index, u32, bool)| {
                    let room = usize::try_from(source_len - u64::from(len)).unwrap();
                    let offset = if follows && next <= room as u64 { next } else { index.index(room) as u64 };
                    next = offset + u64::from(len);
                    Sample { offset, len, duration: 1, composition: 0, is_sync: true }
                };
                all.into_iter().map(place).collect()
            },
        )
    }

    fn rendition(samples: &[Sample]) -> Rendition {
        let format = Format::Audio(AudioFormat { sample_rate: 1, channels: 1 });
        let track = Track { id: 1, format, codec: "Opus".to_owned(), language: None, timescale: 1 };
        let init = Bytes::from_static(b"the init section");
        let mut rendition = Rendition {
            track,
            init,
            segments: Vec::new(),
            plans: Vec::new(),
            samples: Arc::new(samples.to_vec()),
        };
        let cut = samples.len() / 2;
        for range in [0..cut, cut..samples.len()] {
            let plan = SegmentPlan { samples: range.clone(), decode_time: range.start as u64 };
            rendition.push(plan, 0..5).unwrap();
        }
        rendition
    }

    proptest! {
        #[test]
        fn pieces_are_the_parts_in_their_order(samples in samples(4 * PIECE_LEN_MAX as u64), seed: u8) {
            let source: Vec<u8> = (0..251).map(|n: u8| n.wrapping_add(seed)).cycle().take(4 * PIECE_LEN_MAX).collect();
            let rendition = rendition(&samples);
            let source = &source[..];
            let mut reader = RenditionReader::new(&rendition, &source);
            let pieces: Vec<Bytes> = reader.by_ref().map(Result::unwrap).collect();
            prop_assert!(pieces.iter().all(|piece| piece.len() <= PIECE_LEN_MAX));

            let mut parts = vec![rendition.init.to_vec()];
            for (number, plan) in rendition.plans.iter().enumerate() {
                let mut part = rendition.head(number, plan);
                for sample in &samples[plan.samples.clone()] {
                    let bytes = sample.bytes();
                    part.extend_from_slice(&source[usize::try_from(bytes.start).unwrap()..usize::try_from(bytes.end).unwrap()]);
                }
                prop_assert_eq!(part.len() as u64, rendition.segments[number].len);
                parts.push(part);
            }
            prop_assert_eq!(pieces.concat(), parts.concat());
            prop_assert_eq!(parts.concat().len() as u64, rendition.len());
            let digests: Vec<_> = parts.iter().map(|part| blake3::hash(part)).collect();
            prop_assert_eq!(reader.into_digests(), digests);
        }
    }

    #[test]
    fn a_source_that_has_shrunk_is_an_error_and_the_end() {
        let sample = Sample { offset: 10, len: 5, duration: 1, composition: 0, is_sync: true };
        let samples = [sample; 2];
        let rendition = rendition(&samples);
        let source = &[0; 12][..];
        let mut reader = RenditionReader::new(&rendition, &source);
        let outcomes: Vec<_> = reader.by_ref().map(|piece| piece.is_ok()).collect();
        assert_eq!(outcomes, [true, true, false]);
        assert_eq!(reader.digests().len(), 1);
    }
}
