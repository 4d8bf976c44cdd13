//! What somebody who passes a grant on notes for those above them: what, and to whom.

use proofs::canonical;
use protocol::BoundedList;
use serde::{Deserialize, Serialize};

use crate::grant::sealed::{GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX};
use crate::grant::{HolderSecret, NoteError, RECIPIENT_TEXT_LEN_MAX, cipher};
use crate::{ContentHash, FileName};

/// The version of the format.
const VERSION: u8 = 1;

/// The note in what was passed on: its giver reads it, the owner, and who is between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DelegationNote {
    /// The files, in the order in which they are sealed.
    pub names: Vec<FileName>,
    /// Each recipient as a text, ascending.
    pub to: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    names: BoundedList<FileName, GRANT_FILES_MAX>,
    to: BoundedList<String, GRANT_RECIPIENTS_MAX>,
    v: u8,
}

impl DelegationNote {
    pub(super) fn seal(&self, holder: &HolderSecret, about: &ContentHash) -> Result<Vec<u8>, NoteError> {
        self.check()?;
        let (names, to) = (BoundedList::new(self.names.clone())?, BoundedList::new(self.to.clone())?);
        let plain = canonical::to_vec(&Fields { names, to, v: VERSION });
        Ok(cipher::seal(&holder.note_key(about), b"", plain))
    }

    pub(super) fn open(sealed: &[u8], holder: &HolderSecret, about: &ContentHash) -> Result<Self, NoteError> {
        let plain = cipher::open(&holder.note_key(about), b"", sealed).ok_or(NoteError::NotYours)?;
        let Fields { names, to, v } = canonical::from_slice(&plain, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(NoteError::Version { found: v });
        }
        let note = Self { names: names.into_vec(), to: to.into_vec() };
        note.check().map(|()| note)
    }

    fn check(&self) -> Result<(), NoteError> {
        let ascends = self.to.is_sorted_by(|one, two| one < two);
        if self.to.is_empty() || !ascends || self.to.iter().any(|text| text.len() > RECIPIENT_TEXT_LEN_MAX) {
            return Err(NoteError::Recipients);
        }
        if self.names.is_empty() { Err(NoteError::Names) } else { Ok(()) }
    }
}
