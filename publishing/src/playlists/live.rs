//! The playlists of a live stream, written from what is there.

use packager::playlist::{
    Addressing, Audio, Bitrate, Kind, Master, Media, PlaylistError, Segment, Video, duration_of,
};
use sharing::{Label, LanguageTag, LiveStream, LiveTrack, TrackKind};

/// The multivariant playlist: bit rates are those of the segments so far.
pub fn live_master(live: &LiveStream) -> Result<String, PlaylistError> {
    let mut master = Master::default();
    for (index, track) in live.prelude().tracks().iter().enumerate() {
        let (uri, codec) = (format!("{}.m3u8", track.id), track.codecs.to_string());
        let bitrate = Bitrate::of(&segments(live, index));
        match track.kind {
            TrackKind::Video(picture) => master.videos.push(Video {
                uri,
                codec,
                bitrate,
                resolution: (picture.width.get(), picture.height.get()),
                frames_per_1000_seconds: picture.rate.get(),
            }),
            TrackKind::Audio(channels) => master.audios.push(Audio {
                uri,
                codec,
                bitrate,
                name: name(track),
                language: track.language.as_ref().map(ToString::to_string),
                channels: channels.get().into(),
                is_default: track.default,
            }),
            TrackKind::Subtitles => unreachable!("a prelude has no subtitles"),
        }
    }
    master.to_text()
}

/// The media playlist of a track, which grows until the stream ends.
///
/// # Panics
///
/// When the prelude has no such track.
pub fn live_media(live: &LiveStream, index: usize) -> Result<String, PlaylistError> {
    let track = &live.prelude().tracks()[index];
    let kind =
        Kind::Event { has_ended: !live.is_running(), target_seconds: live.prelude().parts().longest.into() };
    let addressing = Addressing::Urls { prefix: format!("{}/", track.id) };
    Media { addressing, init_len: track.init.len() as u64, segments: &segments(live, index), kind }.to_text()
}

/// Rounded so that the durations add up to the whole, as those of the publication that it becomes.
fn segments(live: &LiveStream, index: usize) -> Vec<Segment> {
    let timescale = live.prelude().tracks()[index].timescale.get();
    let mut start = 0;
    let segment = |(_, segment): &(_, sharing::Segment)| {
        let end = start + u64::from(segment.duration);
        let duration = duration_of(end, timescale).saturating_sub(duration_of(start, timescale));
        start = end;
        Segment { offset: 0, len: segment.len.into(), duration }
    };
    live.segments(index).iter().map(segment).collect()
}

/// What a viewer chooses the track by.
fn name(track: &LiveTrack) -> String {
    let label = track.label.as_ref().map(Label::as_str);
    let language = track.language.as_ref().map(LanguageTag::as_str);
    label.or(language).unwrap_or(track.id.as_str()).to_owned()
}
