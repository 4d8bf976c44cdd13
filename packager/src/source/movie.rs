//! The box `moov`: what tracks there are, and what is known of them before any sample.

use std::num::NonZeroU32;

use shiguredo_mp4::boxes::{ElstBox, HdlrBox, MdhdBox, MvhdBox, TkhdBox, TrexBox, UnknownBox};

use crate::boxes::{BoxError, child, children, required_child};
use crate::fragment::SampleDefaults;
use crate::init::Description;
use crate::language;
use crate::limits::{DESCRIPTION_LEN_MAX, TRACKS_MAX};
use crate::source::entry::{self, Entry};
use crate::source::{OpenError, TrackError};
use crate::timeline::Edits;
use crate::track::{Format, Track, TrackName};

/// A `moov`, read.
pub(crate) struct Movie<'a> {
    pub(crate) tracks: Vec<FoundTrack<'a>>,
    /// Whether samples may follow in fragments.
    pub(crate) is_fragmented: bool,
}

/// What `moov` says of a track.
#[derive(Debug, Clone)]
pub(crate) struct TrackHead {
    pub(crate) track: Track,
    pub(crate) description: Description,
    pub(crate) edits: Edits,
    pub(crate) defaults: SampleDefaults,
}

/// A track with the content of its `stbl`.
pub(crate) struct FoundTrack<'a> {
    pub(crate) head: TrackHead,
    pub(crate) stbl: &'a [u8],
}

/// Reads the content of a `moov`. Tracks that are neither video nor audio are passed over.
pub(crate) fn read(moov: &[u8]) -> Result<Movie<'_>, OpenError> {
    let mvhd: MvhdBox = required_child(moov, *b"mvhd")?.decode()?;
    let mvex = child(moov, *b"mvex")?;
    let defaults = mvex.map(|mvex| defaults(mvex.body)).transpose()?.unwrap_or_default();
    let mut tracks: Vec<FoundTrack<'_>> = Vec::new();
    for (count, trak) in
        children(moov).filter(|found| !matches!(found, Ok(other) if other.name != *b"trak")).enumerate()
    {
        if count == TRACKS_MAX {
            return Err(OpenError::TooManyTracks);
        }
        let Some(mut found) = read_track(trak?.body, mvhd.timescale)? else { continue };
        let id = found.head.track.id;
        if tracks.iter().any(|other| other.head.track.id == id) {
            return Err(OpenError::SameId { id });
        }
        found.head.defaults =
            defaults.iter().find(|(of, _)| *of == id).map(|(_, found)| *found).unwrap_or_default();
        tracks.push(found);
    }
    if tracks.is_empty() {
        return Err(OpenError::NoTracks);
    }
    Ok(Movie { tracks, is_fragmented: mvex.is_some() })
}

fn defaults(mvex: &[u8]) -> Result<Vec<(u32, SampleDefaults)>, BoxError> {
    let mut found = Vec::new();
    for child in children(mvex).take(2 * TRACKS_MAX) {
        let child = child?;
        if child.name == *b"trex" {
            let trex: TrexBox = child.decode()?;
            found.push((trex.track_id, SampleDefaults::from(&trex)));
        }
    }
    Ok(found)
}

/// The track, or `None` when it is neither video nor audio.
fn read_track(trak: &[u8], movie_timescale: NonZeroU32) -> Result<Option<FoundTrack<'_>>, OpenError> {
    let tkhd: TkhdBox = required_child(trak, *b"tkhd")?.decode()?;
    let mdia = required_child(trak, *b"mdia")?.body;
    let hdlr: HdlrBox = required_child(mdia, *b"hdlr")?.decode()?;
    let is_video = match &hdlr.handler_type {
        b"vide" => true,
        b"soun" => false,
        _ => return Ok(None),
    };
    let name = TrackName { id: tkhd.track_id, is_video };
    let found = media_track(trak, mdia, tkhd, is_video, movie_timescale);
    found.map(Some).map_err(|reason| OpenError::Track { track: name, reason })
}

