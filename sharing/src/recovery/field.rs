//! GF(2^8) over x^8 + x^4 + x^3 + x + 1, in a time that depends on no operand.

/// The polynomial without its highest term.
const REDUCTION: u8 = 0x1b;

/// The product of two elements.
pub(super) const fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    let mut bit = 0;
    while bit < 8 {
        product ^= a & (b & 1).wrapping_neg();
        a = (a << 1) ^ (REDUCTION & (a >> 7).wrapping_neg());
        b >>= 1;
        bit += 1;
    }
    product
}

/// The inverse of an element, 0 for 0: its 254th power.
pub(super) const fn inverse(a: u8) -> u8 {
    let mut power = a;
    let mut step = 0;
    while step < 6 {
        power = times(times(power, power), a);
        step += 1;
    }
    times(power, power)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the schoolbook: multiply as polynomials, then divide.
    fn slowly(a: u8, b: u8) -> u8 {
        let product =
            (0..8).filter(|bit| b >> bit & 1 == 1).fold(0_u16, |sum, bit| sum ^ u16::from(a) << bit);
        let rest = (8..15)
            .rev()
            .fold(product, |rest, bit| if rest >> bit & 1 == 1 { rest ^ 0x11b << (bit - 8) } else { rest });
        u8::try_from(rest).unwrap()
    }

    #[test]
    fn products_and_inverses_are_those_of_the_field() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(times(a, b), slowly(a, b));
            }
            assert_eq!(times(a, inverse(a)), u8::from(a != 0));
        }
    }
}
