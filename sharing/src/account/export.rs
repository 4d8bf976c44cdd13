//! The whole index as one file.

use chunker::{AccountSecret, Salt};
use proofs::canonical::{self, CanonicalError};
use protocol::{BoundedList, ListTooLong};
use serde::{Deserialize, Serialize};

use super::fields::EntryFields;
use super::seal;
use super::{AccountIndex, Entry, EntryError, Seen};

/// Longest export, in bytes.
pub const INDEX_EXPORT_LEN_MAX: usize = 536_870_912;
/// Most entries of an index, those of what is gone included.
pub const INDEX_NAMES_MAX: usize = 1_000_000;
/// How an export begins.
const MAGIC: &[u8; 5] = b"HWxi1";
const PLAIN: u8 = 0;
const SEALED: u8 = 1;
/// The version of the format.
const VERSION: u8 = 1;

/// An exported index, opened or to be written.
#[derive(Debug)]
pub enum Export {
    /// Readable by whoever has the file.
    Plain,
    /// Readable by the account alone; the salt is random, and used for nothing else.
    Sealed(Salt),
}

/// Why bytes are no export.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ExportError {
    #[error("export of {len} bytes, at most {INDEX_EXPORT_LEN_MAX} are allowed")]
    TooLong { len: usize },
    #[error("this is no exported index")]
    Magic,
    #[error("exported index of kind {0}, which is not known")]
    Kind(u8),
    #[error("the export does not open with this account's key")]
    Key,
    #[error("the export is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the export has a {0}")]
    List(#[from] ListTooLong),
    #[error("the export has version {found}, only {VERSION} is known")]
    Version { found: u8 },
    #[error("entry {number} of the export: {source}")]
    Entry { number: usize, source: EntryError },
    #[error("entry {number} of the export does not follow the one before")]
    Order { number: usize },
}

#[derive(Serialize, Deserialize)]
struct Fields {
    entries: BoundedList<EntryFields, INDEX_NAMES_MAX>,
    seen: Seen,
    v: u8,
}

impl Export {
    /// The index as the bytes of a file.
    pub fn write(&self, index: &AccountIndex, account: &AccountSecret) -> Result<Vec<u8>, ExportError> {
        let entries = BoundedList::new(index.entries().map(EntryFields::from).collect())?;
        let payload = canonical::to_vec(&Fields { entries, seen: index.seen().clone(), v: VERSION });
        let (kind, payload) = match self {
            Self::Plain => (PLAIN, payload),
            Self::Sealed(salt) => (SEALED, seal::seal(&account.export_key(salt), salt, b"", &payload)),
        };
        let bytes = [MAGIC.as_slice(), &[kind], &payload].concat();
        if bytes.len() > INDEX_EXPORT_LEN_MAX {
            return Err(ExportError::TooLong { len: bytes.len() });
        }
        Ok(bytes)
    }

    /// The index in the bytes of a file.
    pub fn read(bytes: &[u8], account: &AccountSecret) -> Result<AccountIndex, ExportError> {
        if bytes.len() > INDEX_EXPORT_LEN_MAX {
            return Err(ExportError::TooLong { len: bytes.len() });
        }
        let (kind, payload) =
            bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first()).ok_or(ExportError::Magic)?;
        match *kind {
            PLAIN => decode(payload),
            SEALED => {
                let salt = seal::salt_of(payload).ok_or(ExportError::Key)?;
                decode(&seal::open(&account.export_key(&salt), b"", payload).ok_or(ExportError::Key)?)
            }
            other => Err(ExportError::Kind(other)),
        }
    }
}

fn decode(payload: &[u8]) -> Result<AccountIndex, ExportError> {
    let Fields { entries: list, seen, v } = canonical::from_slice(payload, INDEX_EXPORT_LEN_MAX)?;
    if v != VERSION {
        return Err(ExportError::Version { found: v });
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (number, fields) in list.into_vec().into_iter().enumerate() {
        let entry = Entry::try_from(fields).map_err(|source| ExportError::Entry { number, source })?;
        if entries.last().is_some_and(|last| last.name() >= entry.name()) {
            return Err(ExportError::Order { number });
        }
        entries.push(entry);
    }
    Ok(AccountIndex::new(entries, seen))
}
