//! What the owner notes in a grant for nobody else: what it is, of which files, to whom.

use chunker::AccountSecret;
use proofs::canonical;
use protocol::BoundedList;
use serde::{Deserialize, Serialize};

use super::sealed::{GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX};
use super::{NoteError, cipher};
use crate::{ContentHash, IndexPath, LinkId};

/// The version of the format.
const VERSION: u8 = 1;
/// Longest text of a recipient, in bytes.
pub const RECIPIENT_TEXT_LEN_MAX: usize = 4096;

/// The owner's note in a grant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantNote {
    /// The grant, in whatever version.
    pub id: LinkId,
    /// The name of each file in the owner's index, in the order of the files.
    pub names: Vec<IndexPath>,
    /// Each recipient as a text, ascending.
    pub to: Vec<String>,
    /// Whether a new version is due when a name stands for another object.
    pub follows: bool,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    follows: bool,
    id: LinkId,
    names: BoundedList<String, GRANT_FILES_MAX>,
    to: BoundedList<String, GRANT_RECIPIENTS_MAX>,
    v: u8,
}

impl GrantNote {
    /// The note in the grant with these sealed contents.
    pub(super) fn seal(&self, account: &AccountSecret, about: &ContentHash) -> Result<Vec<u8>, NoteError> {
        self.check()?;
        let names = self.names.iter().map(|path| path.as_str().to_owned()).collect();
        let fields = Fields {
            follows: self.follows,
            id: self.id,
            names: BoundedList::new(names)?,
            to: BoundedList::new(self.to.clone())?,
            v: VERSION,
        };
        let key = account.grant_note_key(about.as_bytes());
        Ok(cipher::seal(key.expose(), b"", canonical::to_vec(&fields)))
    }

    /// Reads the note of the account.
    pub(super) fn open(
        sealed: &[u8],
        account: &AccountSecret,
        about: &ContentHash,
    ) -> Result<Self, NoteError> {
        let key = account.grant_note_key(about.as_bytes());
        let plain = cipher::open(key.expose(), b"", sealed).ok_or(NoteError::NotYours)?;
        let Fields { follows, id, names, to, v } = canonical::from_slice(&plain, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(NoteError::Version { found: v });
        }
        let names = names.into_vec().into_iter().map(IndexPath::new);
        let names = names.collect::<Result<_, _>>()?;
        let note = Self { id, names, to: to.into_vec(), follows };
        note.check().map(|()| note)
    }

    fn check(&self) -> Result<(), NoteError> {
        let ascends = self.to.is_sorted_by(|one, two| one < two);
        if self.to.is_empty() || !ascends || self.to.iter().any(|text| text.len() > RECIPIENT_TEXT_LEN_MAX) {
            return Err(NoteError::Recipients);
        }
        if self.names.is_empty() {
            return Err(NoteError::Names);
        }
        Ok(())
    }
}
