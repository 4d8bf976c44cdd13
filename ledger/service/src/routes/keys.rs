//! Keys and ids in paths and queries: hexadecimal.

use data_encoding::HEXLOWER_PERMISSIVE;
use protocol::{PublicKey, keys};

use crate::problem::Problem;

/// A public key of 64 hexadecimal digits.
pub(crate) fn parse_key(text: &str) -> Result<PublicKey, Problem> {
    let key = parse_32(text).and_then(|bytes| keys::from_bytes(&bytes).ok());
    key.ok_or_else(|| Problem::bad_request("a key has 64 hexadecimal digits, and is a point of the curve"))
}

/// 32 bytes of 64 hexadecimal digits.
pub(crate) fn parse_32(text: &str) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}