fn media_track<'a>(
    boxes: &[u8],
    mdia: &'a [u8],
    header: TkhdBox,
    is_video: bool,
    movie_timescale: NonZeroU32,
) -> Result<FoundTrack<'a>, TrackError> {
    let mdhd: MdhdBox = required_child(mdia, *b"mdhd")?.decode()?;
    let minf = required_child(mdia, *b"minf")?.body;
    let stbl = required_child(minf, *b"stbl")?.body;
    let Entry { bytes, codec, format } = entry::read(&required_child(stbl, *b"stsd")?)?;
    let format = complete(format, is_video, &header, mdhd.timescale)?;
    let elng = child(mdia, *b"elng")?;
    let code = language::code(mdhd.language);
    let extended = elng.and_then(|elng| language::extended(elng.body));
    let track = Track {
        id: header.track_id,
        format,
        codec,
        language: extended.or_else(|| language::tag(code)),
        timescale: mdhd.timescale.get(),
    };
    let copies = kept(boxes)?;
    let elng = elng.map(|elng| entry::copied(&elng)).transpose()?;
    let description =
        Description { tkhd: header, timescale: mdhd.timescale, language: code, elng, entry: bytes, copies };
    if description.len() > DESCRIPTION_LEN_MAX {
        return Err(TrackError::DescriptionTooLong { len: description.len() });
    }
    let edits = edits(boxes, movie_timescale)?;
    let head = TrackHead { track, description, edits, defaults: SampleDefaults::default() };
    Ok(FoundTrack { head, stbl })
}

/// Boxes of a track that say how it is shown, or what it is called, and refer to nothing else: among them the
/// `uuid` of spherical video.
fn kept(trak: &[u8]) -> Result<Vec<UnknownBox>, TrackError> {
    let (mut copies, mut len) = (Vec::new(), 0);
    for found in children(trak) {
        let found = found?;
        if matches!(&found.name, b"uuid" | b"udta" | b"meta") {
            len += found.whole.len();
            if len > DESCRIPTION_LEN_MAX {
                return Err(TrackError::DescriptionTooLong { len });
            }
            copies.push(entry::copied(&found)?);
        }
    }
    Ok(copies)
}

/// Adds what the sample entry does not say.
fn complete(
    format: Format,
    is_video: bool,
    tkhd: &TkhdBox,
    timescale: NonZeroU32,
) -> Result<Format, TrackError> {
    match format {
        Format::Video(mut video) if is_video => {
            video.rotation = rotation(&tkhd.matrix);
            Ok(Format::Video(video))
        }
        Format::Audio(mut audio) if !is_video => {
            if audio.sample_rate == 0 {
                audio.sample_rate = timescale.get();
            }
            Ok(Format::Audio(audio))
        }
        _ => Err(TrackError::OtherKind),
    }
}

/// Degrees by which the matrix of a track turns it, clockwise; what is no quarter turn counts as none.
fn rotation(matrix: &[i32; 9]) -> u16 {
    const ONE: i32 = 1 << 16;
    match [matrix[0], matrix[1], matrix[3], matrix[4]] {
        [0, ONE, minus_one, 0] if minus_one == -ONE => 90,
        [a, 0, 0, d] if a == -ONE && d == -ONE => 180,
        [0, minus_one, ONE, 0] if minus_one == -ONE => 270,
        _ => 0,
    }
}

fn edits(trak: &[u8], movie_timescale: NonZeroU32) -> Result<Edits, TrackError> {
    let Some(edts) = child(trak, *b"edts")? else { return Ok(Edits::none(movie_timescale)) };
    let Some(elst) = child(edts.body, *b"elst")? else { return Ok(Edits::none(movie_timescale)) };
    let elst: ElstBox = elst.decode()?;
    Ok(Edits::read(&elst.entries, movie_timescale)?)
}
