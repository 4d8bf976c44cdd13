//! The names that the industry gives to recordings, works, contents and people, with their check digits.

use data_encoding::BASE32_NOPAD;

use crate::text::text;

text! {
    /// A recording (ISO 3901), as `DEA451200001`: no hyphens. It has no check digit.
    Isrc, "an ISRC", "2 letters, 3 of A-Z 0-9, 7 digits",
    is_isrc
}
text! {
    /// A musical work (ISO 15707), as `T0345246801`: no punctuation, the last digit checks the others.
    Iswc, "an ISWC", "T, 9 digits and their check digit",
    is_iswc
}
text! {
    /// Somebody who has rights (IPI name number), as `00334284961`: the last two digits check the others.
    Ipi, "an IPI name number", "9 digits and their two check digits",
    is_ipi
}
text! {
    /// A content, by what it is like (ISO 24138): an ISCC-CODE in its canonical form, as `ISCC:KACY…`.
    Iscc, "an ISCC-CODE", "ISCC: and the base32 of a header and a body of the length that it names",
    is_iscc
}

fn is_isrc(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 12
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..5].iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && bytes[5..].iter().all(u8::is_ascii_digit)
}

/// ISO 15707: 1 + 1·d1 + 2·d2 + … + 9·d9 + check digit is a multiple of 10.
fn is_iswc(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('T').and_then(digits::<10>) else { return false };
    let weighted: u32 = (1..).zip(&digits[..9]).map(|(weight, digit)| weight * digit).sum();
    (1 + weighted + digits[9]).is_multiple_of(10)
}

/// 10·d1 + 9·d2 + … + 2·d9 + check number is a multiple of 101.
fn is_ipi(text: &str) -> bool {
    let Some(digits) = digits::<11>(text) else { return false };
    let weighted: u32 = (2..=10).rev().zip(&digits[..9]).map(|(weight, digit)| weight * digit).sum();
    (weighted + 10 * digits[9] + digits[10]).is_multiple_of(101)
}

/// The header is four nibbles: main type 5 (a whole code), subtype, version 0, and which of three optional units there are
/// beside the two of data and instance; each unit of the body has 64 bits.
fn is_iscc(text: &str) -> bool {
    let Some(code) = text.strip_prefix("ISCC:") else { return false };
    let Ok(bytes) = BASE32_NOPAD.decode(code.as_bytes()) else { return false };
    let [types, rest, body @ ..] = bytes.as_slice() else { return false };
    let (main_type, version, units) = (types >> 4, rest >> 4, rest & 0x0f);
    main_type == 5 && version == 0 && units < 8 && body.len() == 8 * (2 + units.count_ones() as usize)
}

fn digits<const N: usize>(text: &str) -> Option<[u32; N]> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(10)).collect();
    digits?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISCC: &str = "ISCC:KACYPXW445FTYNJ3CYSXHAFJMA2HUWULUNRFE3BLHRSCXYH2M5AEGQY";

    #[test]
    fn published_examples_are_valid() {
        assert!(Isrc::new("USRC17607839").is_ok());
        assert!(Iswc::new("T0345246801").is_ok());
        assert!(Ipi::new("00334284961").is_ok() && Ipi::new("00014107338").is_ok());
        assert!(Iscc::new(ISCC).is_ok());
    }

    /// Whichever digit is mistyped by one, the check tells.
    #[test]
    fn check_digits_find_mistakes() {
        type Rule = fn(&str) -> bool;
        for (good, is_valid) in [("T0345246801", is_iswc as Rule), ("00334284961", is_ipi)] {
            for at in usize::from(good.starts_with('T'))..good.len() {
                let mut mistyped = good.as_bytes().to_vec();
                mistyped[at] = b'0' + (mistyped[at] - b'0' + 1) % 10;
                assert!(!is_valid(std::str::from_utf8(&mistyped).unwrap()), "{good} at {at}");
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in ["", "US-RC1-76-07839", "usrc17607839", "USRC1760783", "1SRC17607839", "USRC1760783X"] {
            assert!(Isrc::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "T-034.524.680-1", "0345246801", "T034524680", "T03452468010"] {
            assert!(Iswc::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "334284961", "0033428496١", "003342849610"] {
            assert!(Ipi::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["ISCC:", &ISCC[5..], &ISCC[..59], &ISCC.to_lowercase(), &format!("{ISCC}A"), "ISCC:GAA"] {
            assert!(Iscc::new(bad).is_err(), "{bad:?}");
        }
    }
}
