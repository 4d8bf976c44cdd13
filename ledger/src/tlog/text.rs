//! Numbers and bytes in the texts of the log, each with one spelling.

use data_encoding::BASE64;

/// A decimal number without anything before it, not even zeros.
pub(super) fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Bytes in base64. A decoder that takes pieces with padding of their own behind each other is not strict enough.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    (BASE64.encode(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_have_one_spelling() {
        assert_eq!(
            [number("0"), number("20852163"), number("18446744073709551615")],
            [Some(0), Some(20_852_163), Some(u64::MAX)]
        );
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "18446744073709551616"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
        assert_eq!(
            [bytes(""), bytes("AAE="), bytes("AAECAw==")],
            [Some(vec![]), Some(vec![0, 1]), Some(vec![0, 1, 2, 3])]
        );
        for bad in ["A", "AAE", "AAF=", "AA==AA==", "AAE=AAE=", "AAE =", "AAE=\n", "__8="] {
            assert_eq!(bytes(bad), None, "{bad:?}");
        }
    }
}
