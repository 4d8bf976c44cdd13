//! What a device's pointer says, sealed so that its nodes learn nothing from it.

use chunker::{AccountSecret, Salt};
use proofs::Cid;
use proofs::canonical::{self, CanonicalError};
use protocol::limits::POINTER_VALUE_LEN_MAX;
use protocol::{PointerValue, Sequence, Slot, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::seal::{self, SALT_LEN, TAG_LEN};
use super::{DeviceId, Seen};

/// Bytes of plaintext in a pointer's value.
const PLAIN_LEN: usize = POINTER_VALUE_LEN_MAX - SALT_LEN - TAG_LEN;
/// Bytes of the length in front of the CBOR.
const PREFIX_LEN: usize = 2;
/// The version of the format.
const VERSION: u8 = 1;

/// Which version of the index a device has written last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PointerContents {
    /// The device.
    pub device: DeviceId,
    /// When it was written.
    pub made: UnixSeconds,
    /// The object that holds the root.
    pub root: Cid,
    /// How much is in it.
    pub seen: Seen,
}

/// Why the value of a pointer says nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PointerContentsError {
    #[error("pointer value of {len} bytes, {POINTER_VALUE_LEN_MAX} are expected")]
    Length { len: usize },
    #[error("the pointer value does not open with this account's key, in this slot and version")]
    Key,
    #[error("the pointer claims {claimed} bytes of contents, it has room for {}", PLAIN_LEN - PREFIX_LEN)]
    Claim { claimed: u16 },
    #[error("the padding of the pointer is not all zeros")]
    Padding,
    #[error("the contents of the pointer are malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the pointer has version {found}, only {VERSION} is known")]
    Version { found: u8 },
}

#[derive(Serialize, Deserialize)]
struct Fields {
    device: DeviceId,
    made: UnixSeconds,
    root: Cid,
    seen: Seen,
    v: u8,
}

impl PointerContents {
    /// The value of a pointer in this slot and version. `salt` is random, and used for nothing else.
    pub fn seal(&self, account: &AccountSecret, slot: Slot, seq: Sequence, salt: Salt) -> PointerValue {
        let Self { device, made, root, seen } = self.clone();
        let cbor = canonical::to_vec(&Fields { device, made, root, seen, v: VERSION });
        let len = u16::try_from(cbor.len()).expect("32 devices take less than 1 KiB");
        let mut plain = [0; PLAIN_LEN];
        plain[..PREFIX_LEN].copy_from_slice(&len.to_le_bytes());
        plain[PREFIX_LEN..][..cbor.len()].copy_from_slice(&cbor);
        let sealed = seal::seal(&account.pointer_value_key(&salt), &salt, &aad(slot, seq), &plain);
        PointerValue::new(sealed).expect("exactly 1024 bytes")
    }

    /// What the pointer in this slot and version says.
    pub fn open(
        value: &PointerValue,
        account: &AccountSecret,
        slot: Slot,
        seq: Sequence,
    ) -> Result<Self, PointerContentsError> {
        let sealed = value.as_bytes();
        if sealed.len() != POINTER_VALUE_LEN_MAX {
            return Err(PointerContentsError::Length { len: sealed.len() });
        }
        let salt = seal::salt_of(sealed).expect("it has 1024 bytes");
        let plain = seal::open(&account.pointer_value_key(&salt), &aad(slot, seq), sealed)
            .ok_or(PointerContentsError::Key)?;
        Self::decode(&plain)
    }

    fn decode(plain: &[u8]) -> Result<Self, PointerContentsError> {
        let claimed = u16::from_le_bytes([plain[0], plain[1]]);
        let (cbor, padding) = plain[PREFIX_LEN..]
            .split_at_checked(claimed.into())
            .ok_or(PointerContentsError::Claim { claimed })?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(PointerContentsError::Padding);
        }
        let Fields { device, made, root, seen, v } = canonical::from_slice(cbor, PLAIN_LEN)?;
        if v != VERSION {
            return Err(PointerContentsError::Version { found: v });
        }
        Ok(Self { device, made, root, seen })
    }
}

fn aad(slot: Slot, seq: Sequence) -> Vec<u8> {
    [slot.get().to_le_bytes().as_slice(), &seq.get().to_le_bytes()].concat()
}
