//! The playlists of a publication, written from its bundle alone, and of a live stream, from what is there (RFC 8216).

mod live;

pub use live::{live_master, live_media};
pub use packager::playlist::PlaylistError;
use packager::playlist::{
    Addressing, Audio, Bitrate, Kind, Master, Media, Segment, Subtitles, Video, duration_of, subtitles,
};
use sharing::{Bundle, Label, LanguageTag, Track, TrackKind};

/// How a media playlist names segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Each by a URL of its own.
    Segments,
    /// As byte ranges of the track's file.
    Ranges,
}

/// The multivariant playlist.
pub fn master(bundle: &Bundle) -> Result<String, PlaylistError> {
    let mut master = Master::default();
    for track in bundle.tracks() {
        let uri = format!("{}.m3u8", track.id());
        match track.kind() {
            TrackKind::Video(picture) => master.videos.push(Video {
                uri,
                codec: track.codecs().to_string(),
                bitrate: bitrate(track),
                resolution: (picture.width.get(), picture.height.get()),
                frames_per_1000_seconds: picture.rate.get(),
            }),
            TrackKind::Audio(channels) => master.audios.push(Audio {
                uri,
                codec: track.codecs().to_string(),
                bitrate: bitrate(track),
                name: name(track),
                language: track.language().map(ToString::to_string),
                channels: channels.get().into(),
                is_default: track.is_default(),
            }),
            TrackKind::Subtitles => master.subtitles.push(Subtitles {
                uri,
                name: name(track),
                language: track.language().map(ToString::to_string),
                is_default: track.is_default(),
                is_forced: false,
            }),
        }
    }
    master.to_text()
}

/// The media playlist of a track; of one that was live there is none of byte ranges.
pub fn media(track: &Track, form: Form) -> Result<Option<String>, PlaylistError> {
    let timescale = track.timescale().get();
    if matches!(track.kind(), TrackKind::Subtitles) {
        return subtitles(&format!("{}/0.vtt", track.id()), duration_of(track.duration(), timescale))
            .map(Some);
    }
    if form == Form::Ranges && track.parts().len() > 1 {
        return Ok(None);
    }
    let addressing = match form {
        Form::Segments => Addressing::Urls { prefix: format!("{}/", track.id()) },
        Form::Ranges => Addressing::ByteRanges { uri: format!("{}.mp4", track.id()) },
    };
    let init_len = track.init().map_or(0, |init| init.len().get().into());
    // Rounded so that the durations add up to the whole, as the packager rounds them.
    let segments = track.segments().iter().map(|place| {
        let start = duration_of(place.start(), timescale);
        let end = duration_of(place.start() + u64::from(place.duration()), timescale);
        Segment { offset: place.offset(), len: place.len().into(), duration: end.saturating_sub(start) }
    });
    let segments: Vec<_> = segments.collect();
    Media { addressing, init_len, segments: &segments, kind: Kind::Vod }.to_text().map(Some)
}

fn bitrate(track: &Track) -> Bitrate {
    let rates = track.bit_rates();
    Bitrate { peak: rates.peak, average: rates.average }
}

/// What a viewer chooses the track by.
fn name(track: &Track) -> String {
    let label = track.label().map(Label::as_str);
    let language = track.language().map(LanguageTag::as_str);
    label.or(language).unwrap_or(track.id().as_str()).to_owned()
}
