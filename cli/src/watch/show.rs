//! What is played: a publication, all of which is known, or a live stream, of which there is more every second.

use std::collections::HashMap;

use axum::body::Bytes;
use publishing::download::Part;
use publishing::playlists::{Form, PlaylistError, master, media};
use sharing::{Bundle, TrackId};

use super::feed::Feed;
use super::stream::Piece;

pub(super) const MASTER: &str = "master.m3u8";

/// One title.
#[derive(Debug)]
pub(crate) enum Show {
    /// A publication, with its playlists.
    Whole { bundle: Box<Bundle>, playlists: HashMap<String, Bytes> },
    /// A live stream.
    Live(Box<Feed>),
}

/// What a player asks for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) track: TrackId,
    /// `None` for its init section.
    pub(super) number: Option<u32>,
    pub(super) media_type: &'static str,
    pub(super) content: Content,
}

/// What is to be handed out.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// It is here.
    Here(Bytes),
    /// It is at gateways; where it counts as played, as this.
    There(Part, Option<Piece>),
}

impl Show {
    /// A publication.
    pub(crate) fn whole(bundle: Bundle) -> Result<Self, PlaylistError> {
        let mut playlists = HashMap::from([(MASTER.to_owned(), master(&bundle)?.into())]);
        for track in bundle.tracks() {
            let text = media(track, Form::Segments)?.unwrap_or_default();
            playlists.insert(format!("{}.m3u8", track.id()), text.into());
        }
        Ok(Self::Whole { bundle: Box::new(bundle), playlists })
    }

    /// Takes in what is new; without end.
    pub(crate) async fn follow(&self) {
        match self {
            Self::Whole { .. } => std::future::pending().await,
            Self::Live(feed) => feed.follow().await,
        }
    }

    /// A playlist as it is now; `None` where there is none of this name, or none yet.
    pub(super) fn playlist(&self, file: &str) -> Result<Option<Bytes>, PlaylistError> {
        match self {
            Self::Whole { playlists, .. } => Ok(playlists.get(file).cloned()),
            Self::Live(feed) => feed.playlist(file),
        }
    }

    /// A file of a track: its init section, or a segment.
    pub(super) fn file(&self, track: &str, file: &str) -> Option<Asked> {
        let number = if file == "init.mp4" { None } else { Some(file.split_once('.')?) };
        match self {
            Self::Whole { bundle, .. } => {
                let kind = bundle.track(track)?.kind();
                let is_segment = |ending: &str| ending == kind.segment_ending();
                let number = match number {
                    None => None,
                    Some((digits, ending)) if is_segment(ending) => Some(digits.parse().ok()?),
                    Some(_) => return None,
                };
                self.part(track, number)
            }
            Self::Live(_) => match number {
                None => self.part(track, None),
                Some((digits, "m4s")) => self.part(track, Some(digits.parse().ok()?)),
                Some(_) => None,
            },
        }
    }

    /// A segment of a track, or its init section.
    pub(super) fn part(&self, track: &str, number: Option<u32>) -> Option<Asked> {
        match self {
            Self::Whole { bundle, .. } => {
                let track = bundle.track(track)?;
                let content = match number {
                    Some(number) => {
                        Content::There(Part::segment(track, number)?, Piece::segment(track, number))
                    }
                    None => Content::There(Part::init(track)?, None),
                };
                let media_type = track.kind().media_type();
                Some(Asked { track: track.id().clone(), number, media_type, content })
            }
            Self::Live(feed) => feed.part(track, number),
        }
    }
}

impl Content {
    /// Its length in bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::There(part, _) => part.len(),
        }
    }
}
