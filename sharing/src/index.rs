//! A creator's private index: what was published already, and what is finished of what was not (spec §20).

mod fields;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use chunker::FileMark;
use proofs::canonical::{self, CanonicalError};
use protocol::ListTooLong;

use self::fields::Fields;
use crate::track_fields::TrackFields;
use crate::{Publication, Track, TrackError, TrackId};

/// Longest index, in bytes.
pub const INDEX_LEN_MAX: usize = 64 << 20;
/// Most files that an index knows.
pub const INDEX_ENTRIES_MAX: usize = 100_000;
/// The version of the format.
const VERSION: u8 = 1;

/// What became of each file that was given to be published, by its [`FileMark`].
///
/// It holds content keys, in memory and in what [`encode`](Self::encode) gives: it is for its owner alone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublishingIndex {
    entries: BTreeMap<FileMark, Progress>,
}

/// How far the publication of a file has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// These renditions are made and stored.
    Unfinished(BTreeMap<TrackId, Track>),
    /// It is published.
    Published(Publication),
}

/// Why something is no index, or does not go into one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum IndexError {
    #[error("the index is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the index has version {found}, only {VERSION} is known")]
    Version { found: u8 },
    #[error("index of {len} bytes, at most {INDEX_LEN_MAX} are allowed")]
    TooLong { len: usize },
    #[error("the index has a {0}")]
    List(#[from] ListTooLong),
    #[error("entry {entry} does not follow the one before")]
    Order { entry: usize },
    #[error("track {id} of entry {entry} does not follow the one before")]
    TrackOrder { entry: usize, id: TrackId },
    #[error("track {id} of entry {entry}: {source}")]
    Track { entry: usize, id: TrackId, source: TrackError },
    #[error("entry {entry} is published and still has unfinished tracks")]
    Both { entry: usize },
    #[error("the file is published already")]
    Published,
}

impl PublishingIndex {
    /// What became of the file with this mark; `None` when it was never given to be published.
    pub fn find(&self, mark: &FileMark) -> Option<&Progress> {
        self.entries.get(mark)
    }

    /// How many files the index knows.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when it knows none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Remembers that a rendition of the file is made and stored. It takes the place of an earlier one of its name.
    pub fn remember_track(&mut self, mark: FileMark, track: Track) -> Result<(), IndexError> {
        let tracks = match self.entries.entry(mark) {
            Place::Vacant(place) => place.insert(Progress::Unfinished(BTreeMap::new())),
            Place::Occupied(place) => place.into_mut(),
        };
        match tracks {
            Progress::Published(_) => Err(IndexError::Published),
            Progress::Unfinished(tracks) => {
                tracks.insert(track.id().clone(), track);
                Ok(())
            }
        }
    }

    /// Remembers that the file is published. What is known of its renditions is dropped: the bundle has it.
    pub fn remember_publication(&mut self, mark: FileMark, publication: Publication) {
        self.entries.insert(mark, Progress::Published(publication));
    }

    /// Forgets the file, until a version that knows it is merged.
    pub fn forget(&mut self, mark: &FileMark) -> Option<Progress> {
        self.entries.remove(mark)
    }

    /// What two versions know together. The order of merging makes no difference.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        for (mark, progress) in other.entries {
            let merged = match self.entries.remove(&mark) {
                Some(known) => known.merge(progress),
                None => progress,
            };
            self.entries.insert(mark, merged);
        }
        self
    }

    /// The index as canonical CBOR, at most [`INDEX_LEN_MAX`] bytes, with all content keys in it.
    pub fn encode(&self) -> Result<Vec<u8>, IndexError> {
        let encoded = canonical::to_vec(&Fields::of(&self.entries)?);
        if encoded.len() > INDEX_LEN_MAX {
            return Err(IndexError::TooLong { len: encoded.len() });
        }
        Ok(encoded)
    }

    /// Reads an index.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let fields: Fields = canonical::from_slice(bytes, INDEX_LEN_MAX)?;
        fields.into_entries().map(|entries| Self { entries })
    }
}

impl Progress {
    /// A publication beats unfinished tracks, and the later publication the earlier one; tracks are taken together.
    /// Where both sides differ in what should be equal, the greater encoding stays.
    fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Published(one), Self::Published(two)) => Self::Published(later(one, two)),
            (published @ Self::Published(_), Self::Unfinished(_))
            | (Self::Unfinished(_), published @ Self::Published(_)) => published,
            (Self::Unfinished(mut tracks), Self::Unfinished(others)) => {
                for (id, track) in others {
                    let track = match tracks.remove(&id) {
                        Some(known) => greater(known, track),
                        None => track,
                    };
                    tracks.insert(id, track);
                }
                Self::Unfinished(tracks)
            }
        }
    }
}

fn later(one: Publication, two: Publication) -> Publication {
    let age = |publication: &Publication| (publication.issued, canonical::to_vec(publication));
    if age(&one) >= age(&two) { one } else { two }
}

fn greater(one: Track, two: Track) -> Track {
    let encoding = |track: &Track| canonical::to_vec(&TrackFields::from(track.clone()));
    if encoding(&one) >= encoding(&two) { one } else { two }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicationId;
    use crate::samples::{publication, track};

    const MARK: FileMark = FileMark::from_bytes([1; 32]);

    #[test]
    fn tracks_are_remembered_until_the_file_is_published() {
        let mut index = PublishingIndex::default();
        assert_eq!(index.find(&MARK), None);
        for (id, segments) in [("a", 1), ("b", 1), ("a", 2)] {
            index.remember_track(MARK, track(id, segments, false).unwrap()).unwrap();
        }
        let Some(Progress::Unfinished(tracks)) = index.find(&MARK) else { panic!() };
        let counts: Vec<u32> = tracks.values().map(Track::segment_count).collect();
        assert_eq!(counts, [2, 1], "the second track of one name counts");

        let published = publication(PublicationId::of(b"bundle"));
        index.remember_publication(MARK, published.clone());
        let late = index.remember_track(MARK, track("c", 1, false).unwrap());
        assert_eq!(late, Err(IndexError::Published));
        assert_eq!(index.find(&MARK), Some(&Progress::Published(published)));
    }

    #[test]
    fn what_is_forgotten_comes_back_by_merging() {
        let mut index = PublishingIndex::default();
        index.remember_publication(MARK, publication(PublicationId::of(b"bundle")));
        let other = index.clone();
        assert!(index.forget(&MARK).is_some() && index.is_empty() && !other.is_empty());
        assert_eq!(index.merge(other.clone()), other);
    }

    #[test]
    fn more_tracks_than_a_bundle_has_do_not_encode() {
        let mut index = PublishingIndex::default();
        for number in 0..33 {
            index.remember_track(MARK, track(&format!("t{number}"), 1, false).unwrap()).unwrap();
        }
        assert!(matches!(index.encode(), Err(IndexError::List(_))));
    }
}
