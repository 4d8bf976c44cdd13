//! What follows from a bundle alone, as bytes: made once, and served again without making it anew.

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sharing::{ContentHash, PublicationId};

use super::opened::{ByLen, ENTRY_LEN, unsharded};
use super::shows::FOR_EVER;
use crate::representation::{Content, Representation};
use crate::rfc9110::EntityTag;

/// Bytes of memory that playlists take. One of the longest track takes about 4 MiB.
const PLAYLISTS_LEN_MAX: u64 = 16 << 20;

pub(crate) const BUNDLE_TYPE: &str = "application/vnd.ipld.dag-cbor";
pub(crate) const PLAYLIST_TYPE: &str = "application/vnd.apple.mpegurl";

/// Bytes with their tag.
#[derive(Debug, Clone)]
pub(crate) struct Encoded {
    media_type: &'static str,
    bytes: Bytes,
    tag: EntityTag,
}

impl Encoded {
    pub(crate) fn new(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { media_type, tag: EntityTag::of(&ContentHash::of(&bytes)), bytes }
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn representation(&self) -> Representation {
        Representation {
            tag: self.tag.clone(),
            media_type: self.media_type.to_owned(),
            cache_control: FOR_EVER,
            content: Content::Memory(self.bytes.clone()),
        }
    }
}

/// The playlists that were asked for lately. What may not be served is not looked for here, and nothing in it ever changes.
#[derive(Debug)]
pub(crate) struct Playlists {
    texts: Cache<PlaylistName, Encoded, ByLen>,
}

/// A publication, and the name of one of its playlists.
type PlaylistName = (PublicationId, String);

impl Weighter<PlaylistName, Encoded> for ByLen {
    fn weight(&self, _: &PlaylistName, text: &Encoded) -> u64 {
        text.len() + ENTRY_LEN
    }
}

impl Playlists {
    pub(crate) fn new() -> Self {
        Self { texts: unsharded(PLAYLISTS_LEN_MAX) }
    }

    /// The playlist with this name, which `write` writes when it is not here. Many who ask at once share one writing.
    pub(crate) fn get<E>(
        &self,
        id: PublicationId,
        name: &str,
        write: impl FnOnce() -> Result<String, E>,
    ) -> Result<Encoded, E> {
        let name = (id, name.to_owned());
        self.texts.get_or_insert_with(&name, || Ok(Encoded::new(PLAYLIST_TYPE, write()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_are_written_once_and_failures_not_kept() {
        let (playlists, id) = (Playlists::new(), PublicationId::of(b"a bundle"));
        let get = |name, text: Result<&str, u8>| playlists.get(id, name, || text.map(str::to_owned));
        assert_eq!(get("a.m3u8", Err(7)).map(|text| text.bytes), Err(7));
        assert_eq!(get("a.m3u8", Ok("one")).map(|text| text.bytes), Ok("one".into()));
        assert_eq!(get("a.m3u8", Ok("two")).map(|text| text.bytes), Ok("one".into()));
        assert_eq!(get("b.m3u8", Ok("two")).map(|text| text.bytes), Ok("two".into()));
    }

    #[test]
    fn playlists_take_a_bounded_part_of_the_memory() {
        let (playlists, text) = (Playlists::new(), "x".repeat(1 << 20));
        for number in 0..40_u8 {
            let written = playlists.get(PublicationId::of(&[number]), "a.m3u8", || Ok::<_, ()>(text.clone()));
            assert!(written.is_ok() && playlists.texts.weight() <= PLAYLISTS_LEN_MAX);
        }
    }
}
