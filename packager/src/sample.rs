//! One frame of video, or one packet of audio.

use std::ops::Range;

/// Where a sample lies, and when it is decoded and shown. Times are in the track's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) offset: u64,
    pub(crate) len: u32,
    pub(crate) duration: u32,
    /// When it is shown, less when it is decoded.
    pub(crate) composition: i32,
    /// Whether decoding can begin here.
    pub(crate) is_sync: bool,
}

impl Sample {
    pub(crate) fn bytes(&self) -> Range<u64> {
        self.offset..self.offset + u64::from(self.len)
    }
}

/// Each sample with its decoding time, when the first is decoded at `start`.
pub(crate) fn with_decode_times(samples: &[Sample], start: u64) -> impl Iterator<Item = (u64, &Sample)> {
    samples.iter().scan(start, |next, sample| {
        let time = *next;
        *next = time.saturating_add(sample.duration.into());
        Some((time, sample))
    })
}
