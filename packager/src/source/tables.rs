//! The sample tables of a track, joined: which sample lies where, and when.

use shiguredo_mp4::boxes::{Co64Box, CttsBox, StcoBox, StscBox, StssBox, StszBox, SttsBox};
use thiserror::Error;

use crate::boxes::{BoxError, BoxName, RawBox, child, required_child};
use crate::limits::SAMPLES_MAX;
use crate::sample::Sample;

/// Reads the tables in `stbl`, the content of a box of that name. `source_len` is the length of the file, and there may
/// be at most `samples_max` samples.
pub(crate) fn samples(stbl: &[u8], source_len: u64, samples_max: usize) -> Result<Vec<Sample>, TableError> {
    let lens = sample_lens(stbl)?;
    if lens.count() > samples_max {
        return Err(TableError::TooManySamples { count: lens.count() });
    }
    let mut samples = place(stbl, &lens, source_len)?;
    set_durations(stbl, &mut samples)?;
    set_compositions(stbl, &mut samples)?;
    set_sync(stbl, &mut samples)?;
    Ok(samples)
}

/// Lengths of samples: all the same, or one each.
enum Lens {
    Same { len: u32, count: usize },
    Each(Vec<u32>),
}

impl Lens {
    fn count(&self) -> usize {
        match self {
            Self::Same { count, .. } => *count,
            Self::Each(lens) => lens.len(),
        }
    }

    fn get(&self, index: usize) -> Option<u32> {
        match self {
            Self::Same { len, count } => (index < *count).then_some(*len),
            Self::Each(lens) => lens.get(index).copied(),
        }
    }
}

fn sample_lens(stbl: &[u8]) -> Result<Lens, TableError> {
    let lens = match child(stbl, *b"stz2")? {
        Some(compact) => Lens::Each(compact_lens(compact)?),
        None => match required_child(stbl, *b"stsz")?.decode()? {
            StszBox::Fixed { sample_size, sample_count } => {
                Lens::Same { len: sample_size.get(), count: sample_count as usize }
            }
            StszBox::Variable { entry_sizes } => Lens::Each(entry_sizes),
        },
    };
    Ok(lens)
}

/// `stz2`: lengths of 4, 8 or 16 bits (ISO/IEC 14496-12, 8.7.3.3).
fn compact_lens(stz2: RawBox<'_>) -> Result<Vec<u32>, BoxError> {
    let invalid = |why: &str| BoxError::Invalid { name: BoxName(stz2.name), why: why.to_owned() };
    let (head, fields) = stz2.body.split_first_chunk::<12>().ok_or_else(|| invalid("it ends early"))?;
    let count = u32::from_be_bytes([head[8], head[9], head[10], head[11]]) as usize;
    let lens: Vec<u32> = match head[7] {
        4 => fields.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(u32::from).take(count).collect(),
        8 => fields.iter().copied().map(u32::from).take(count).collect(),
        16 => {
            fields.chunks_exact(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1])).take(count).collect()
        }
        _ => return Err(invalid("a field has 4, 8 or 16 bits")),
    };
    if lens.len() == count { Ok(lens) } else { Err(invalid("it ends early")) }
}

/// Samples with their places, from `stsc` and the offsets of the chunks.
fn place(stbl: &[u8], lens: &Lens, source_len: u64) -> Result<Vec<Sample>, TableError> {
    let chunks = chunk_offsets(stbl)?;
    let runs = required_child(stbl, *b"stsc")?.decode::<StscBox>()?.entries;
    let mut samples = Vec::with_capacity(lens.count());
    let (mut run, mut media_len) = (0, 0_u64);
    for (index, &chunk_offset) in chunks.iter().enumerate() {
        while runs.get(run + 1).is_some_and(|next| next.first_chunk.get() as usize <= index + 1) {
            run += 1;
        }
        let entry = runs.get(run).filter(|entry| entry.first_chunk.get() as usize <= index + 1);
        let entry = entry.ok_or(TableError::ChunkWithoutSamples { chunk: index + 1 })?;
        if entry.sample_description_index.get() != 1 {
            return Err(TableError::Description { index: entry.sample_description_index.get() });
        }
        let mut offset = chunk_offset;
        for _ in 0..entry.sample_per_chunk {
            let number = samples.len() + 1;
            let len = lens.get(samples.len()).ok_or(TableError::Count {
                table: "stsc",
                count: number,
                samples: lens.count(),
            })?;
            let end = offset.checked_add(len.into()).filter(|end| *end <= source_len);
            let end = end.ok_or(TableError::OutsideFile { sample: number, offset, len, source_len })?;
            samples.push(Sample { offset, len, duration: 0, composition: 0, is_sync: false });
            media_len += u64::from(len);
            offset = end;
        }
    }
    if samples.len() != lens.count() {
        return Err(TableError::Count { table: "stsc", count: samples.len(), samples: lens.count() });
    }
    if media_len > source_len {
        return Err(TableError::Overlap { media_len, source_len });
    }
    Ok(samples)
}

