//! Randomness that follows from a seed: jitter, and which parts a node is asked for.

use client::placement::segment_seed;

/// A stream of numbers from 32 random bytes.
#[derive(Debug)]
pub(super) struct Dice {
    seed: [u8; 32],
    drawn: u32,
}

impl Dice {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A number below `end`; 0 when that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        let hash = segment_seed(&self.seed, self.drawn);
        if self.drawn == u32::MAX {
            self.seed = hash;
        }
        let number = u64::from_le_bytes(*hash.first_chunk().expect("a hash has 32 bytes"));
        // The bias is below 2^-20 for all ranges of times and lists.
        number.checked_rem(end).unwrap_or(0)
    }

    /// A time near `period`: a tenth more or less at most, so that what began together does not stay together.
    pub(super) fn around(&mut self, period: u64) -> u64 {
        let tenth = period / 10;
        period - tenth + self.below(2 * tenth + 1)
    }
}
