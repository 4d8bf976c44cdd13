//! Where segments begin: video at keyframes, and audio where the video does.

use crate::limits::SEGMENTS_MAX;
use crate::sample::Sample;
use crate::timeline::Timeline;

/// The beginning of a segment. Times are in the track's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The first sample.
    pub(crate) sample: usize,
    /// When it is decoded.
    pub(crate) decode_time: u64,
    /// When it is shown.
    pub(crate) start: u64,
}

/// All segments of a track. There is at least one, and starts ascend strictly from 0 to `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cuts {
    pub(crate) begins: Vec<Cut>,
    /// When the last sample has been shown.
    pub(crate) end: u64,
}

impl Cuts {
    /// Each segment: its beginning, the end of its samples, and when the next one is shown.
    pub(crate) fn segments(&self, sample_count: usize) -> impl Iterator<Item = (Cut, usize, u64)> {
        let next = self.begins.iter().skip(1).map(|cut| (cut.sample, cut.start));
        self.begins
            .iter()
            .zip(next.chain([(sample_count, self.end)]))
            .map(|(cut, (sample, end))| (*cut, sample, end))
    }
}

/// Cuts at the keyframes that come nearest to `target` after the last cut; the first segment is half as long, so that
/// playing begins sooner.
pub(crate) fn at_keyframes(samples: &[Sample], timeline: &Timeline, target: u64) -> Cuts {
    let mut begins = vec![first(timeline)];
    let mut candidate: Option<Cut> = None;
    for (index, (decode_time, start, sample)) in timeline.times(samples).enumerate().skip(1) {
        let last = begins.last().map_or(0, |cut| cut.start);
        if !sample.is_sync || start <= candidate.map_or(last, |cut| cut.start) {
            continue;
        }
        let cut = Cut { sample: index, decode_time, start };
        let wanted = if begins.len() == 1 { target / 2 } else { target };
        match candidate {
            Some(before) if (before.start - last).abs_diff(wanted) <= (start - last).abs_diff(wanted) => {
                begins.push(before);
            }
            _ => {}
        }
        candidate = Some(cut);
    }
    let end = timeline.end(samples);
    if let Some(before) = candidate {
        let last = begins.last().map_or(0, |cut| cut.start);
        // The end of the film is as good a place as a keyframe.
        let wanted = if begins.len() == 1 { target / 2 } else { target };
        if before.start < end && (before.start - last).abs_diff(wanted) <= (end - last).abs_diff(wanted) {
            begins.push(before);
        }
    }
    Cuts { begins, end }
}

/// Cuts so that each segment begins with the last sample that begins no later than the boundary, up to which the
/// segment before is complete. `boundaries` ascend, in fractions of a second.
pub(crate) fn at_boundaries(
    samples: &[Sample],
    timeline: &Timeline,
    timescale: u32,
    boundaries: &[Moment],
) -> Cuts {
    let mut begins = vec![first(timeline)];
    let mut boundaries = boundaries.iter();
    let mut boundary = boundaries.next();
    let mut candidate = begins[0];
    for (index, (decode_time, start, sample)) in timeline.times(samples).enumerate().skip(1) {
        while boundary.is_some_and(|next| next.is_before(start, timescale)) {
            if begins.last().is_none_or(|last| last.start < candidate.start) {
                begins.push(candidate);
            }
            boundary = boundaries.next();
        }
        if sample.is_sync {
            candidate = Cut { sample: index, decode_time, start };
        }
    }
    let end = timeline.end(samples);
    let is_due = boundary.is_some_and(|next| next.is_before(end, timescale));
    if is_due && begins.last().is_none_or(|last| last.start < candidate.start) {
        begins.push(candidate);
    }
    Cuts { begins, end }
}

/// Where sound is cut: where the video is, and every `target` where there is no video.
pub(crate) fn boundaries(video: Option<(&Cuts, u32)>, end: Moment, segment_seconds: u32) -> Vec<Moment> {
    let of_video = video.into_iter().flat_map(|(cuts, timescale)| {
        cuts.begins.iter().skip(1).map(move |cut| Moment { ticks: cut.start, timescale })
    });
    let mut boundaries: Vec<Moment> = of_video.collect();
    let target = u64::from(segment_seconds) * u64::from(end.timescale);
    let mut next = match boundaries.last() {
        Some(last) => last.in_timescale(end.timescale).saturating_add(target),
        None if video.is_some() => target,
        // Without video, the first segment is half as long.
        None => target / 2,
    };
    // One more than there may be segments is enough for an error.
    while boundaries.len() <= SEGMENTS_MAX && next.saturating_add(target / 2) <= end.ticks {
        boundaries.push(Moment { ticks: next, timescale: end.timescale });
        next += target;
    }
    boundaries
}

/// A time as a fraction of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) ticks: u64,
    pub(crate) timescale: u32,
}

impl Moment {
    /// Whether it comes before `ticks` of a clock with `timescale`.
    pub(crate) fn is_before(&self, ticks: u64, timescale: u32) -> bool {
        u128::from(self.ticks) * u128::from(timescale) < u128::from(ticks) * u128::from(self.timescale)
    }

    fn in_timescale(self, timescale: u32) -> u64 {
        crate::timeline::rescale(self.ticks, self.timescale, timescale)
    }
}

fn first(timeline: &Timeline) -> Cut {
    Cut { sample: 0, decode_time: timeline.decode_start, start: 0 }
}
