//! How soon audits notice that a part of what a node has is wrong.

/// Hours until audits have noticed, in so many cases (`quantile`, 0 to 1), that a `fraction` of a node's bytes is wrong.
///
/// Every `hours` the node proves `draws` leaves that are drawn anew from all of its bytes. One leaf is sound with 1 − f, all of
/// an audit with (1 − f)^d, all of n audits with (1 − f)^(d·n): n = ⌈ln(1 − q) / (d · ln(1 − f))⌉ audits are enough. That is
/// on the safe side: a wrong byte spoils its whole group of 16 KiB, and objects are audited besides.
///
/// Infinite when nothing is wrong, or when it is to be certain.
pub fn hours_to_notice(fraction: f64, draws: u32, hours: f64, quantile: f64) -> f64 {
    let all_sound = f64::from(draws) * (-fraction).ln_1p();
    let audits = ((-quantile).ln_1p() / all_sound).ceil();
    audits.max(1.0) * hours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_is_noticed_within_days() {
        let hours = |quantile| hours_to_notice(0.01, 8, 1.0, quantile);
        for (quantile, expected) in [(0.5, 9.0), (0.95, 38.0), (0.99, 58.0)] {
            assert!((hours(quantile) - expected).abs() < 0.5, "{quantile}");
        }
        assert!(hours_to_notice(0.5, 8, 1.0, 0.99) <= 1.0);
        assert!(hours(1.0).is_infinite() && hours_to_notice(0.0, 8, 1.0, 0.5).is_infinite());
    }

    #[test]
    fn what_it_says_is_what_counting_says() {
        // The chance that every one of n audits is passed, by multiplication.
        let (fraction, draws) = (0.03_f64, 5);
        let mut unnoticed = 1.0;
        for audits in 1..100 {
            (0..draws).for_each(|_| unnoticed *= 1.0 - fraction);
            let model = hours_to_notice(fraction, draws, 2.0, 1.0 - unnoticed * 1.000_001);
            assert!((model - 2.0 * f64::from(audits)).abs() < 0.5, "{audits} audits, {model} h");
        }
    }
}
