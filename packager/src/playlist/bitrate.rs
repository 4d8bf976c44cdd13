//! How many bits a second a rendition needs.

use std::time::Duration;

use super::Segment;

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bitrate {
    /// The most that any stretch of about one segment's length needs (RFC 8216, 4.1).
    pub peak: u64,
    /// All bits over all seconds.
    pub average: u64,
}

impl Bitrate {
    /// The rates of a rendition with these segments.
    pub fn of(segments: &[Segment]) -> Self {
        let average = rate(segments);
        let target = segments.iter().map(|segment| segment.duration).max().unwrap_or_default();
        // Stretches of half to one and a half target durations count; a short last segment alone does not.
        let stretches = (0..segments.len()).filter_map(|first| {
            let mut duration = Duration::ZERO;
            let last = (first..segments.len()).find(|index| {
                duration += segments[*index].duration;
                duration * 2 >= target
            })?;
            (duration * 2 <= target * 3).then(|| rate(&segments[first..=last]))
        });
        Self { peak: stretches.max().unwrap_or(0).max(average), average }
    }
}

fn rate(segments: &[Segment]) -> u64 {
    let bits = segments.iter().map(|segment| u128::from(segment.len) * 8).sum::<u128>();
    let micros = segments.iter().map(|segment| segment.duration.as_micros()).sum::<u128>();
    u64::try_from((bits * 1_000_000).div_ceil(micros.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(of: &[(u64, u64)]) -> Vec<Segment> {
        let segment = |(len, millis): &(u64, u64)| Segment {
            offset: 0,
            len: *len,
            duration: Duration::from_millis(*millis),
        };
        of.iter().map(segment).collect()
    }

    #[test]
    fn the_peak_is_that_of_the_densest_segment() {
        let rate = Bitrate::of(&segments(&[(1000, 2000), (4000, 4000), (2000, 4000)]));
        assert_eq!(rate, Bitrate { peak: 8000, average: 5600 });
    }

    #[test]
    fn a_single_frame_at_the_end_is_no_peak() {
        let rate = Bitrate::of(&segments(&[(4000, 4000), (4000, 4000), (4000, 40)]));
        assert!(rate.peak < 16_000, "{rate:?}");
    }

    #[test]
    fn nothing_needs_nothing() {
        assert_eq!(Bitrate::of(&[]), Bitrate::default());
    }
}