fn chunk_offsets(stbl: &[u8]) -> Result<Vec<u64>, BoxError> {
    if let Some(co64) = child(stbl, *b"co64")? {
        return Ok(co64.decode::<Co64Box>()?.chunk_offsets);
    }
    let stco = required_child(stbl, *b"stco")?.decode::<StcoBox>()?;
    Ok(stco.chunk_offsets.into_iter().map(u64::from).collect())
}

fn set_durations(stbl: &[u8], samples: &mut [Sample]) -> Result<(), TableError> {
    let stts = required_child(stbl, *b"stts")?.decode::<SttsBox>()?;
    let runs = stts.entries.iter().map(|entry| (entry.sample_count, entry.sample_delta));
    spread("stts", runs, samples, |sample, duration| sample.duration = duration)
}

fn set_compositions(stbl: &[u8], samples: &mut [Sample]) -> Result<(), TableError> {
    let Some(ctts) = child(stbl, *b"ctts")? else { return Ok(()) };
    let ctts = ctts.decode::<CttsBox>()?;
    // Version 0 is unsigned, and yet QuickTime writes negative offsets into it.
    #[expect(clippy::cast_possible_truncation, reason = "the field is 32 bits wide in either version")]
    let runs = ctts.entries.iter().map(|entry| (entry.sample_count, entry.sample_offset as i32));
    spread("ctts", runs, samples, |sample, offset| sample.composition = offset)
}

/// Gives each value of a run-length coded table to its samples.
fn spread<T: Copy>(
    table: &'static str,
    runs: impl Iterator<Item = (u32, T)>,
    samples: &mut [Sample],
    set: impl Fn(&mut Sample, T),
) -> Result<(), TableError> {
    let count = samples.len();
    let mut rest = &mut *samples;
    let mut given = 0;
    for (run_len, value) in runs {
        let run_len = run_len as usize;
        given += run_len;
        let cut = rest.split_at_mut_checked(run_len);
        let (run, tail) = cut.ok_or(TableError::Count { table, count: given, samples: count })?;
        for sample in run {
            set(sample, value);
        }
        rest = tail;
    }
    if rest.is_empty() { Ok(()) } else { Err(TableError::Count { table, count: given, samples: count }) }
}

fn set_sync(stbl: &[u8], samples: &mut [Sample]) -> Result<(), TableError> {
    let Some(stss) = child(stbl, *b"stss")? else {
        for sample in samples {
            sample.is_sync = true;
        }
        return Ok(());
    };
    let count = samples.len();
    for number in stss.decode::<StssBox>()?.sample_numbers {
        let index = number.get() as usize - 1;
        let sample = samples.get_mut(index);
        sample.ok_or(TableError::Count { table: "stss", count: index + 1, samples: count })?.is_sync = true;
    }
    Ok(())
}

