//! What a bundle says of the tracks of a file, before anything is stored.

use std::collections::HashSet;
use std::num::{NonZeroU16, NonZeroU32};

use packager::{Format, Track as SourceTrack};
use sharing::{
    Channels, ChannelsError, Codecs, Label, LanguageTag, Picture, TextError, Track, TrackError, TrackId,
    TrackKind,
};

/// The frame rate of a picture that does not say any: one frame in a second.
const RATE_MIN: u32 = 1000;

/// A track as a bundle will describe it.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) id: TrackId,
    pub(crate) kind: TrackKind,
    pub(crate) codecs: Codecs,
    pub(crate) timescale: NonZeroU32,
    pub(crate) default: bool,
    pub(crate) language: Option<LanguageTag>,
    pub(crate) label: Option<Label>,
}

/// Why a track of a file does not fit into a bundle.
#[derive(Debug, thiserror::Error)]
pub enum UnfitTrack {
    /// A text of the file that has another form.
    #[error(transparent)]
    Text(#[from] TextError),
    /// More channels than there are loudspeakers.
    #[error(transparent)]
    Channels(#[from] ChannelsError),
    /// A picture without pixels, or a clock that stands still.
    #[error("its picture has no pixels, or its clock does not run")]
    Empty,
    /// Numbers beyond 32 bits.
    #[error("a segment is too long")]
    TooLarge,
    /// The parts do not make a track.
    #[error(transparent)]
    Track(#[from] TrackError),
}

/// Describes the tracks of a file, in its order. The first of each kind is the default; `language` is that of tracks which name none.
///
/// Tracks that are `finished` came before them: their names are taken, and one of their kind is the default.
pub(crate) fn describe<'t>(
    tracks: impl Iterator<Item = &'t SourceTrack>,
    language: Option<&LanguageTag>,
    finished: &[Track],
) -> Result<Vec<Description>, (u32, UnfitTrack)> {
    let (mut ids, mut described): (Names, Vec<Description>) = (Names::default(), Vec::new());
    for track in finished {
        ids.new_id(track.id().as_str()).map_err(|error| (0, error.into()))?;
    }
    for track in tracks {
        let is_first = !described.iter().any(|other| is_video(&other.kind) == track.is_video())
            && !finished.iter().any(|other| is_video(other.kind()) == track.is_video());
        let description = one(track, language, is_first, &mut ids).map_err(|error| (track.id, error))?;
        described.push(description);
    }
    Ok(described)
}

fn one(
    track: &SourceTrack,
    language: Option<&LanguageTag>,
    default: bool,
    ids: &mut Names,
) -> Result<Description, UnfitTrack> {
    let own = track.language.as_deref().and_then(|tag| LanguageTag::new(tag).ok());
    let language = own.or_else(|| language.filter(|_| !track.is_video()).cloned());
    let (kind, wish) = match track.format {
        Format::Video(video) => {
            let (width, height) = video.shown();
            let pixels = |side| NonZeroU16::new(side).ok_or(UnfitTrack::Empty);
            let rate =
                NonZeroU32::new(video.frames_per_1000_seconds.max(RATE_MIN)).ok_or(UnfitTrack::Empty)?;
            let picture = Picture { height: pixels(height)?, rate, width: pixels(width)? };
            (TrackKind::Video(picture), format!("video-{}", width.min(height)))
        }
        Format::Audio(audio) => {
            let channels = Channels::new(u8::try_from(audio.channels).unwrap_or(u8::MAX))?;
            let wish = language.as_ref().map_or_else(
                || "audio".to_owned(),
                |tag| format!("audio-{}", tag.as_str().to_ascii_lowercase()),
            );
            (TrackKind::Audio(channels), wish)
        }
    };
    Ok(Description {
        id: ids.new_id(&wish)?,
        kind,
        codecs: Codecs::new(track.codec.as_str())?,
        timescale: NonZeroU32::new(track.timescale).ok_or(UnfitTrack::Empty)?,
        default,
        language,
        label: None,
    })
}

fn is_video(kind: &TrackKind) -> bool {
    matches!(kind, TrackKind::Video(_))
}

/// Names that are taken.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// `wish`, cut to what an id may be, and with a number behind it where it is taken.
    pub(crate) fn new_id(&mut self, wish: &str) -> Result<TrackId, TextError> {
        let wish: String = wish
            .chars()
            .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .take(24)
            .collect();
        let mut id = wish.clone();
        let mut number = 2;
        while !self.0.insert(id.clone()) {
            id = format!("{wish}-{number}");
            number += 1;
        }
        TrackId::new(id)
    }
}

#[cfg(test)]
mod tests {
    use packager::{AudioFormat, VideoFormat};

    use super::*;

    fn audio(id: u32, language: Option<&str>) -> SourceTrack {
        SourceTrack {
            id,
            format: Format::Audio(AudioFormat { sample_rate: 48_000, channels: 2 }),
            codec: "mp4a.40.2".into(),
            language: language.map(str::to_owned),
            timescale: 48_000,
        }
    }

    fn video(id: u32, rotation: u16) -> SourceTrack {
        let format = VideoFormat { width: 1920, height: 1080, rotation, frames_per_1000_seconds: 0 };
        SourceTrack {
            id,
            format: Format::Video(format),
            codec: "avc1.64001f".into(),
            language: None,
            timescale: 90_000,
        }
    }

    #[test]
    fn tracks_get_names_of_their_own() {
        let tracks = [video(1, 90), audio(2, Some("de")), audio(3, Some("de")), audio(4, None)];
        let french = LanguageTag::new("fr").unwrap();
        let described = describe(tracks.iter(), Some(&french), &[]).unwrap();
        let ids: Vec<_> = described.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["video-1080", "audio-de", "audio-de-2", "audio-fr"]);
        let defaults: Vec<_> = described.iter().map(|one| one.default).collect();
        assert_eq!(defaults, [true, true, false, false]);
        let TrackKind::Video(picture) = described[0].kind else { panic!("it is a picture") };
        assert_eq!((picture.width.get(), picture.height.get()), (1080, 1920), "as it is shown");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let mut silent = audio(7, None);
        silent.format = Format::Audio(AudioFormat { sample_rate: 48_000, channels: 0 });
        assert!(matches!(describe([silent].iter(), None, &[]), Err((7, UnfitTrack::Channels(_)))));
    }
}
