//! The size of a picture, as it is displayed.

use std::fmt;

use super::limits::{PIXELS_MAX, SIDE_MAX};

/// Pixels across and down, both at least 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// A size of up to [`SIDE_MAX`] pixels each way and [`PIXELS_MAX`] in all; `None` for others.
    pub fn new(width: u32, height: u32) -> Option<Self> {
        let allowed = 1..=SIDE_MAX;
        let few = u64::from(width) * u64::from(height) <= PIXELS_MAX;
        (allowed.contains(&width) && allowed.contains(&height) && few).then_some(Self { width, height })
    }

    /// Pixels from left to right.
    pub fn width(self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(self) -> u32 {
        self.height
    }

    /// The shorter side: what "720p" counts, also of a picture that stands upright.
    pub fn short(self) -> u32 {
        self.width.min(self.height)
    }

    /// The longer side.
    pub fn long(self) -> u32 {
        self.width.max(self.height)
    }

    /// Sides exchanged.
    pub(super) fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    /// The same picture, scaled down to a short side of `short` and to even sides. Never larger, but that a side of one
    /// pixel becomes two.
    pub(super) fn with_short(self, short: u32) -> Self {
        self.scaled(short.min(self.short()), self.short())
    }

    /// As [`with_short`](Self::with_short), by the long side.
    pub(super) fn with_long(self, long: u32) -> Self {
        self.scaled(long.min(self.long()), self.long())
    }

    fn scaled(self, by: u32, of: u32) -> Self {
        // Rounded to the nearest even number, but never beyond the side itself.
        let side = |side: u32| ((side * by + of) / (2 * of) * 2).min(side / 2 * 2).max(2);
        Self { width: side(self.width), height: side(self.height) }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}
