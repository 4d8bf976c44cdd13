//! Padmé: lengths rounded up so that they tell little, at a cost of at most 12 % (spec §3; Nikitin et al.,
//! "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019).

/// Whether an object's sealed length hides its exact length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// The sealed length is the exact length.
    #[default]
    None,
    /// The sealed length is the exact length rounded up by Padmé.
    Padme,
}

impl Padding {
    /// `P`: the sealed length in bytes of an object of `len` bytes; `None` when it passes 2^64.
    pub const fn sealed_len(self, len: u64) -> Option<u64> {
        match self {
            Self::None => Some(len),
            Self::Padme => padme(len),
        }
    }
}

const fn padme(len: u64) -> Option<u64> {
    if len < 2 {
        return Some(len);
    }
    let exponent = len.ilog2();
    let kept_bits = exponent.ilog2() + 1;
    let mask = (1u64 << (exponent - kept_bits)) - 1;
    match len.checked_add(mask) {
        Some(sum) => Some(sum & !mask),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Padmé keeps the leading one and as many bits after it as the exponent has bits, and rounds the rest up.
    fn reference(len: u64) -> Option<u64> {
        let bits: String = format!("{len:b}");
        let exponent = bits.len() - 1;
        let kept = 1 + format!("{exponent:b}").len();
        if len < 2 || kept >= bits.len() {
            return Some(len);
        }
        let step = 1u128 << (bits.len() - kept);
        u64::try_from(u128::from(len).div_ceil(step) * step).ok()
    }

    #[test]
    fn small_lengths_and_the_end() {
        for len in 0..70_000 {
            assert_eq!(padme(len), reference(len), "{len}");
        }
        assert_eq!(padme(9), Some(10));
        assert_eq!(padme(1 << 40), Some(1 << 40));
        assert_eq!(padme(u64::MAX), None);
        assert_eq!(reference(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference(len: u64, shift in 0u32..64) {
            prop_assert_eq!(padme(len >> shift), reference(len >> shift));
        }

        #[test]
        fn costs_at_most_12_percent(len in 1u64..1 << 60) {
            let padded = padme(len).unwrap();
            prop_assert!(padded >= len && (padded - len) * 100 <= len * 12);
            prop_assert_eq!(padme(padded), Some(padded), "rounding again changes nothing");
        }
    }
}