/// What is wrong with the sample tables of a track.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableError {
    /// A box is missing or cannot be decoded.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// With the tracks before it more than [`SAMPLES_MAX`] samples, or more than the file has bytes.
    #[error("{count} samples; a file has at most {SAMPLES_MAX}, and no more than bytes")]
    TooManySamples {
        /// What the table says.
        count: usize,
    },
    /// Two tables do not speak of the same number of samples.
    #[error("table {table} speaks of {count} samples where there are {samples}")]
    Count {
        /// The table.
        table: &'static str,
        /// Samples that it speaks of, or the first one too many.
        count: usize,
        /// Samples by their lengths.
        samples: usize,
    },
    /// The tables do not say how many samples a chunk has.
    #[error("table stsc does not say how many samples chunk {chunk} has")]
    ChunkWithoutSamples {
        /// The chunk, from 1.
        chunk: usize,
    },
    /// Samples of a description that is not the only one.
    #[error("samples are described by entry {index}; only one entry is supported")]
    Description {
        /// The entry, from 1.
        index: u32,
    },
    /// A sample lies outside the file: it has been cut off.
    #[error(
        "sample {sample} ({len} bytes at {offset}) lies outside the file of {source_len} bytes: is it complete?"
    )]
    OutsideFile {
        /// The sample, from 1.
        sample: usize,
        /// Where it would begin.
        offset: u64,
        /// Its length in bytes.
        len: u32,
        /// The length of the file.
        source_len: u64,
    },
    /// The samples of one track are together longer than the file, so they overlap.
    #[error("samples of {media_len} bytes overlap in a file of {source_len} bytes")]
    Overlap {
        /// Their lengths together.
        media_len: u64,
        /// The length of the file.
        source_len: u64,
    },
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;
    use shiguredo_mp4::aux::SampleTableAccessor;
    use shiguredo_mp4::boxes::{CttsEntry, SampleEntry, StblBox, StscEntry, StsdBox, SttsEntry, UnknownBox};
    use shiguredo_mp4::{BoxSize, BoxType, Either};

    use super::*;
    use crate::boxes::encode;

    const SOURCE_LEN: u64 = 1 << 20;

    /// A table of chunks of 1 to 5 samples: for each sample its length, duration, offset, and whether it is a keyframe.
    fn stbl() -> impl Strategy<Value = StblBox> {
        let sample = (1_u32..300, 0_u32..5, -3_i64..3, any::<bool>());
        let chunk = (0_u64..1 << 19, prop::collection::vec(sample, 1..6));
        (prop::collection::vec(chunk, 1..40), any::<[bool; 3]>())
            .prop_map(|(chunks, options)| table(&chunks, options))
    }

    type Chunk = (u64, Vec<(u32, u32, i64, bool)>);

    fn table(chunks: &[Chunk], [is_long, has_offsets, has_keys]: [bool; 3]) -> StblBox {
        let samples: Vec<_> = chunks.iter().flat_map(|(_, samples)| samples).copied().collect();
        let runs = chunks.iter().zip(1..).map(|((_, samples), number)| StscEntry {
            first_chunk: NonZeroU32::new(number).unwrap(),
            sample_per_chunk: u32::try_from(samples.len()).unwrap(),
            sample_description_index: NonZeroU32::MIN,
        });
        let mut runs: Vec<_> = runs.collect();
        runs.dedup_by_key(|run| run.sample_per_chunk);
        let offsets = chunks.iter().map(|(offset, _)| *offset);
        let chunk_offsets = if is_long {
            Either::B(Co64Box { chunk_offsets: offsets.collect() })
        } else {
            Either::A(StcoBox {
                chunk_offsets: offsets.map(|offset| u32::try_from(offset).unwrap()).collect(),
            })
        };
        let keys = samples
            .iter()
            .zip(1..)
            .filter(|((.., is_key), _)| *is_key)
            .map(|(_, number)| NonZeroU32::new(number).unwrap());
        let entry = UnknownBox {
            box_type: BoxType::Normal(*b"test"),
            box_size: BoxSize::U32(8),
            payload: Vec::new(),
        };
        let delta =
            |(_, delta, ..): &(u32, u32, i64, bool)| SttsEntry { sample_count: 1, sample_delta: *delta };
        let shift =
            |(_, _, shift, _): &(u32, u32, i64, bool)| CttsEntry { sample_count: 1, sample_offset: *shift };
        StblBox {
            stsd_box: StsdBox { entries: vec![SampleEntry::Unknown(entry)] },
            stts_box: SttsBox { entries: samples.iter().map(delta).collect() },
            ctts_box: has_offsets
                .then(|| CttsBox { version: 1, entries: samples.iter().map(shift).collect() }),
            cslg_box: None,
            stsc_box: StscBox { entries: runs },
            stsz_box: StszBox::Variable { entry_sizes: samples.iter().map(|(len, ..)| *len).collect() },
            stco_or_co64_box: chunk_offsets,
            stss_box: has_keys.then(|| StssBox { sample_numbers: keys.collect() }),
            sdtp_box: None,
            unknown_boxes: Vec::new(),
        }
    }

    fn read(stbl: &StblBox) -> Result<Vec<Sample>, TableError> {
        samples(&encode(stbl)[8..], SOURCE_LEN, 1000)
    }

    proptest! {
        #[test]
        fn the_library_joins_them_alike(stbl in stbl()) {
            let ours = read(&stbl).unwrap();
            let theirs = SampleTableAccessor::new(&stbl).unwrap();
            let theirs = theirs.samples().map(|sample| Sample {
                offset: sample.data_offset(),
                len: sample.data_size(),
                duration: sample.duration(),
                composition: i32::try_from(sample.composition_time_offset().unwrap_or(0)).unwrap(),
                is_sync: sample.is_sync_sample(),
            });
            prop_assert_eq!(ours, theirs.collect::<Vec<_>>());
        }
    }

    fn small() -> StblBox {
        table(
            &[(8, vec![(10, 1, 0, true), (20, 1, 0, false)]), (100, vec![(30, 1, 0, true)])],
            [false, true, true],
        )
    }

    #[test]
    fn tables_that_contradict_each_other_are_refused() {
        type Harm = fn(&mut StblBox);
        let count = |table, count, samples| TableError::Count { table, count, samples };
        let harms: [(Harm, TableError); 8] = [
            (|stbl| stbl.stts_box.entries[0].sample_count = 2, count("stts", 4, 3)),
            (|stbl| stbl.stts_box.entries.truncate(2), count("stts", 2, 3)),
            (|stbl| stbl.ctts_box.as_mut().unwrap().entries.truncate(2), count("ctts", 2, 3)),
            (
                |stbl| stbl.stss_box.as_mut().unwrap().sample_numbers[0] = NonZeroU32::MAX,
                count("stss", u32::MAX as usize, 3),
            ),
            (|stbl| stbl.stsc_box.entries[1].sample_per_chunk = u32::MAX, count("stsc", 4, 3)),
            (|stbl| stbl.stsc_box.entries[1].sample_per_chunk = 0, count("stsc", 2, 3)),
            (|stbl| _ = stbl.stsc_box.entries.remove(0), TableError::ChunkWithoutSamples { chunk: 1 }),
            (
                |stbl| stbl.stsc_box.entries[0].sample_description_index = NonZeroU32::new(2).unwrap(),
                TableError::Description { index: 2 },
            ),
        ];
        for (index, (harm, expected)) in harms.into_iter().enumerate() {
            let mut stbl = small();
            harm(&mut stbl);
            assert_eq!(read(&stbl), Err(expected), "harm {index}");
        }
    }

    #[test]
    fn samples_lie_in_the_file_and_beside_each_other() {
        let mut stbl = small();
        let Either::A(stco) = &mut stbl.stco_or_co64_box else { panic!("offsets are short") };
        stco.chunk_offsets[1] = u32::MAX;
        let outside =
            TableError::OutsideFile { sample: 3, offset: u32::MAX.into(), len: 30, source_len: SOURCE_LEN };
        assert_eq!(read(&stbl), Err(outside));
        let bytes = encode(&small());
        assert_eq!(
            samples(&bytes[8..], 59, 3).unwrap_err(),
            TableError::OutsideFile { sample: 3, offset: 100, len: 30, source_len: 59 }
        );
        let same_place = table(&[(8, vec![(40, 1, 0, true)]), (8, vec![(40, 1, 0, true)])], [false; 3]);
        assert_eq!(
            samples(&encode(&same_place)[8..], 50, 3).unwrap_err(),
            TableError::Overlap { media_len: 80, source_len: 50 }
        );
        let mut stbl = small();
        stbl.stsz_box = StszBox::Fixed { sample_size: NonZeroU32::MIN, sample_count: u32::MAX };
        assert_eq!(read(&stbl), Err(TableError::TooManySamples { count: u32::MAX as usize }));
    }

    #[test]
    fn compact_lengths_are_read() {
        let stz2 = |bits: u8, count: u8, fields: &[u8]| {
            let mut body = vec![0; 12];
            (body[7], body[11]) = (bits, count);
            body.extend_from_slice(fields);
            compact_lens(RawBox { name: *b"stz2", whole: &[], body: &body })
        };
        assert_eq!(stz2(4, 3, &[0x12, 0x30]), Ok(vec![1, 2, 3]));
        assert_eq!(stz2(8, 2, &[200, 5]), Ok(vec![200, 5]));
        assert_eq!(stz2(16, 2, &[1, 0, 0, 7]), Ok(vec![256, 7]));
        for refused in [stz2(5, 1, &[0; 8]), stz2(8, 3, &[1, 2]), stz2(16, 2, &[0, 1, 0])] {
            assert!(refused.is_err());
        }
    }
}
