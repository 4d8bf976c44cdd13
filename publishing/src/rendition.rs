//! One track on its way: packaged piece by piece while it is stored.

use std::fs::File;
use std::io;
use std::num::NonZeroU32;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use packager::{ReadAt, Rendition, Source};
use sharing::{ContentHash, InitSection, Part, Segment, Track, TrackParts};
use tokio::sync::mpsc::{Receiver, channel};
use tokio_util::io::StreamReader;

use crate::describe::{Description, UnfitTrack};
use crate::publish::PublishError;
use crate::{Creator, Storing};

/// Pieces of at most 256 KiB that wait between the packager and the network.
const PIECES_MAX: usize = 8;

/// A file that is read at any place.
#[derive(Debug)]
pub(crate) struct FileSource(pub(crate) File);

impl ReadAt for FileSource {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, offset)
    }
}

/// Packages and stores a rendition; the track that it is in a bundle.
pub(crate) async fn store(
    storing: &Storing,
    creator: &Creator,
    source: &Arc<Source<FileSource>>,
    rendition: Arc<Rendition>,
    description: Description,
    progress: impl FnMut(u64) + Send,
) -> Result<Track, PublishError> {
    let (sender, receiver) = channel(PIECES_MAX);
    let (reading_source, reading) = (Arc::clone(source), Arc::clone(&rendition));
    let packaging = tokio::task::spawn_blocking(move || {
        let mut reader = reading_source.read(&reading);
        for piece in reader.by_ref() {
            let piece = piece.map_err(io::Error::other);
            let has_failed = piece.is_err();
            if sender.blocking_send(piece).is_err() || has_failed {
                break;
            }
        }
        reader.into_digests()
    });
    let media_type = description.kind.media_type();
    let named = |source| PublishError::Store { what: description.id.to_string(), source };
    let stored =
        storing.put(creator, Box::pin(StreamReader::new(pieces(receiver))), media_type, progress).await;
    let stored = stored.map_err(named)?;
    let digests = packaging.await.expect("packaging does not panic and is not cancelled");
    debug_assert_eq!(stored.len, rendition.len());
    let id = description.id.clone();
    let parts = track_parts(&rendition, &digests, description, stored.object, stored.key);
    let track = parts.and_then(|parts| Track::new(parts).map_err(UnfitTrack::from));
    track.map_err(|source| PublishError::Track { track: id.to_string(), source })
}

fn pieces(mut receiver: Receiver<io::Result<Bytes>>) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

fn track_parts(
    rendition: &Rendition,
    digests: &[blake3::Hash],
    description: Description,
    object: proofs::Cid,
    key: chunker::ContentKey,
) -> Result<TrackParts, UnfitTrack> {
    let hash = |digest: &blake3::Hash| ContentHash::from_bytes(*digest.as_bytes());
    let (init, rest) = digests.split_first().expect("a file that was read to its end has an init section");
    let narrow = |number: u64| u32::try_from(number).map_err(|_| UnfitTrack::TooLarge);
    let init_len = NonZeroU32::new(narrow(rendition.init().len)?).expect("an init section has boxes");
    let segments = rendition.segments().iter().zip(rest);
    let segments = segments.map(|(part, digest)| {
        Ok(Segment { len: narrow(part.len)?, duration: narrow(part.duration)?, hash: hash(digest) })
    });
    let segments = segments.collect::<Result<Vec<_>, UnfitTrack>>()?;
    let count = u32::try_from(segments.len()).ok().and_then(NonZeroU32::new).ok_or(UnfitTrack::TooLarge)?;
    Ok(TrackParts {
        id: description.id,
        kind: description.kind,
        codecs: description.codecs,
        timescale: description.timescale,
        parts: vec![Part { key, object, segments: count }],
        init: Some(InitSection::new(init_len, hash(init))),
        segments,
        default: description.default,
        language: description.language,
        label: description.label,
    })
}
