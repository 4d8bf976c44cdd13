//! Why there is no grant.

use proofs::canonical::CanonicalError;
use protocol::{ListTooLong, RecordError, Sequence, UnixSeconds};

use super::delegation::ChainError;
use super::sealed::{GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX};
use crate::NameError;

/// Why a grant cannot be given, or passed on.
#[derive(Debug, thiserror::Error)]
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
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Why the owner's note in a grant is none, or not to be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum NoteError {
    #[error("the note in the grant is another account's")]
    NotYours,
    #[error("the note in the grant is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the note in the grant has a {0}")]
    List(#[from] ListTooLong),
    #[error("the note in the grant has version {found}")]
    Version { found: u8 },
    #[error("a name in the note: {0}")]
    Name(#[from] NameError),
    #[error("the recipients in the note are none, not in order, or too long")]
    Recipients,
    #[error("the note has no names")]
    Names,
    #[error("the note lists nothing that was sealed")]
    Sealed,
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
    #[error(
        "it was granted to others, or taken from you since: none of its {recipients} keys is wrapped for this account"
    )]
    NotForYou { recipients: usize },
    #[error("the contents of the grant do not open with its key")]
    Key,
    #[error("a grant of {found} files")]
    Files { found: usize },
    #[error("the grant has ended at {at}")]
    Expired { at: UnixSeconds },
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("this is another grant than its link names")]
    Series,
    #[error("this is version {found} of the grant, its pointer names version {seq}")]
    Place { seq: Sequence, found: Sequence },
}
