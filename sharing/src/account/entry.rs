//! One entry of the index: a name, who gave it when, and what it stands for.

use chunker::Salt;
use proofs::Cid;
use proofs::canonical::{self, CanonicalError};
use protocol::UnixSeconds;

use super::fields::EntryFields;
use super::{EntryName, HeaderFields, Hold, IndexPath, Stamp};
use crate::{CATALOGUE_TYPE, ContentHash, MediaType, Publication};

/// Longest entry, in bytes: a path of 1024 bytes, header fields of 4096 with their lengths, and less than 512 bytes besides.
pub(super) const ENTRY_LEN_MAX: usize = 6144;

/// What an account knows under one name. Name and content are of one kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub(super) at: Stamp,
    pub(super) name: EntryName,
    pub(super) what: What,
}

/// What an entry stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A file that was put.
    File(FileEntry),
    /// A folder that is there though nothing need be in it, made then.
    Folder(UnixSeconds),
    /// That what has this name, is in it or above it is not removed.
    Hold(Hold),
    /// A publication.
    Publication(Publication),
    /// Where a device keeps what it knows of its publications.
    Publishing(StoredPublishingIndex),
    /// What had this name was removed then.
    Gone(UnixSeconds),
}

/// A file: which object, and what its owner wants to see in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileEntry {
    /// The object.
    pub object: Cid,
    /// Its exact length in bytes.
    pub len: u64,
    /// Its media type.
    pub media_type: Option<MediaType>,
    /// When it was put.
    pub created: UnixSeconds,
    /// When the file was changed last.
    pub modified: UnixSeconds,
    /// When its leases end, as far as was known.
    pub until: UnixSeconds,
    /// The salt under which a key store keeps the content key, where that does not follow from the account secret.
    pub erasable: Option<Salt>,
    /// Header fields that whoever put it over HTTP wants back.
    pub headers: HeaderFields,
}

impl FileEntry {
    /// Whether it is a folder of records: more than one object (spec §30).
    pub fn is_folder_of_records(&self) -> bool {
        self.media_type.as_ref().is_some_and(|kind| kind.as_str() == CATALOGUE_TYPE)
    }
}

/// The object that holds a device's creator's index (spec §20).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoredPublishingIndex {
    /// BLAKE3 of the index.
    pub hash: ContentHash,
    /// The object.
    pub object: Cid,
    /// When its leases end.
    pub until: UnixSeconds,
}

/// Why bytes are no entry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EntryError {
    /// Not the encoding of one.
    #[error("the entry is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    /// It stands for nothing, or for several things.
    #[error("the entry stands for {0} things, not for one")]
    Kinds(usize),
    /// Its name is of another kind, or of another publication.
    #[error("the name of the entry is not of what it stands for")]
    Name,
}

impl Entry {
    pub(super) fn checked(at: Stamp, name: EntryName, what: What) -> Result<Self, EntryError> {
        let fits = match (&name, &what) {
            (EntryName::Publication(id), What::Publication(publication)) => *id == publication.bundle,
            (EntryName::File(_), What::File(_))
            | (EntryName::Folder(_), What::Folder(_))
            | (EntryName::Hold(_), What::Hold(_))
            | (EntryName::Publishing(_), What::Publishing(_))
            | (_, What::Gone(_)) => true,
            _ => false,
        };
        if fits { Ok(Self { at, name, what }) } else { Err(EntryError::Name) }
    }

    /// The entry of a file.
    pub const fn file(at: Stamp, path: IndexPath, file: FileEntry) -> Self {
        Self { at, name: EntryName::File(path), what: What::File(file) }
    }

    /// The entry of a folder.
    pub const fn folder(at: Stamp, path: IndexPath, created: UnixSeconds) -> Self {
        Self { at, name: EntryName::Folder(path), what: What::Folder(created) }
    }

    /// The entry of a hold on what has this path.
    pub const fn hold(at: Stamp, path: IndexPath, hold: Hold) -> Self {
        Self { at, name: EntryName::Hold(path), what: What::Hold(hold) }
    }

    /// The entry of a publication.
    pub const fn publication(at: Stamp, publication: Publication) -> Self {
        let name = EntryName::Publication(publication.bundle);
        Self { at, name, what: What::Publication(publication) }
    }

    /// The entry of the creator's index of the device that writes it.
    pub const fn publishing(at: Stamp, stored: StoredPublishingIndex) -> Self {
        Self { at, name: EntryName::Publishing(at.device), what: What::Publishing(stored) }
    }

    /// The entry of something that is gone.
    pub const fn gone(at: Stamp, name: EntryName, since: UnixSeconds) -> Self {
        Self { at, name, what: What::Gone(since) }
    }

    /// Who wrote it, and when.
    pub const fn at(&self) -> Stamp {
        self.at
    }

    /// Its name.
    pub const fn name(&self) -> &EntryName {
        &self.name
    }

    /// What it stands for.
    pub const fn what(&self) -> &What {
        &self.what
    }

    /// The entry as canonical CBOR. The key of a publication stands in it.
    pub fn encode(&self) -> Vec<u8> {
        canonical::to_vec(&EntryFields::from(self))
    }

    /// Reads an entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        canonical::from_slice::<EntryFields>(bytes, ENTRY_LEN_MAX)?.try_into()
    }

    /// Whether this one counts where both have one name.
    pub(super) fn beats(&self, other: &Self) -> bool {
        self.at > other.at || (self.at == other.at && self.encode() > other.encode())
    }
}
