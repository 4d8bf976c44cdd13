//! What the pointer of a grant says: where its newest version lies, or that it has ended.

use chunker::{ContentKey, Link, Salt};
use proofs::Cid;
use proofs::canonical::{self, CanonicalError};
use protocol::limits::POINTER_VALUE_LEN_MAX;
use protocol::{PointerValue, Sequence, Slot};
use serde::{Deserialize, Serialize};

use super::{GrantLink, cipher};
use crate::exposed_key;

/// The slot of a grant's pointer.
pub const GRANT_SLOT: Slot = Slot::new(1);
/// The number of the pointer by which an owner ends a grant: no device of theirs, however old its index, publishes anything after it.
pub const GRANT_END: Sequence = Sequence::new(u64::MAX);

const VALUE_CONTEXT: &str = "headwater v1 grant pointer value";
const SALT_LEN: usize = 32;
/// The version of the format.
const VERSION: u8 = 1;

/// What the pointer of a grant says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GrantVersion {
    /// The version lies there.
    At(Link),
    /// The owner has ended the grant.
    Ended,
}

/// Why the value of a pointer says nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum GrantVersionError {
    #[error("the pointer of the grant does not open with its link, in version {seq}")]
    Key { seq: Sequence },
    #[error("what the pointer of the grant says is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the pointer of the grant has format {found}, only {VERSION} is known")]
    Format { found: u8 },
}

#[derive(Serialize, Deserialize)]
struct Fields {
    #[serde(with = "exposed_key")]
    key: ContentKey,
    object: Cid,
    v: u8,
}

impl GrantVersion {
    /// The value of the pointer of this version. `salt` is random, and used for nothing else.
    pub fn seal(&self, link: &GrantLink, seq: Sequence, salt: Salt) -> PointerValue {
        let Self::At(object) = self else {
            return PointerValue::new(Vec::new()).expect("nothing is short enough");
        };
        let fields = Fields { key: object.key().clone(), object: object.cid(), v: VERSION };
        let key = value_key(link, salt.as_bytes());
        let sealed = cipher::seal(&key, &seq.get().to_le_bytes(), canonical::to_vec(&fields));
        PointerValue::new([salt.as_bytes().as_slice(), &sealed].concat()).expect("some 150 bytes")
    }

    /// What the pointer of this version says.
    pub fn open(value: &PointerValue, link: &GrantLink, seq: Sequence) -> Result<Self, GrantVersionError> {
        if value.as_bytes().is_empty() {
            return Ok(Self::Ended);
        }
        let (salt, sealed) =
            value.as_bytes().split_first_chunk::<SALT_LEN>().ok_or(GrantVersionError::Key { seq })?;
        let plain = cipher::open(&value_key(link, salt), &seq.get().to_le_bytes(), sealed);
        let plain = plain.ok_or(GrantVersionError::Key { seq })?;
        let Fields { key, object, v } = canonical::from_slice(&plain, POINTER_VALUE_LEN_MAX)?;
        if v != VERSION {
            return Err(GrantVersionError::Format { found: v });
        }
        Ok(Self::At(Link::new(object, key)))
    }
}

fn value_key(link: &GrantLink, salt: &[u8; SALT_LEN]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(VALUE_CONTEXT);
    hasher.update(link.secret.as_slice()).update(salt);
    *hasher.finalize().as_bytes()
}
