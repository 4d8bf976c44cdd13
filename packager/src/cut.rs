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
        push_if_nearest(&mut begins, candidate, start, target);
        candidate = Some(Cut { sample: index, decode_time, start });
    }
    // The end of the film is as good a place as a keyframe.
    let end = timeline.end(samples);
    push_if_nearest(&mut begins, candidate.filter(|cut| cut.start < end), end, target);
    Cuts { begins, end }
}

/// Begins a segment at `candidate`, unless `next`, the place after it, is nearer to the target.
fn push_if_nearest(begins: &mut Vec<Cut>, candidate: Option<Cut>, next: u64, target: u64) {
    let last = begins.last().map_or(0, |cut| cut.start);
    let wanted = if begins.len() == 1 { target / 2 } else { target };
    let is_nearest = |cut: &Cut| (cut.start - last).abs_diff(wanted) <= (next - last).abs_diff(wanted);
    begins.extend(candidate.filter(is_nearest));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        let sample = (0_u32..30, any::<bool>());
        prop::collection::vec(sample, 1..120).prop_map(|all| {
            let sample =
                |(duration, is_sync)| Sample { offset: 0, len: 1, duration, composition: 0, is_sync };
            let mut samples: Vec<_> = all.into_iter().map(sample).collect();
            samples[0].is_sync = true;
            if let Some(last) = samples.last_mut() {
                last.duration += 1;
            }
            samples
        })
    }

    /// Of all keyframes and the end, the one that is nearest; again and again.
    fn nearest_keyframes(samples: &[Sample], timeline: &Timeline, target: u64) -> Vec<u64> {
        let end = timeline.end(samples);
        let keyframes =
            timeline.times(samples).filter(|(_, _, sample)| sample.is_sync).map(|(_, start, _)| start);
        let places: Vec<u64> = keyframes.chain([end]).collect();
        let mut starts = vec![0];
        loop {
            let last = *starts.last().unwrap();
            let wanted = if starts.len() == 1 { target / 2 } else { target };
            let later = places.iter().filter(|place| **place > last);
            match later.min_by_key(|place| (**place - last).abs_diff(wanted)) {
                Some(place) if *place < end => starts.push(*place),
                _ => return starts,
            }
        }
    }

    /// For each boundary, the last sample that can begin a segment and is not late. The first segment begins with the
    /// film, whenever its first sample does.
    fn last_before(samples: &[Sample], timeline: &Timeline, boundaries: &[Moment]) -> Vec<u64> {
        let mut places: Vec<_> =
            timeline.times(samples).map(|(_, start, sample)| (start, sample.is_sync)).collect();
        places[0].0 = 0;
        let mut starts = vec![0];
        for boundary in boundaries.iter().filter(|boundary| boundary.ticks < timeline.end(samples)) {
            let is_in_time = |(start, is_sync): &&(u64, bool)| *is_sync && *start <= boundary.ticks;
            starts.extend(places.iter().rev().find(is_in_time).map(|(start, _)| *start));
        }
        starts.dedup();
        starts
    }

    fn starts(cuts: &Cuts) -> Vec<u64> {
        cuts.begins.iter().map(|cut| cut.start).collect()
    }

    fn check(cuts: &Cuts, samples: &[Sample], timeline: &Timeline) {
        let times: Vec<_> = timeline.times(samples).collect();
        for cut in &cuts.begins {
            let (decode_time, start, sample) = times[cut.sample];
            assert!(sample.is_sync && decode_time == cut.decode_time);
            assert!(start == cut.start || cut.sample == 0);
        }
        let starts = starts(cuts);
        assert!(starts.is_sorted_by(|a, b| a < b) && starts[0] == 0 && starts[starts.len() - 1] < cuts.end);
    }

    proptest! {
        #[test]
        fn keyframes_nearest_to_the_target_begin_segments(samples in samples(), target in 1_u64..200) {
            let timeline = Timeline::default();
            let cuts = at_keyframes(&samples, &timeline, target);
            check(&cuts, &samples, &timeline);
            prop_assert_eq!(starts(&cuts), nearest_keyframes(&samples, &timeline, target));
        }

        #[test]
        fn sound_is_cut_just_before_the_boundary(
            samples in samples(),
            boundaries in prop::collection::btree_set(1_u64..2000, 0..20),
            decode_start in 0_u64..100,
        ) {
            let timeline = Timeline { decode_start, media_time: 0 };
            let moment = |ticks| Moment { ticks, timescale: 1000 };
            let boundaries: Vec<_> = boundaries.into_iter().map(moment).collect();
            let cuts = at_boundaries(&samples, &timeline, 1000, &boundaries);
            check(&cuts, &samples, &timeline);
            let expected = last_before(&samples, &timeline, &boundaries);
            prop_assert_eq!(starts(&cuts), expected);
        }
    }

    #[test]
    fn sound_alone_is_cut_at_even_intervals() {
        let end = Moment { ticks: 11_500, timescale: 1000 };
        let ticks = |moments: Vec<Moment>| moments.iter().map(|moment| moment.ticks).collect::<Vec<_>>();
        assert_eq!(ticks(boundaries(None, end, 4)), [2000, 6000]);
        let begin = |start| Cut { sample: 0, decode_time: 0, start };
        let video = Cuts { begins: vec![begin(0), begin(50)], end: 60 };
        assert_eq!(ticks(boundaries(Some((&video, 25)), end, 4)), [50, 6000]);
        assert_eq!(boundaries(None, Moment { ticks: u64::MAX, timescale: 1 }, 4).len(), SEGMENTS_MAX + 1);
    }
}
