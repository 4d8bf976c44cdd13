//! When the samples of a track are shown: edit lists, priming, late starts.
//!
//! A file may say by an edit list that a track begins later than the others, or that its first samples only prime the
//! decoder. Here both become numbers, and samples that are never shown are left out.

use std::num::NonZeroU32;

use shiguredo_mp4::boxes::ElstEntry;
use thiserror::Error;

use crate::limits::{EDITS_MAX, LATE_START_MAX};
use crate::sample::{Sample, with_decode_times};

/// Sound that precedes what is shown is kept for this part of a second, so that a decoder has settled by then.
const SETTLING_PARTS: u64 = 10;

/// What an edit list says: wait, then show the media from a moment on, perhaps up to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edits {
    movie_timescale: NonZeroU32,
    /// In the movie's timescale.
    delay: u64,
    /// In the track's timescale.
    media_time: u64,
    /// In the movie's timescale; `None`: to the end.
    duration: Option<u64>,
}

impl Edits {
    /// No edit list: everything is shown, from the beginning.
    pub(crate) fn none(movie_timescale: NonZeroU32) -> Self {
        Self { movie_timescale, delay: 0, media_time: 0, duration: None }
    }

    /// Any number of empty edits, and then one.
    pub(crate) fn read(entries: &[ElstEntry], movie_timescale: NonZeroU32) -> Result<Self, EditError> {
        let mut edits = Self::none(movie_timescale);
        let empty = entries.iter().take_while(|entry| entry.media_time == -1).count();
        if empty > EDITS_MAX {
            return Err(EditError::Several { count: entries.len() });
        }
        edits.delay = entries[..empty].iter().fold(0, |sum, entry| entry.edit_duration.saturating_add(sum));
        match &entries[empty..] {
            [] => Ok(edits),
            [entry] => {
                let rate = (entry.media_rate.integer, entry.media_rate.fraction);
                if rate != (1, 0) {
                    return Err(EditError::Rate { rate: rate.0 });
                }
                let media_time = u64::try_from(entry.media_time);
                edits.media_time =
                    media_time.map_err(|_| EditError::Time { media_time: entry.media_time })?;
                edits.duration = Some(entry.edit_duration).filter(|duration| *duration > 0);
                Ok(edits)
            }
            entries => Err(EditError::Several { count: entries.len() }),
        }
    }

    /// The time of the media that is shown first, in the track's timescale.
    pub(crate) fn media_time(&self) -> u64 {
        self.media_time
    }

    /// How long nothing is shown, in units of `timescale`.
    pub(crate) fn delay_in(&self, timescale: u32) -> u64 {
        rescale(self.delay, self.movie_timescale.get(), timescale)
    }

    /// The end of the media that is shown, at the latest: the movie's timescale may be coarse.
    fn end_in(&self, timescale: u32) -> Option<u64> {
        let latest = self.duration?.saturating_add(1);
        Some(
            rescale(latest, self.movie_timescale.get(), timescale)
                .saturating_add(self.media_time)
                .saturating_add(1),
        )
    }
}

/// How the times of a rendition's samples are to be read: the first is decoded at `decode_start`, and a sample is
/// shown at its decoding time, plus its composition offset, less `media_time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Timeline {
    pub(crate) decode_start: u64,
    pub(crate) media_time: u64,
}

impl Timeline {
    /// Each sample with its decoding time and the time at which it is shown.
    pub(crate) fn times<'a>(
        &self,
        samples: &'a [Sample],
    ) -> impl Iterator<Item = (u64, u64, &'a Sample)> + use<'a> {
        let media_time = self.media_time;
        with_decode_times(samples, self.decode_start)
            .map(move |(decode, sample)| (decode, shown(decode, sample).saturating_sub(media_time), sample))
    }

    /// When the last sample has been shown.
    pub(crate) fn end(&self, samples: &[Sample]) -> u64 {
        let ends = with_decode_times(samples, self.decode_start)
            .map(|(decode, sample)| shown(decode, sample).saturating_add(sample.duration.into()));
        ends.max().unwrap_or(0).saturating_sub(self.media_time)
    }
}

/// A track's samples in decoding order, the first decoded at `decode_time` of its own clock.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) samples: Vec<Sample>,
    pub(crate) decode_time: u64,
}

