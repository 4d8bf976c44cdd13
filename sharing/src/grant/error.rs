//! Why there is no grant.

use proofs::canonical::CanonicalError;
use protocol::{ListTooLong, RecordError, UnixSeconds};

use super::sealed::{GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX};

/// Why a grant cannot be given.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum SealGrantError {
    #[error("a grant of {found} files, 1 to {GRANT_FILES_MAX} are allowed")]
    Files { found: usize },
    #[error("a grant to {found} recipients, 1 to {GRANT_RECIPIENTS_MAX} are allowed")]
    Recipients { found: usize },
    #[error("recipient {number} has a key to which nothing can be wrapped")]
    Key { number: usize },
    #[error("a grant of {len} bytes, at most {GRANT_LEN_MAX} are allowed")]
    TooLong { len: usize },
}

/// Why bytes are no grant, or open nothing for this reader.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum OpenGrantError {
    #[error("the grant is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the grant has a {0}")]
    List(#[from] ListTooLong),
    #[error("the grant has version {found}")]
    Version { found: u8 },
    #[error("the record of the grant does not count: {0}")]
    Record(#[from] RecordError),
    #[error("the grant is not what its owner has signed")]
    Hash,
    #[error("{len} bytes of wrapped keys")]
    Wraps { len: usize },
    #[error("it was granted to others: none of its {recipients} keys is wrapped for this account")]
    NotForYou { recipients: usize },
    #[error("the contents of the grant do not open with its key")]
    Key,
    #[error("a grant of {found} files")]
    Files { found: usize },
    #[error("the grant has ended at {at}")]
    Expired { at: UnixSeconds },
}
