//! The CBOR maps of an index.

use std::collections::BTreeMap;

use chunker::FileMark;
use protocol::{BoundedList, ListTooLong};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::{INDEX_ENTRIES_MAX, IndexError, Progress, VERSION};
use crate::track_fields::TrackFields;
use crate::{Publication, TRACKS_MAX, Track, TrackId};

/// The map of spec §20.
#[derive(Serialize, Deserialize)]
pub(super) struct Fields {
    v: u8,
    entries: BoundedList<EntryFields, INDEX_ENTRIES_MAX>,
}

#[derive(Serialize, Deserialize)]
struct EntryFields {
    mark: ByteArray<32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    publication: Option<Publication>,
    tracks: BoundedList<TrackFields, TRACKS_MAX>,
}

impl Fields {
    pub(super) fn of(entries: &BTreeMap<FileMark, Progress>) -> Result<Self, ListTooLong> {
        let entries: Result<_, _> = entries.iter().map(EntryFields::of).collect();
        Ok(Self { v: VERSION, entries: BoundedList::new(entries?)? })
    }

    pub(super) fn into_entries(self) -> Result<BTreeMap<FileMark, Progress>, IndexError> {
        if self.v != VERSION {
            return Err(IndexError::Version { found: self.v });
        }
        let mut entries = BTreeMap::new();
        for (entry, fields) in self.entries.into_vec().into_iter().enumerate() {
            let mark = FileMark::from_bytes(*fields.mark);
            if entries.last_key_value().is_some_and(|(last, _)| *last >= mark) {
                return Err(IndexError::Order { entry });
            }
            entries.insert(mark, fields.into_progress(entry)?);
        }
        Ok(entries)
    }
}

impl EntryFields {
    fn of((mark, progress): (&FileMark, &Progress)) -> Result<Self, ListTooLong> {
        let (publication, tracks) = match progress {
            Progress::Published(publication) => (Some(publication.clone()), Vec::new()),
            Progress::Unfinished(tracks) => (None, tracks.values().cloned().map(TrackFields::from).collect()),
        };
        Ok(Self { mark: ByteArray::new(*mark.as_bytes()), publication, tracks: BoundedList::new(tracks)? })
    }

    fn into_progress(self, entry: usize) -> Result<Progress, IndexError> {
        match self.publication {
            Some(_) if !self.tracks.is_empty() => Err(IndexError::Both { entry }),
            Some(publication) => Ok(Progress::Published(publication)),
            None => tracks(self.tracks.into_vec(), entry).map(Progress::Unfinished),
        }
    }
}

fn tracks(fields: Vec<TrackFields>, entry: usize) -> Result<BTreeMap<TrackId, Track>, IndexError> {
    let mut tracks = BTreeMap::new();
    for fields in fields {
        let id = fields.id.clone();
        if tracks.last_key_value().is_some_and(|(last, _)| *last >= id) {
            return Err(IndexError::TrackOrder { entry, id });
        }
        let track =
            Track::try_from(fields).map_err(|source| IndexError::Track { entry, id: id.clone(), source })?;
        tracks.insert(id, track);
    }
    Ok(tracks)
}
