//! The CBOR maps of spec §24.

use chunker::Salt;
use proofs::Cid;
use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{
    Clock, DeviceId, Entry, EntryError, EntryName, FileEntry, HeaderFields, Hold, Stamp,
    StoredPublishingIndex, What,
};
use crate::{ContentHash, MediaType, Publication};

#[derive(Serialize, Deserialize)]
pub(super) struct EntryFields {
    clock: Clock,
    device: DeviceId,
    name: EntryName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<FileFields>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    publication: Option<Publication>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    publishing: Option<PublishingFields>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<UnixSeconds>,
}

#[derive(Serialize, Deserialize)]
struct FileFields {
    created: UnixSeconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erasable: Option<ByteArray<32>>,
    #[serde(default, skip_serializing_if = "HeaderFields::is_empty")]
    headers: HeaderFields,
    len: u64,
    modified: UnixSeconds,
    object: Cid,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    media_type: Option<MediaType>,
    until: UnixSeconds,
}

#[derive(Serialize, Deserialize)]
struct PublishingFields {
    hash: ContentHash,
    object: Cid,
    until: UnixSeconds,
}

impl From<&Entry> for EntryFields {
    fn from(entry: &Entry) -> Self {
        let Stamp { clock, device } = entry.at();
        let mut fields = Self {
            clock,
            device,
            name: entry.name().clone(),
            file: None,
            folder: None,
            hold: None,
            publication: None,
            publishing: None,
            gone: None,
        };
        match entry.what() {
            What::File(file) => fields.file = Some(file.into()),
            What::Folder(created) => fields.folder = Some(*created),
            What::Hold(hold) => fields.hold = Some(hold.clone()),
            What::Publication(publication) => fields.publication = Some(publication.clone()),
            What::Publishing(StoredPublishingIndex { hash, object, until }) => {
                fields.publishing = Some(PublishingFields { hash: *hash, object: *object, until: *until });
            }
            What::Gone(since) => fields.gone = Some(*since),
        }
        fields
    }
}

impl TryFrom<EntryFields> for Entry {
    type Error = EntryError;

    fn try_from(fields: EntryFields) -> Result<Self, EntryError> {
        let EntryFields { clock, device, name, file, folder, hold, publication, publishing, gone } = fields;
        let publishing = publishing.map(|PublishingFields { hash, object, until }| {
            What::Publishing(StoredPublishingIndex { hash, object, until })
        });
        let kinds = [
            file.map(|file| What::File(file.into())),
            folder.map(What::Folder),
            hold.map(What::Hold),
            publication.map(What::Publication),
            publishing,
            gone.map(What::Gone),
        ];
        let mut found: Vec<_> = kinds.into_iter().flatten().collect();
        match (found.len(), found.pop()) {
            (1, Some(what)) => Self::checked(Stamp { clock, device }, name, what),
            (count, _) => Err(EntryError::Kinds(count)),
        }
    }
}

impl From<&FileEntry> for FileFields {
    fn from(file: &FileEntry) -> Self {
        let FileEntry { object, len, media_type, created, modified, until, erasable, headers } = file;
        Self {
            created: *created,
            erasable: erasable.map(|salt| ByteArray::new(*salt.as_bytes())),
            headers: headers.clone(),
            len: *len,
            modified: *modified,
            object: *object,
            media_type: media_type.clone(),
            until: *until,
        }
    }
}

impl From<FileFields> for FileEntry {
    fn from(fields: FileFields) -> Self {
        let FileFields { created, erasable, headers, len, modified, object, media_type, until } = fields;
        let erasable = erasable.map(|salt| Salt::from_bytes(salt.into_array()));
        Self { object, len, media_type, created, modified, until, erasable, headers }
    }
}