/// Applies `edits` to a track. A late start moves sound; the first picture instead is shown from the beginning, since
/// players take the first picture for the beginning of everything.
pub(crate) fn lay(
    recorded: Recorded,
    is_video: bool,
    timescale: u32,
    edits: &Edits,
) -> Result<(Vec<Sample>, Timeline), EditError> {
    let Recorded { mut samples, mut decode_time } = recorded;
    let mut media_time = edits.media_time;
    if let Some(end) = edits.end_in(timescale) {
        drop_after(&mut samples, decode_time, end);
    }
    media_time += make_offsets_positive(&mut samples);
    let dropped = drop_before(&mut samples, media_time.saturating_sub(decode_time), is_video, timescale);
    decode_time = decode_time.saturating_add(dropped);
    let earliest = with_decode_times(&samples, 0).map(|(decode, sample)| shown(decode, sample)).min();
    let earliest = earliest.ok_or(EditError::NothingShown)?;
    let begin = decode_time.saturating_add(earliest);
    let late = edits.delay_in(timescale).saturating_add(begin.saturating_sub(media_time));
    if late > u64::from(LATE_START_MAX) * u64::from(timescale) {
        return Err(EditError::Late { seconds: late / u64::from(timescale) });
    }
    let media_time = if begin >= media_time { earliest } else { media_time - decode_time };
    give_last_a_duration(&mut samples);
    let mut timeline = Timeline { decode_start: late, media_time };
    if is_video {
        let first = &mut samples[0].duration;
        let longer = u32::try_from(u64::from(*first) + late);
        *first = longer.map_err(|_| EditError::Late { seconds: late / u64::from(timescale) })?;
        timeline.decode_start = 0;
    }
    if timeline.end(&samples) == 0 {
        return Err(EditError::NothingShown);
    }
    Ok((samples, timeline))
}

fn shown(decode: u64, sample: &Sample) -> u64 {
    decode.saturating_add_signed(sample.composition.into())
}

/// Leaves out the last samples that would be shown from `end` on.
fn drop_after(samples: &mut Vec<Sample>, decode_time: u64, end: u64) {
    let kept = with_decode_times(samples, decode_time)
        .enumerate()
        .filter(|(_, (decode, sample))| shown(*decode, sample) < end)
        .last()
        .map_or(0, |(index, _)| index + 1);
    samples.truncate(kept);
}

/// Raises all composition offsets by what makes the least of them 0, and returns it.
fn make_offsets_positive(samples: &mut [Sample]) -> u64 {
    let least = samples.iter().map(|sample| sample.composition).min().unwrap_or(0).min(0);
    for sample in samples {
        sample.composition = sample.composition.saturating_sub(least);
    }
    least.unsigned_abs().into()
}

/// Leaves out what comes before the keyframe that is needed to show `media_time`; for sound, what is long past by
/// then. Returns the time that this takes away. Samples before the first keyframe cannot be decoded at all.
fn drop_before(samples: &mut Vec<Sample>, media_time: u64, is_video: bool, timescale: u32) -> u64 {
    let settled = media_time.saturating_sub(if is_video { 0 } else { u64::from(timescale) / SETTLING_PARTS });
    let times = || with_decode_times(samples, 0).enumerate().filter(|(_, (_, sample))| sample.is_sync);
    let needed = times().take_while(|(_, (decode, sample))| shown(*decode, sample) <= settled).last();
    let Some((first, (decode, _))) = needed.or_else(|| times().next()) else {
        return 0;
    };
    samples.drain(..first);
    decode
}

/// Writers that do not know how long the last frame lasts say 0; it lasts as long as the one before it.
fn give_last_a_duration(samples: &mut [Sample]) {
    if let [.., before, last] = samples
        && last.duration == 0
    {
        last.duration = before.duration;
    }
    if let [.., last] = samples {
        last.duration = last.duration.max(1);
    }
}

/// `ticks` of one clock in ticks of another, rounded down.
pub(crate) fn rescale(ticks: u64, from: u32, to: u32) -> u64 {
    let scaled = u128::from(ticks) * u128::from(to) / u128::from(from.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Why an edit list is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EditError {
    /// More than one stretch of the media is shown.
    #[error(
        "an edit list with {count} edits: only one stretch of the media is supported; export it anew or convert it with ffmpeg"
    )]
    Several {
        /// Edits that are not empty.
        count: usize,
    },
    /// It is shown faster or slower.
    #[error("an edit list that plays at the rate {rate}; only 1 is supported")]
    Rate {
        /// The whole part of the rate.
        rate: i16,
    },
    /// The edit begins at no time.
    #[error("an edit list that begins at {media_time}")]
    Time {
        /// What the list says.
        media_time: i64,
    },
    /// It leaves nothing to show.
    #[error("the edit list shows none of the samples")]
    NothingShown,
    /// The track starts later than [`LATE_START_MAX`].
    #[error("it starts {seconds} s after the others; at most {LATE_START_MAX} s are supported")]
    Late {
        /// How late.
        seconds: u64,
    },
}

#[cfg(test)]
mod tests {
    use shiguredo_mp4::FixedPointNumber;

    use super::*;

    const MOVIE: NonZeroU32 = NonZeroU32::new(1000).unwrap();
    const TIMESCALE: u32 = 100;

    fn entry(edit_duration: u64, media_time: i64) -> ElstEntry {
        ElstEntry { edit_duration, media_time, media_rate: FixedPointNumber::new(1, 0) }
    }

