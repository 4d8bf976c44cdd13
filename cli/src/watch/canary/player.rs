//! How a player plays: what it asks for, in which order and when, so that a gateway sees what it sees of everybody who watches.
//! No clock, no socket, no randomness of its own.

use sharing::{Bundle, Track, TrackId, TrackKind};

/// How far players read ahead, in milliseconds.
const AHEAD_MS: u64 = 30_000;
/// One viewer of so many begins somewhere in the middle, where they stopped the last time.
const RESUMES_OF: u64 = 4;
/// One run of so many ends with a jump to another place.
const JUMPS_OF: u64 = 2;
/// A run that ends with a jump has at least so many segments, and at most twice as many.
const RUN_MIN: u64 = 4;
/// Nobody jumps sooner than this after a run has begun, in milliseconds, and it takes them no longer than as much again.
const JUMP_AFTER_MS: u64 = 2000;

/// What is asked for at the same time: parts of tracks, by number; their init sections where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Not before so many milliseconds since the beginning.
    pub(super) at_ms: u64,
    pub(super) parts: Vec<(TrackId, Option<u32>)>,
}

/// One visit: a picture and a sound, from the beginning or from where somebody stopped, with jumps. At most `segments` of each are
/// asked for. `below` draws a number below another one.
pub(super) fn visit(bundle: &Bundle, segments: u32, mut below: impl FnMut(u64) -> u64) -> Vec<Step> {
    let tracks = chosen(bundle, &mut below);
    // The track with the most segments says how far there is something to play.
    let Some(longest) = tracks.iter().max_by_key(|track| track.segment_count()) else { return Vec::new() };
    let init = tracks.iter().filter(|track| track.init().is_some()).map(|track| (track.id().clone(), None));
    let mut steps = vec![Step { at_ms: 0, parts: init.collect() }];
    let starts: Vec<_> = (0..longest.segment_count()).map(|number| start_ms(longest, number)).collect();
    for Asked { at_ms, number } in asked(&starts, segments, below) {
        let there = tracks.iter().filter(|track| number < track.segment_count());
        let parts = there.map(|track| (track.id().clone(), Some(number))).collect();
        steps.push(Step { at_ms, parts });
    }
    steps
}

/// A segment that is asked for, not before so many milliseconds since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    at_ms: u64,
    number: u32,
}

/// Which segments are asked for, of those that are played from these milliseconds on.
fn asked(starts: &[u64], segments: u32, mut below: impl FnMut(u64) -> u64) -> Vec<Asked> {
    let count = u32::try_from(starts.len()).unwrap_or(u32::MAX);
    let start = |number: u32| starts[number as usize];
    let (mut asked, mut left, mut began) = (Vec::new(), segments, 0);
    let mut next = if below(RESUMES_OF) == 0 { number_below(count, &mut below) } else { 0 };
    while left > 0 && next < count {
        let run = if below(JUMPS_OF) == 0 { RUN_MIN + below(RUN_MIN) } else { u64::from(u32::MAX) };
        let run = left.min(u32::try_from(run).unwrap_or(u32::MAX));
        let end = count.min(next.saturating_add(run));
        asked.extend((next..end).map(|number| {
            let ahead = start(number) - start(next);
            Asked { at_ms: began + ahead.saturating_sub(AHEAD_MS), number }
        }));
        left -= end - next;
        if left == 0 || end == count {
            break;
        }
        began = asked.last().map_or(began, |last| last.at_ms) + JUMP_AFTER_MS + below(JUMP_AFTER_MS);
        next = number_below(count, &mut below);
    }
    asked
}

/// One picture, whatever suits the viewer's line, and the sound that is heard when nobody chooses.
fn chosen<'b>(bundle: &'b Bundle, below: &mut impl FnMut(u64) -> u64) -> Vec<&'b Track> {
    let of = |is_kind: fn(&TrackKind) -> bool| {
        bundle.tracks().iter().filter(move |track| is_kind(track.kind())).collect::<Vec<_>>()
    };
    let pictures = of(|kind| matches!(kind, TrackKind::Video(_)));
    let sounds = of(|kind| matches!(kind, TrackKind::Audio(_)));
    let sound = sounds.iter().find(|track| track.is_default()).or(sounds.first());
    let picture = match pictures.len() {
        0 => None,
        count => usize::try_from(below(count as u64)).ok().and_then(|number| pictures.get(number)),
    };
    picture.into_iter().chain(sound).copied().collect()
}

fn number_below(count: u32, below: &mut impl FnMut(u64) -> u64) -> u32 {
    u32::try_from(below(count.into())).unwrap_or(0)
}

/// When a segment is played.
fn start_ms(track: &Track, number: u32) -> u64 {
    let start = track.segment(number).map_or(0, |place| place.start());
    u64::try_from(u128::from(start) * 1000 / u128::from(track.timescale().get())).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws these numbers, one after the other, and then 1.
    fn drawn(numbers: &[u64]) -> impl FnMut(u64) -> u64 {
        let mut numbers = numbers.iter().copied();
        move |below| numbers.next().unwrap_or(1) % below
    }

    #[test]
    fn it_is_read_no_further_ahead_than_players_do() {
        let starts: Vec<_> = (0..20).map(|number| 4000 * number).collect();
        let all = asked(&starts, u32::MAX, drawn(&[]));
        let numbers: Vec<_> = all.iter().map(|asked| asked.number).collect();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>(), "in order");
        let at: Vec<_> = all.iter().map(|asked| asked.at_ms).collect();
        assert_eq!(at[..9], [0, 0, 0, 0, 0, 0, 0, 0, 2000], "28 s are within 30 s, 32 s are not");
        assert_eq!(at[19], 46_000);
        // From the middle, with a jump behind six segments.
        let jumped = asked(&starts, 8, drawn(&[0, 9, 0, 2, 500, 3]));
        let numbers: Vec<_> = jumped.iter().map(|asked| asked.number).collect();
        assert_eq!(numbers, [9, 10, 11, 12, 13, 14, 3, 4]);
        assert_eq!((jumped[5].at_ms, jumped[6].at_ms), (0, 2500));
        assert!(asked(&[], 5, drawn(&[])).is_empty());
    }

    /// Whatever is drawn: what is asked for is there, no more than wished for, and nothing before what came before it.
    #[test]
    fn a_visit_goes_on_in_time() {
        for seed in 1..500_u64 {
            let mut state = seed;
            let mut draw = move |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let (len, most) = (1 + draw(60), u32::try_from(draw(80)).unwrap());
            let starts: Vec<_> = (0..len).map(|number| 3000 * number).collect();
            let all = asked(&starts, most, draw);
            assert!(all.len() <= most as usize, "seed {seed}");
            assert!(all.iter().all(|asked| u64::from(asked.number) < len), "seed {seed}");
            assert!(all.is_sorted_by_key(|asked| asked.at_ms), "seed {seed}");
            assert_eq!(all.is_empty(), most == 0, "seed {seed}");
        }
    }
}
