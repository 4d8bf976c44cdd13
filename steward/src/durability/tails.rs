//! Probabilities of "so many or more", summed from their small terms, never as one minus what is left.

/// The probability that at least `least` of `n` independent things happen, each with probability `p`.
pub fn binomial_tail(n: u32, p: f64, least: u32) -> f64 {
    (least..=n).map(|hits| binomial(n, p, hits)).sum()
}

/// The probability that a Poisson variable with this mean is at least `least`.
///
/// Terms are added until they no longer count; `mean` must be finite and not negative.
pub fn poisson_tail(mean: f64, least: u32) -> f64 {
    let mut term = (1..=least).fold((-mean).exp(), |term, i| term * mean / f64::from(i));
    let mut sum = 0.0;
    let mut hits = least;
    while f64::from(hits) <= mean || term > sum * f64::EPSILON {
        sum += term;
        hits += 1;
        term *= mean / f64::from(hits);
    }
    sum
}

/// The probability that exactly `hits` of `n` independent things happen, each with probability `p`.
pub(super) fn binomial(n: u32, p: f64, hits: u32) -> f64 {
    if hits > n {
        return 0.0;
    }
    // The smaller factor of every step goes beside the larger one, so that no product leaves the range of numbers.
    let (mut value, mut misses) = (1.0, n - hits);
    for i in 1..=hits {
        value *= f64::from(n - hits + i) / f64::from(i) * p;
        while value > 1.0 && misses > 0 {
            value *= 1.0 - p;
            misses -= 1;
        }
    }
    value * (1.0 - p).powi(i32::try_from(misses).expect("a few hundred shards"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, published: f64, relative: f64) {
        assert!((found / published - 1.0).abs() < relative, "found {found:e}, published {published:e}");
    }

    /// Storj v3 white paper (2018), section 3.4: P(D | p = 10 %) for pairs of k and n.
    #[test]
    #[expect(clippy::excessive_precision, reason = "as published")]
    fn storj_states_the_same_durability_for_a_month_of_churn() {
        let published = [
            (2, 4, 99.207_366_813_274_616),
            (4, 8, 99.858_868_985_411_326),
            (8, 16, 99.995_462_406_878_260),
            (16, 32, 99.999_994_620_652_776),
            (20, 40, 99.999_999_807_694_154),
            (20, 30, 99.970_766_304_935_266),
            (4, 12, 99.999_514_117_129_605),
            (1, 10, 99.999_988_857_452_166),
        ];
        for (k, n, percent) in published {
            let lost = poisson_tail(0.1 * f64::from(n), n - k + 1);
            assert!((100.0 * (1.0 - lost) - percent).abs() < 1e-12, "{k} of {n}: {lost:e}");
        }
        close(poisson_tail(0.1 * 64.0, 33), (100.0 - 99.999_999_999_990_544) / 100.0, 1e-2);
    }

    /// Backblaze, "erasure-coding-durability" (2018): 17 + 3 with an annual failure rate of 0.405 % and 6.5 days to replace.
    #[test]
    fn backblaze_states_the_same_nines_for_a_vault() {
        let period = 6.5_f64;
        let shard = 1.0 - (-0.00405 * period / 365.0).exp();
        close(binomial_tail(20, shard, 4), 1.310e-13, 5e-3);
        close(binomial_tail(20, shard, 4) * 365.0 / period, 7.354e-12, 5e-3);
    }

    /// Tahoe-LAFS, "Loss Model" (docs/proposed/lossmodel.lyx): N = 10, k = 3, every server survives with 0.9.
    #[test]
    fn tahoe_states_the_same_loss_of_a_file() {
        close(binomial_tail(10, 0.1, 8), 3.74e-7, 2e-3);
        close(binomial_tail(6, 0.1, 4), 0.00127, 2e-3);
    }

    /// Sia's indexd takes 10 of 30 for recoverable with at least 99.99 % while every shard is there with 75 %.
    #[test]
    fn sia_passes_its_own_test() {
        assert!(binomial_tail(30, 0.25, 21) < 1e-4);
    }

    #[test]
    fn tails_add_up_to_everything() {
        for (n, p) in [(1, 0.5), (14, 0.01), (80, 0.3), (256, 0.9), (256, 1e-9)] {
            close(binomial_tail(n, p, 0), 1.0, 1e-12);
        }
        for mean in [0.0, 1e-6, 1.0, 40.0] {
            close(poisson_tail(mean, 0), 1.0, 1e-12);
        }
        assert!(binomial_tail(10, 0.0, 1) == 0.0 && (binomial_tail(10, 1.0, 10) - 1.0).abs() < 1e-15);
    }
}
