//! The samples that a `moof` speaks of (ISO/IEC 14496-12, 8.8).

use shiguredo_mp4::SampleFlags;
use shiguredo_mp4::boxes::{TfdtBox, TfhdBox, TrexBox, TrunBox};
use thiserror::Error;

use crate::boxes::{BoxError, RawBox, child, children, required_child};
use crate::limits::FRAGMENT_SAMPLES_MAX;
use crate::sample::Sample;

/// What holds for samples that say nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SampleDefaults {
    duration: u32,
    len: u32,
    flags: u32,
}

impl From<&TrexBox> for SampleDefaults {
    fn from(trex: &TrexBox) -> Self {
        Self {
            duration: trex.default_sample_duration,
            len: trex.default_sample_size,
            flags: trex.default_sample_flags.get(),
        }
    }
}

/// The samples of one track in one fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) track_id: u32,
    /// When the first sample is decoded; `None`: after the fragment before.
    pub(crate) decode_time: Option<u64>,
    pub(crate) samples: Vec<Sample>,
}

/// Reads the content of a `moof` that begins at `moof_offset` of the file or stream.
pub(crate) fn runs(
    moof: &[u8],
    moof_offset: u64,
    defaults: impl Fn(u32) -> SampleDefaults,
) -> Result<Vec<Run>, FragmentError> {
    let mut reading = Reading { moof_offset, data_end: moof_offset, samples: 0 };
    let trafs = children(moof).filter(|found| !matches!(found, Ok(other) if other.name != *b"traf"));
    trafs.map(|traf| reading.track_run(traf?.body, &defaults)).collect()
}

struct Reading {
    moof_offset: u64,
    /// Where the samples that were read last end.
    data_end: u64,
    samples: usize,
}

impl Reading {
    fn track_run(
        &mut self,
        traf: &[u8],
        defaults: &impl Fn(u32) -> SampleDefaults,
    ) -> Result<Run, FragmentError> {
        let tfhd: TfhdBox = required_child(traf, *b"tfhd")?.decode()?;
        if tfhd.sample_description_index.is_some_and(|index| index != 1) {
            return Err(FragmentError::Description);
        }
        let tfdt = child(traf, *b"tfdt")?.map(|tfdt| tfdt.decode::<TfdtBox>()).transpose()?;
        let defaults = refine(defaults(tfhd.track_id), &tfhd);
        let base = match tfhd.base_data_offset {
            Some(base) => base,
            None if tfhd.default_base_is_moof => self.moof_offset,
            None => self.data_end,
        };
        self.data_end = base;
        let mut samples = Vec::new();
        for found in children(traf) {
            let found = found?;
            if found.name == *b"trun" {
                self.samples(&found, base, defaults, &mut samples)?;
            }
        }
        Ok(Run {
            track_id: tfhd.track_id,
            decode_time: tfdt.map(|tfdt| tfdt.base_media_decode_time),
            samples,
        })
    }

    fn samples(
        &mut self,
        trun: &RawBox<'_>,
        base: u64,
        defaults: SampleDefaults,
        into: &mut Vec<Sample>,
    ) -> Result<(), FragmentError> {
        // Samples that say nothing take no room in the box: their number is checked before there is a list of them.
        let count = trun
            .body
            .get(4..8)
            .map_or(0, |count| count.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)));
        self.samples = self.samples.saturating_add(count);
        if self.samples > FRAGMENT_SAMPLES_MAX {
            return Err(FragmentError::TooManySamples { count: self.samples });
        }
        let trun: TrunBox = trun.decode()?;
        if let Some(shift) = trun.data_offset {
            self.data_end = base.checked_add_signed(shift.into()).ok_or(FragmentError::Offset)?;
        }
        for (index, entry) in trun.samples.iter().enumerate() {
            let first_flags = trun.first_sample_flags.filter(|_| index == 0).map(SampleFlags::get);
            let flags = first_flags.or(entry.flags.map(SampleFlags::get)).unwrap_or(defaults.flags);
            let len = entry.size.unwrap_or(defaults.len);
            let composition = entry.composition_time_offset.unwrap_or(0);
            into.push(Sample {
                offset: self.data_end,
                len,
                duration: entry.duration.unwrap_or(defaults.duration),
                composition: i32::try_from(composition)
                    .map_err(|_| FragmentError::Composition { composition })?,
                is_sync: !SampleFlags::new(flags).sample_is_non_sync_sample(),
            });
            self.data_end = self.data_end.checked_add(len.into()).ok_or(FragmentError::Offset)?;
        }
        Ok(())
    }
}

fn refine(defaults: SampleDefaults, tfhd: &TfhdBox) -> SampleDefaults {
    SampleDefaults {
        duration: tfhd.default_sample_duration.unwrap_or(defaults.duration),
        len: tfhd.default_sample_size.unwrap_or(defaults.len),
        flags: tfhd.default_sample_flags.map_or(defaults.flags, SampleFlags::get),
    }
}

/// How long a sample lasts when what follows it begins at `next` instead of `end`, as its own duration has it.
pub(crate) fn stretched(duration: u32, end: u64, next: u64) -> Result<u32, FragmentError> {
    let begin = end.saturating_sub(duration.into());
    let stretched = next.checked_sub(begin).and_then(|stretched| u32::try_from(stretched).ok());
    stretched.ok_or(FragmentError::Backwards { found: next, expected: end })
}

/// What is wrong with a fragment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FragmentError {
    /// A box is missing or cannot be decoded.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// More samples than [`FRAGMENT_SAMPLES_MAX`].
    #[error("a fragment of {count} samples, more than {FRAGMENT_SAMPLES_MAX}")]
    TooManySamples {
        /// What it says.
        count: usize,
    },
    /// Samples of a description that is not the only one.
    #[error("a fragment is described by another sample entry than the first; only one is supported")]
    Description,
    /// A sample lies before the beginning or behind every end.
    #[error("a fragment places a sample outside of any file")]
    Offset,
    /// A composition offset that does not fit 31 bits.
    #[error("a composition offset of {composition}")]
    Composition {
        /// The offset in units of the track's timescale.
        composition: i64,
    },
    /// The samples of a fragment are together longer than its `mdat`, so they overlap.
    #[error("samples of {media_len} bytes overlap in a fragment with room for {room}")]
    Overlap {
        /// Their lengths together.
        media_len: u64,
        /// The length of the `mdat`.
        room: usize,
    },
    /// A fragment begins before the one that it follows, or days after it.
    #[error("a fragment begins at {found}, where the samples before it end at {expected}")]
    Backwards {
        /// Where it begins, in units of the track's timescale.
        found: u64,
        /// Where the samples before it end.
        expected: u64,
    },
}
