//! What `/api/live` says of a stream, as JSON.

use data_encoding::HEXLOWER;
use serde::Serialize;
use sharing::{LiveState, LiveStream, LiveTrack, TrackKind};
use utoipa::ToSchema;

use super::streams::Stream;

/// A live stream, and how far it has come.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiveSummary {
    /// The live id: the CID of the plaintext prelude.
    id: String,
    /// `film` or `audio`.
    kind: String,
    title: String,
    /// The creator's name, in their own words.
    by: Option<String>,
    about: Option<String>,
    /// The creator key, in hexadecimal.
    creator: String,
    /// Unix time in seconds.
    created: u64,
    /// BCP 47.
    language: Option<String>,
    /// The key of the ledger under whose agreements it is shown, in hexadecimal; null where it is free.
    ledger: Option<String>,
    /// About how long a segment lasts, in seconds.
    target_s: u8,
    /// No segment lasts longer, in seconds.
    longest_s: u8,
    listed: bool,
    /// Path of the page that plays it.
    watch: String,
    /// How much there is to see.
    duration_ms: u64,
    /// `by_creator`, or `silent` when nothing more was heard of it; null while it runs.
    ended: Option<&'static str>,
    /// The publication that it has become.
    publication: Option<String>,
    tracks: Vec<LiveTrackDetails>,
}

#[derive(Debug, Serialize, ToSchema)]
struct LiveTrackDetails {
    id: String,
    /// `video` or `audio`.
    kind: &'static str,
    /// RFC 6381.
    codecs: String,
    language: Option<String>,
    label: Option<String>,
    default: bool,
    width: Option<u16>,
    height: Option<u16>,
    /// Frames per second.
    frame_rate: Option<f64>,
    channels: Option<u8>,
    /// Segments so far.
    segments: usize,
    /// Bytes so far, without the init section.
    bytes: u64,
}

impl LiveSummary {
    pub(super) fn new(stream: &Stream) -> Self {
        let (state, parts) = (stream.state(), stream.prelude.parts());
        let tracks = parts.tracks.iter().enumerate();
        Self {
            id: stream.id().to_string(),
            kind: parts.kind.name().to_owned(),
            title: parts.title.to_string(),
            by: parts.by.as_ref().map(ToString::to_string),
            about: parts.about.as_ref().map(ToString::to_string),
            creator: HEXLOWER.encode(parts.creator.as_bytes()),
            created: parts.created.get(),
            language: parts.language.as_ref().map(ToString::to_string),
            ledger: parts.ledger.map(|ledger| HEXLOWER.encode(ledger.as_bytes())),
            target_s: parts.target,
            longest_s: parts.longest,
            listed: stream.record.body().listed,
            watch: format!("/live/{}", stream.id()),
            duration_ms: (0..parts.tracks.len())
                .map(|index| duration_ms(&state.live, index))
                .max()
                .unwrap_or(0),
            ended: match state.live.state() {
                LiveState::Running => None,
                LiveState::Silent => Some("silent"),
                LiveState::Ended { .. } => Some("by_creator"),
            },
            publication: state.live.publication().map(|id| id.to_string()),
            tracks: tracks.map(|(index, track)| LiveTrackDetails::new(track, &state.live, index)).collect(),
        }
    }
}

impl LiveTrackDetails {
    fn new(track: &LiveTrack, live: &LiveStream, index: usize) -> Self {
        let picture = if let TrackKind::Video(picture) = track.kind { Some(picture) } else { None };
        let channels = if let TrackKind::Audio(channels) = track.kind { Some(channels.get()) } else { None };
        let segments = live.segments(index);
        Self {
            id: track.id.to_string(),
            kind: track.kind.name(),
            codecs: track.codecs.to_string(),
            language: track.language.as_ref().map(ToString::to_string),
            label: track.label.as_ref().map(ToString::to_string),
            default: track.default,
            width: picture.map(|picture| picture.width.get()),
            height: picture.map(|picture| picture.height.get()),
            frame_rate: picture.map(|picture| f64::from(picture.rate.get()) / 1000.0),
            channels,
            segments: segments.len(),
            bytes: segments.iter().map(|(_, segment)| u64::from(segment.len)).sum(),
        }
    }
}

/// How long the segments of a track are shown, in milliseconds.
fn duration_ms(live: &LiveStream, index: usize) -> u64 {
    let ticks: u64 = live.segments(index).iter().map(|(_, segment)| u64::from(segment.duration)).sum();
    let timescale = live.prelude().tracks()[index].timescale.get();
    u64::try_from(u128::from(ticks) * 1000 / u128::from(timescale)).unwrap_or(u64::MAX)
}
