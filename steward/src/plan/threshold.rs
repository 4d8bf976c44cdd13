//! When a unit is repaired.

use crate::durability::repair_threshold;

/// Healthy parts at or below which a unit is repaired, of which `needed` parts give all `total` of them: what the
/// model of durability says, and the first loss at the latest where it says nothing.
pub fn unit_threshold(needed: u8, total: u8) -> u8 {
    let threshold = repair_threshold((u32::from(needed), u32::from(total)));
    let last = total.saturating_sub(1).max(needed);
    u8::try_from(threshold).unwrap_or(last).clamp(needed, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_spare_is_repaired_at_once_and_a_large_one_later() {
        for (needed, total, threshold) in [(1, 2, 1), (4, 6, 5), (5, 8, 7)] {
            assert_eq!(unit_threshold(needed, total), threshold, "{needed} of {total}");
        }
        assert!((30..50).contains(&unit_threshold(29, 80)));
        assert_eq!(unit_threshold(1, 1), 1, "a unit without spare parts");
    }
}
