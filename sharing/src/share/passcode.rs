//! Passcodes, and what it costs to guess one.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::LinkId;

/// Bytes of a passcode in Unicode's form C.
pub const SHARE_PASSCODE_LEN_MAX: usize = 256;

const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 1;
const STRETCHED_LEN: usize = 32;
const SALT_LEN: usize = 16;

/// A passcode in Unicode's form C. Never printed, wiped when dropped.
#[derive(Clone)]
pub struct Passcode(Zeroizing<String>);

/// A text is no passcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a passcode has 1 to {SHARE_PASSCODE_LEN_MAX} bytes without control characters")]
pub struct PasscodeError;

impl Passcode {
    /// The passcode with this text, as it stands: nothing is cut off at its ends.
    pub fn new(text: &str) -> Result<Self, PasscodeError> {
        // Room for what any text that is short enough can grow to, so that no copy stays behind unwiped.
        let mut composed = Zeroizing::new(String::with_capacity(4 * SHARE_PASSCODE_LEN_MAX));
        for character in text.nfc().take(SHARE_PASSCODE_LEN_MAX + 1) {
            composed.push(character);
        }
        let is_one =
            (1..=SHARE_PASSCODE_LEN_MAX).contains(&composed.len()) && !composed.contains(char::is_control);
        if is_one { Ok(Self(composed)) } else { Err(PasscodeError) }
    }

    /// `Argon2id(passcode, salt = id[0..16], 64 MiB, 3 passes, 1 lane)`: takes 64 MiB and about 0.2 s (RFC 9106).
    pub(crate) fn stretch(&self, id: &LinkId) -> Zeroizing<[u8; STRETCHED_LEN]> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(STRETCHED_LEN));
        let params = params.expect("the numbers of the specification are within those of RFC 9106");
        let mut out = Zeroizing::new([0; STRETCHED_LEN]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.0.as_bytes(), &id.as_bytes()[..SALT_LEN], out.as_mut_slice())
            .expect("a passcode, a salt and an output of these lengths are allowed");
        out
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(…)")
    }
}
