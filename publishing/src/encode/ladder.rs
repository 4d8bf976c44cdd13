//! Which sizes of a film are made.

use super::probe::VideoProbe;
use super::size::Size;

/// Short sides of the standard rungs.
const STANDARD: [u32; 4] = [1080, 720, 480, 240];
/// Pixels of a rung's long side: what H.264 players decode.
const LONG_SIDE_MAX: u32 = 3840;
/// Frames per second above which a rung gets half as many bits again.
const FAST: u32 = 40;

/// One size of a film.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rung {
    size: Size,
    bit_rate: u32,
}

impl Rung {
    /// Its size; both sides are even.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Bits per second that it does not exceed for longer than two seconds.
    pub fn bit_rate(&self) -> u32 {
        self.bit_rate
    }

    /// Its short side and a "p": "720p".
    pub fn name(&self) -> String {
        format!("{}p", self.size.short())
    }
}

/// The sizes of a film, the largest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ladder(Vec<Rung>);

impl Ladder {
    /// 1080, 720, 480 and 240 pixels by the short side, none larger than the film.
    ///
    /// A film between two of them (a cinema's 1920 × 800, a phone's 960 × 540) begins with its own size, and leaves out
    /// standard ones that are within an eighth of that. One smaller than all of them has its own size only.
    pub fn choose(video: &VideoProbe) -> Self {
        let film = video.size;
        let by_long_side = film.short() * LONG_SIDE_MAX / film.long();
        let top = film.short().min(STANDARD[0]).min(by_long_side);
        let below = STANDARD.into_iter().filter(|short| short * 8 <= top * 7);
        let fast = video.frame_rate.is_some_and(|rate| rate.is_above(FAST));
        let rung = |short| {
            let size = film.with_short(short);
            Rung { size, bit_rate: bit_rate(size, fast) }
        };
        Self(std::iter::once(top).chain(below).map(rung).collect())
    }

    /// The largest first, at least one.
    pub fn rungs(&self) -> &[Rung] {
        &self.0
    }
}

/// About 5.5 Mbit/s for 1080p and 3 Mbit/s for 720p. Larger pictures need fewer bits a pixel, by pixels^(3/4).
fn bit_rate(size: Size, fast: bool) -> u32 {
    let pixels = u128::from(size.width()) * u128::from(size.height());
    let slow = 100 * pixels.pow(3).isqrt().isqrt();
    let rate = if fast { slow * 3 / 2 } else { slow };
    u32::try_from(rate).unwrap_or(u32::MAX).max(50_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encode::probe::FrameRate;

    fn film(width: u32, height: u32) -> VideoProbe {
        VideoProbe {
            stream: 0,
            codec: "h264".into(),
            size: Size::new(width, height).unwrap(),
            rotation: 0,
            frame_rate: FrameRate::new(25, 1),
            duration: None,
            interlaced: false,
            hdr: None,
            spherical: false,
            language: None,
        }
    }

    fn sizes(width: u32, height: u32) -> Vec<(u32, u32)> {
        let ladder = Ladder::choose(&film(width, height));
        ladder.rungs().iter().map(|rung| (rung.size.width(), rung.size.height())).collect()
    }

    #[test]
    fn standard_films_have_standard_rungs() {
        let hd = [(1920, 1080), (1280, 720), (854, 480), (426, 240)];
        assert_eq!(sizes(1920, 1080), hd);
        assert_eq!(sizes(3840, 2160), hd);
        assert_eq!(sizes(1280, 720), hd[1..]);
        assert_eq!(sizes(426, 240), [(426, 240)]);
    }

    #[test]
    fn upright_films_count_by_their_width() {
        assert_eq!(sizes(1080, 1920), [(1080, 1920), (720, 1280), (480, 854), (240, 426)]);
    }

    #[test]
    fn films_between_rungs_keep_their_own_size() {
        assert_eq!(sizes(1920, 800), [(1920, 800), (1152, 480), (576, 240)]);
        assert_eq!(sizes(961, 541), [(960, 540), (426, 240)]);
        assert_eq!(sizes(1024, 576), [(1024, 576), (854, 480), (426, 240)]);
        assert_eq!(sizes(161, 91), [(160, 90)]);
        assert_eq!(sizes(7680, 3840), [(2160, 1080), (1440, 720), (960, 480), (480, 240)]);
    }

    #[test]
    fn bit_rates_follow_the_picture() {
        let rates = |video: &VideoProbe| -> Vec<_> {
            Ladder::choose(video).rungs().iter().map(|rung| rung.bit_rate / 10_000).collect()
        };
        assert_eq!(rates(&film(1920, 1080)), [546, 297, 162, 57]);
        let fast = VideoProbe { frame_rate: FrameRate::new(60_000, 1001), ..film(1920, 1080) };
        assert_eq!(rates(&fast), [819, 446, 243, 85]);
    }

    fn sides() -> impl Strategy<Value = (u32, u32)> {
        let fits = |(width, height): &(u32, u32)| Size::new(*width, *height).is_some();
        (16u32..=16_384, 16u32..=16_384).prop_filter("too many pixels", fits)
    }

    proptest! {
        #[test]
        fn rungs_are_even_ordered_and_never_larger_than_the_film((width, height) in sides()) {
            let film = film(width, height);
            let ladder = Ladder::choose(&film);
            prop_assert!((1..=4).contains(&ladder.rungs().len()));
            for rung in ladder.rungs() {
                let (w, h) = (rung.size.width(), rung.size.height());
                prop_assert!(w % 2 == 0 && h % 2 == 0 && w <= width && h <= height && w >= 2 && h >= 2);
                prop_assert!(rung.size.short() <= 1080 && rung.size.long() <= LONG_SIDE_MAX + 1);
                // The shape is kept: neither side is off by more than what rounding to even allows.
                let scale = f64::from(rung.size.short()) / f64::from(film.size.short());
                let off = (f64::from(rung.size.long()) - f64::from(film.size.long()) * scale).abs();
                let ratio = f64::from(film.size.long()) / f64::from(film.size.short());
                prop_assert!(off <= 2.0 * ratio + 2.0, "{width}x{height} became {}", rung.size);
            }
            for pair in ladder.rungs().windows(2) {
                prop_assert!(pair[0].size.short() > pair[1].size.short() && pair[0].bit_rate > pair[1].bit_rate);
            }
        }

        #[test]
        fn a_turned_film_has_the_same_ladder_turned((width, height) in sides()) {
            let turned: Vec<_> = sizes(height, width).into_iter().map(|(w, h)| (h, w)).collect();
            prop_assert_eq!(sizes(width, height), turned);
        }
    }
}
