//! Top-up codes: money that somebody has handed to the operator, as a code that can be given away (spec §25).

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

use crate::PaymentId;

/// A code that is worth a deposit to whoever has it first: 16 bytes that nobody can guess, written as 26 characters of base32.
#[derive(Clone, PartialEq, Eq)]
pub struct TopUpCode([u8; 16]);

/// A text is no top-up code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a top-up code: 26 characters of A to Z and 2 to 7")]
pub struct TopUpCodeError;

impl TopUpCode {
    /// The code with these bytes, which nobody must be able to guess.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The `id` of the deposit that redeems it: whoever redeems it a second time signs a deposit that is known.
    pub fn payment_id(&self) -> PaymentId {
        let hash = blake3::derive_key("headwater v1 top-up", &self.0);
        PaymentId::from_bytes(*hash.first_chunk().expect("16 of 32 bytes"))
    }
}

impl fmt::Display for TopUpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for TopUpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TopUpCode(…)")
    }
}

impl FromStr for TopUpCode {
    type Err = TopUpCodeError;

    /// Reads a code as people write it: in lower case, too, with spaces and hyphens.
    fn from_str(text: &str) -> Result<Self, TopUpCodeError> {
        let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let bytes = BASE32_NOPAD.decode(plain.to_ascii_uppercase().as_bytes()).map_err(|_| TopUpCodeError)?;
        bytes.try_into().map(Self).map_err(|_| TopUpCodeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_write_them() {
        let code = TopUpCode::from_bytes(*b"sixteen bytes ok");
        let text = code.to_string();
        assert_eq!((text.len(), text.parse()), (26, Ok(code.clone())));
        let spaced = format!("{}-{} {}", &text[..8], &text[8..16], text[16..].to_lowercase());
        assert_eq!(spaced.parse(), Ok(code.clone()));
        for bad in
            ["", &text[1..], &format!("{text}A"), &text.replacen('O', "0", 1), &text.replacen('O', "1", 1)]
        {
            assert_eq!(bad.parse::<TopUpCode>(), Err(TopUpCodeError), "{bad}");
        }
        assert_eq!(format!("{code:?}"), "TopUpCode(…)");
    }
}
