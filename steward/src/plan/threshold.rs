//! When a unit is repaired.

use chunker::Coding;

/// Healthy shards of a segment at or below which it is repaired: `k + ⌈m/2⌉`.
///
/// Waiting for a second loss halves the repairs of wide codings; half of the parity is left for what is lost meanwhile.
/// For codings with one or two parity columns this means: at once.
pub const fn repair_threshold(coding: Coding) -> u8 {
    unit_threshold(coding.data(), coding.total())
}

/// The same for a unit of which `needed` parts give all `total` of them.
pub const fn unit_threshold(needed: u8, total: u8) -> u8 {
    needed + total.saturating_sub(needed).div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_parity_is_left() {
        for (coding, threshold) in [("1+1", 2), ("4+2", 5), ("5+3", 7), ("10+6", 13), ("29+51", 55)] {
            assert_eq!(repair_threshold(coding.parse().unwrap()), threshold, "{coding}");
        }
    }
}