    fn edits(entries: &[(u64, i64)]) -> Edits {
        let entries: Vec<_> = entries.iter().map(|(duration, time)| entry(*duration, *time)).collect();
        Edits::read(&entries, MOVIE).unwrap()
    }

    /// One sample every 4 ticks; `K` marks a keyframe, and `compositions` repeat.
    fn recorded(keys: &str, compositions: &[i32], decode_time: u64) -> Recorded {
        let sample = |(index, key): (usize, char)| Sample {
            offset: index as u64,
            len: 1,
            duration: 4,
            composition: compositions[index % compositions.len()],
            is_sync: key == 'K',
        };
        Recorded { samples: keys.chars().enumerate().map(sample).collect(), decode_time }
    }

    fn times(samples: &[Sample], timeline: Timeline) -> Vec<u64> {
        timeline.times(samples).map(|(_, start, _)| start).collect()
    }

    #[test]
    fn the_delay_of_reordered_frames_is_no_delay() {
        for (compositions, media_time) in [([8, 12, 4], 8), ([0, 4, -4], 0)] {
            let (samples, timeline) =
                lay(recorded("Kbb", &compositions, 0), true, TIMESCALE, &edits(&[(120, media_time)]))
                    .unwrap();
            assert_eq!(times(&samples, timeline), [0, 8, 4], "{compositions:?}");
            assert!(samples.iter().all(|sample| sample.composition >= 0));
        }
    }

    #[test]
    fn late_sound_is_moved_and_a_late_picture_is_extended() {
        let edits = edits(&[(200, -1), (300, -1), (160, 0)]);
        let (samples, timeline) = lay(recorded("KKKK", &[0], 0), false, TIMESCALE, &edits).unwrap();
        assert_eq!((times(&samples, timeline), timeline.decode_start), (vec![50, 54, 58, 62], 50));
        let edits = self::edits(&[(500, -1), (160, 8)]);
        let (samples, timeline) = lay(recorded("Kbbb", &[8, 12, 4, 8], 0), true, TIMESCALE, &edits).unwrap();
        assert_eq!(times(&samples, timeline), [0, 58, 54, 62]);
        assert_eq!((samples[0].duration, timeline), (54, Timeline { decode_start: 0, media_time: 8 }));
    }

    #[test]
    fn priming_is_kept_and_long_silence_is_not() {
        let (samples, timeline) =
            lay(recorded("KKKK", &[0], 0), false, TIMESCALE, &edits(&[(0, 6)])).unwrap();
        assert_eq!((times(&samples, timeline), timeline.media_time), (vec![0, 0, 2, 6], 6));
        let keys = "K".repeat(50);
        let (samples, timeline) =
            lay(recorded(&keys, &[0], 0), false, TIMESCALE, &edits(&[(0, 101)])).unwrap();
        assert_eq!((samples[0].offset, timeline.media_time), (22, 13));
    }

    #[test]
    fn what_is_cut_away_is_left_out() {
        let (samples, timeline) =
            lay(recorded("KbbbKbbbKbbb", &[0], 0), true, TIMESCALE, &edits(&[(160, 20)])).unwrap();
        let kept: Vec<_> = samples.iter().map(|sample| sample.offset).collect();
        assert_eq!((kept, timeline.media_time), ((4..10).collect(), 4));
    }

    #[test]
    fn a_recording_may_begin_at_any_time() {
        let none = Edits::none(MOVIE);
        let (samples, timeline) = lay(recorded("bKbb", &[4], 96), true, TIMESCALE, &none).unwrap();
        assert_eq!((samples.len(), samples[0].duration), (3, 4 + 104));
        assert_eq!(times(&samples, timeline), [0, 108, 112]);
        let late = lay(recorded("K", &[0], 100_000), false, TIMESCALE, &none);
        assert_eq!(late.unwrap_err(), EditError::Late { seconds: 1000 });
    }

    #[test]
    fn other_edits_are_refused() {
        let read = |entries: &[ElstEntry]| Edits::read(entries, MOVIE).unwrap_err();
        assert_eq!(read(&[entry(10, 0), entry(10, 20)]), EditError::Several { count: 2 });
        assert_eq!(read(&[entry(10, 0), entry(10, -1)]), EditError::Several { count: 2 });
        assert_eq!(read(&[entry(10, -2)]), EditError::Time { media_time: -2 });
        let fast = ElstEntry { media_rate: FixedPointNumber::new(2, 0), ..entry(10, 0) };
        assert_eq!(read(&[fast]), EditError::Rate { rate: 2 });
        let beyond = lay(recorded("KKKK", &[0], 0), false, TIMESCALE, &edits(&[(0, 1000)]));
        assert_eq!(beyond.unwrap_err(), EditError::NothingShown);
    }
}
