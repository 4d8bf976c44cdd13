//! Sharing out whole micro-units without losing one: the method of the largest remainder (spec §25).

use protocol::Amount;

/// `whole` in parts that are in proportion to `weights`, in the order of these, and add up to it exactly.
///
/// Each part is its exact share rounded down; what is left over goes, one micro-unit each, to the greatest remainders, and
/// of equal remainders to the lesser key. Keys are different from each other, so the order of the weights makes no
/// difference. Where all weights are 0 nobody has a share and `None` is returned.
pub fn apportion<K: Ord>(whole: Amount, weights: &[(K, u64)]) -> Option<Vec<Amount>> {
    let sum: u128 = weights.iter().map(|(_, weight)| u128::from(*weight)).sum();
    if sum == 0 {
        return None;
    }
    let shares: Vec<_> = weights.iter().map(|(_, weight)| share(whole, *weight, sum)).collect();
    let mut parts: Vec<u64> = shares.iter().map(|share| share.floor).collect();
    let left_over = whole.get() - parts.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_unstable_by(|&one, &two| {
        let by_remainder = shares[two].remainder.cmp(&shares[one].remainder);
        by_remainder.then_with(|| weights[one].0.cmp(&weights[two].0))
    });
    let fortunate = usize::try_from(left_over).expect("it is less than the number of parts");
    for &place in &order[..fortunate] {
        parts[place] += 1;
    }
    Some(parts.into_iter().map(|part| Amount::new(part).expect("a part of an amount")).collect())
}

/// An exact share: `floor + remainder / sum of the weights`.
struct Share {
    floor: u64,
    remainder: u128,
}

/// Both factors are below 2^64, so the product fits.
fn share(whole: Amount, weight: u64, sum: u128) -> Share {
    let exact = u128::from(whole) * u128::from(weight);
    let floor = u64::try_from(exact / sum).expect("a share is no more than the whole");
    Share { floor, remainder: exact % sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(whole: u64, weights: &[(u8, u64)]) -> Vec<u64> {
        let parts = apportion(Amount::new(whole).unwrap(), weights).unwrap();
        parts.into_iter().map(Amount::get).collect()
    }

    #[test]
    fn what_is_left_over_goes_to_the_largest_remainders() {
        assert_eq!(parts(100, &[(1, 1), (2, 1), (3, 1)]), [34, 33, 33]);
        assert_eq!(parts(100, &[(3, 1), (2, 1), (1, 1)]), [33, 33, 34], "of equal ones to the lesser key");
        assert_eq!(parts(10, &[(1, 33), (2, 33), (3, 34)]), [3, 3, 4]);
        assert_eq!(parts(1, &[(1, 1), (2, 999)]), [0, 1]);
        assert_eq!(parts(0, &[(1, 1), (2, 1)]), [0, 0]);
        assert_eq!(parts(7, &[(1, 0), (2, 5)]), [0, 7], "no weight, no share");
    }

    #[test]
    fn the_largest_numbers_fit() {
        let whole = Amount::MAX.get();
        assert_eq!(parts(whole, &[(1, u64::MAX)]), [whole]);
        let shared = parts(whole, &[(1, u64::MAX), (2, u64::MAX), (3, 1)]);
        assert_eq!(shared.iter().sum::<u64>(), whole);
    }

    #[test]
    fn nobody_shares_what_nobody_weighs() {
        assert_eq!(apportion::<u8>(Amount::MAX, &[]), None);
        assert_eq!(apportion(Amount::MAX, &[(1, 0), (2, 0)]), None);
    }
}
