//! Public keys in records and messages: the canonical encoding of a curve point, as a byte string.
//!
//! Used by serde as `#[serde(with = "keys")]`.

use iroh_base::PublicKey;
use serde::{Deserialize, Deserializer, Serializer, de};
use serde_bytes::{ByteArray, Bytes};

/// Why 32 bytes are no public key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// No point of the curve has this encoding.
    #[error("public key is not a point of the curve")]
    NotAPoint,
    /// The point exists but is written differently (RFC 8032 §5.1.2).
    #[error("public key is not the canonical encoding of its point")]
    NotCanonical,
}

/// The public key with this encoding. Keys have one spelling only, so that they can be compared as bytes.
pub fn from_bytes(bytes: &[u8; 32]) -> Result<PublicKey, KeyError> {
    if !is_canonical(bytes) {
        return Err(KeyError::NotCanonical);
    }
    PublicKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)
}

/// Writes the key as a byte string.
pub fn serialize<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(Bytes::new(key.as_bytes()))
}

/// Reads a byte string of 32 bytes that is the canonical encoding of a point.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
    let bytes = ByteArray::<32>::deserialize(deserializer)?;
    from_bytes(&bytes).map_err(de::Error::custom)
}

/// The same for a key that may be missing: `#[serde(with = "keys::optional")]`.
pub mod optional {
    use iroh_base::PublicKey;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Key(#[serde(with = "super")] PublicKey);

    /// Writes nothing, or the key as a byte string.
    pub fn serialize<S: Serializer>(key: &Option<PublicKey>, serializer: S) -> Result<S::Ok, S::Error> {
        key.map(Key).serialize(serializer)
    }

    /// Reads nothing, or a key in its canonical encoding.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PublicKey>, D::Error> {
        Ok(Option::<Key>::deserialize(deserializer)?.map(|key| key.0))
    }
}

/// An encoding is the y coordinate below p = 2^255 − 19 with the sign of x in the highest bit. Decompression
/// reduces y silently and ignores the sign where x = 0 (y = ±1): both would be second spellings.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let sign = bytes[31] & 0x80 != 0;
    let mut y = *bytes;
    y[31] &= 0x7f;
    let below_p = y.iter().rev().lt(FIELD_PRIME.iter().rev());
    let x_is_zero = y == ONE || y == MINUS_ONE;
    below_p && !(sign && x_is_zero)
}

const FIELD_PRIME: [u8; 32] = little_endian(0xed);
const MINUS_ONE: [u8; 32] = little_endian(0xec);
const ONE: [u8; 32] = {
    let mut one = [0; 32];
    one[0] = 1;
    one
};

/// 2^255 − 256 + `lowest`.
const fn little_endian(lowest: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = lowest;
    bytes[31] = 0x7f;
    bytes
}

#[cfg(test)]
mod tests {
    use iroh_base::SecretKey;

    use super::*;

    #[test]
    fn every_derived_key_is_canonical() {
        for seed in 0..64_u8 {
            let key = SecretKey::from_bytes(&[seed; 32]).public();
            assert_eq!(from_bytes(key.as_bytes()), Ok(key));
        }
    }

    #[test]
    fn second_spellings_are_refused() {
        let mut minus_zero = ONE;
        minus_zero[31] |= 0x80;
        let mut other_minus_zero = MINUS_ONE;
        other_minus_zero[31] |= 0x80;
        let one_plus_p = little_endian(0xee);
        for bytes in [FIELD_PRIME, one_plus_p, minus_zero, other_minus_zero, [0xff; 32]] {
            assert_eq!(from_bytes(&bytes), Err(KeyError::NotCanonical), "{bytes:?}");
        }
        // The same bytes pass where only decompression is asked, so the check above is needed.
        assert!(PublicKey::from_bytes(&one_plus_p).is_ok());
        assert!(PublicKey::from_bytes(&minus_zero).is_ok());
    }

    #[test]
    fn bytes_off_the_curve_are_refused() {
        let mut bytes = [0; 32];
        bytes[0] = 2;
        assert_eq!(from_bytes(&bytes), Err(KeyError::NotAPoint));
    }
}
