//! What the owner notes in a grant for nobody else: what it is, of which files, to whom.

use chunker::AccountSecret;
use proofs::{Cid, canonical};
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
    /// What lies sealed at a gateway behind the link that a grant for emergencies gives; nothing in any other grant.
    pub sealed: Vec<SealedSource>,
}

/// An object that was sealed for emergencies, and of what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedSource {
    /// The file of the index, or the folder of records, as it was then.
    pub from: Cid,
    /// What was named: that file, or a folder or a record in it.
    pub name: IndexPath,
    /// The object that the gateway serves: the file itself, or a copy of the records.
    pub object: Cid,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    follows: bool,
    id: LinkId,
    names: BoundedList<String, GRANT_FILES_MAX>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<BoundedList<Source, GRANT_FILES_MAX>>,
    to: BoundedList<String, GRANT_RECIPIENTS_MAX>,
    v: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    from: Cid,
    name: String,
    object: Cid,
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
            sealed: (!self.sealed.is_empty()).then(|| BoundedList::new(sources(&self.sealed))).transpose()?,
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
        let Fields { follows, id, names, sealed, to, v } = canonical::from_slice(&plain, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(NoteError::Version { found: v });
        }
        let names = names.into_vec().into_iter().map(IndexPath::new);
        let names = names.collect::<Result<_, _>>()?;
        let sealed = sealed.map(|sealed| sealed.into_vec().into_iter().map(SealedSource::try_from));
        if sealed.as_ref().is_some_and(|sealed| sealed.len() == 0) {
            return Err(NoteError::Sealed);
        }
        let sealed = sealed.into_iter().flatten().collect::<Result<_, _>>()?;
        let note = Self { id, names, to: to.into_vec(), follows, sealed };
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

fn sources(sealed: &[SealedSource]) -> Vec<Source> {
    let source = |SealedSource { from, name, object }: &SealedSource| Source {
        from: *from,
        name: name.as_str().to_owned(),
        object: *object,
    };
    sealed.iter().map(source).collect()
}

impl TryFrom<Source> for SealedSource {
    type Error = NoteError;

    fn try_from(Source { from, name, object }: Source) -> Result<Self, NoteError> {
        Ok(Self { from, name: IndexPath::new(name)?, object })
    }
}
