//! The only file that names the playlist library. It builds, and never parses: the library's parser panics on
//! hostile input. Everything that reaches it has been checked before.

use std::time::Duration;

use hls_m3u8::tags::{ExtInf, ExtXMap, ExtXMedia, VariantStream};
use hls_m3u8::types::{Channels, MediaType, PlaylistType, StreamData, UFloat};
use hls_m3u8::{MasterPlaylist, MediaPlaylist, MediaSegment};

use super::{
    Addressing, Audio, Bitrate, INIT_NAME, Kind, Master, Media, PlaylistError, Segment, Subtitles, Video,
    segment_name, text,
};
use crate::limits::SEGMENTS_MAX;

const SUBTITLES_GROUP: &str = "subtitles";

pub(super) fn media(media: &Media<'_>) -> Result<String, PlaylistError> {
    if media.segments.is_empty() {
        return Err(PlaylistError::Empty);
    }
    if media.segments.len() > SEGMENTS_MAX {
        return Err(PlaylistError::TooManySegments { count: media.segments.len() });
    }
    let target = target_seconds(media)?;
    let mut segments = Vec::with_capacity(media.segments.len());
    for (number, segment) in media.segments.iter().enumerate() {
        segments.push(one_segment(media, number, segment)?);
    }
    let mut builder = MediaPlaylist::builder();
    let (playlist_type, has_end_list) = match media.kind {
        Kind::Vod => (PlaylistType::Vod, true),
        Kind::Event { has_ended, .. } => (PlaylistType::Event, has_ended),
    };
    builder
        .target_duration(Duration::from_secs(target))
        .playlist_type(playlist_type)
        .has_independent_segments(true)
        .has_end_list(has_end_list)
        .segments(segments);
    let playlist = builder.build().map_err(invalid)?;
    Ok(with_exact_durations(&playlist.to_string(), media.segments.iter().map(|segment| segment.duration)))
}

/// The library writes 3.989333 s as 3.9893330000000002; here it is written as it is, to the microsecond.
fn with_exact_durations(text: &str, durations: impl Iterator<Item = Duration>) -> String {
    let mut durations = durations.map(to_micros);
    let mut exact = String::with_capacity(text.len());
    for line in text.lines() {
        let duration = if line.starts_with("#EXTINF:") { durations.next() } else { None };
        let exact_line = duration
            .map(|duration| format!("#EXTINF:{}.{:06},", duration.as_secs(), duration.subsec_micros()));
        exact.push_str(exact_line.as_deref().unwrap_or(line));
        exact.push('\n');
    }
    exact
}

/// The target duration in whole seconds: no segment, rounded, is longer.
fn target_seconds(media: &Media<'_>) -> Result<u64, PlaylistError> {
    let longest = media.segments.iter().map(|segment| rounded(segment.duration)).max().unwrap_or(0);
    let target = match media.kind {
        Kind::Vod => longest,
        Kind::Event { target_seconds, .. } => target_seconds.into(),
    };
    let too_long = media.segments.iter().position(|segment| rounded(segment.duration) > target);
    match too_long {
        Some(number) => Err(PlaylistError::Duration { number, duration: media.segments[number].duration }),
        None => Ok(target.max(1)),
    }
}

fn rounded(duration: Duration) -> u64 {
    duration.saturating_add(Duration::from_millis(500)).as_secs()
}

fn one_segment(
    media: &Media<'_>,
    number: usize,
    segment: &Segment,
) -> Result<MediaSegment<'static>, PlaylistError> {
    let duration = to_micros(segment.duration);
    if duration.is_zero() {
        return Err(PlaylistError::Duration { number, duration });
    }
    let mut builder = MediaSegment::builder();
    builder.duration(ExtInf::new(duration));
    match &media.addressing {
        Addressing::ByteRanges { uri } => {
            let (offset, len) = (segment.offset, segment.len);
            let range =
                || Some(usize::try_from(offset).ok()?..usize::try_from(offset.checked_add(len)?).ok()?);
            let range = range().ok_or(PlaylistError::Range { number, offset, len })?;
            builder.uri(text::uri(uri)?.to_owned()).byte_range(range);
            if number == 0 {
                let init_len = usize::try_from(media.init_len);
                let init_len =
                    init_len.map_err(|_| PlaylistError::Range { number, offset: 0, len: media.init_len })?;
                builder.map(ExtXMap::with_range(uri.clone(), 0..init_len));
            }
        }
        Addressing::Urls { prefix } => {
            let uri = format!("{prefix}{}", segment_name(number));
            builder.uri(text::uri(&uri)?.to_owned());
            if number == 0 {
                builder.map(ExtXMap::new(format!("{prefix}{INIT_NAME}")));
            }
        }
    }
    builder.build().map_err(invalid)
}

/// Whole microseconds: the library writes durations as floating-point numbers.
fn to_micros(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from((duration.as_nanos() + 500) / 1000).unwrap_or(u64::MAX))
}

pub(super) fn subtitles(uri: &str, duration: Duration) -> Result<String, PlaylistError> {
    let duration = to_micros(duration);
    if duration.is_zero() {
        return Err(PlaylistError::Duration { number: 0, duration });
    }
    let mut segment = MediaSegment::builder();
    segment.duration(ExtInf::new(duration)).uri(text::uri(uri)?.to_owned());
    let mut builder = MediaPlaylist::builder();
    builder
        .target_duration(Duration::from_secs(rounded(duration).max(1)))
        .playlist_type(PlaylistType::Vod)
        .has_end_list(true)
        .segments(vec![segment.build().map_err(invalid)?]);
    let playlist = builder.build().map_err(invalid)?;
    Ok(with_exact_durations(&playlist.to_string(), std::iter::once(duration)))
}

pub(super) fn master(master: &Master) -> Result<String, PlaylistError> {
    let groups = audio_groups(&master.audios);
    let mut media = audio_tags(&master.audios, &groups)?;
    media.extend(subtitle_tags(&master.subtitles)?);
    let has_subtitles = !master.subtitles.is_empty();
    let mut streams = Vec::new();
    for video in &master.videos {
        if groups.is_empty() {
            streams.push(video_stream(video, None, has_subtitles)?);
        }
        for group in &groups {
            streams.push(video_stream(video, Some(group), has_subtitles)?);
        }
    }
    if master.videos.is_empty() {
        for group in &groups {
            streams.push(audio_stream(&group.first.uri, group, has_subtitles)?);
        }
    }
    if streams.is_empty() {
        return Err(PlaylistError::Empty);
    }
    let mut builder = MasterPlaylist::builder();
    builder.has_independent_segments(true).media(media).variant_streams(streams);
    builder.build().map(|playlist| playlist.to_string()).map_err(invalid)
}

/// Renditions of audio with one codec: a player changes between them without a new decoder.
struct AudioGroup<'a> {
    id: String,
    /// The one that is played unless the viewer chooses.
    first: &'a Audio,
    /// The most that any of them needs.
    bitrate: Bitrate,
}

fn audio_groups(audios: &[Audio]) -> Vec<AudioGroup<'_>> {
    let mut groups: Vec<AudioGroup<'_>> = Vec::new();
    for audio in audios {
        match groups.iter_mut().find(|group| group.first.codec == audio.codec) {
            Some(group) => {
                group.bitrate.peak = group.bitrate.peak.max(audio.bitrate.peak);
                group.bitrate.average = group.bitrate.average.max(audio.bitrate.average);
                if audio.is_default && !group.first.is_default {
                    group.first = audio;
                }
            }
            None => groups.push(AudioGroup {
                id: format!("audio-{}", groups.len()),
                first: audio,
                bitrate: audio.bitrate,
            }),
        }
    }
    groups
}

fn audio_tags(audios: &[Audio], groups: &[AudioGroup<'_>]) -> Result<Vec<ExtXMedia<'static>>, PlaylistError> {
    let names = text::unique_names(audios.iter().map(|audio| audio.name.as_str()));
    let mut tags = Vec::new();
    for (audio, name) in audios.iter().zip(names) {
        let Some(group) = groups.iter().find(|group| group.first.codec == audio.codec) else { continue };
        let mut channels = Channels::default();
        channels.set_number(audio.channels.max(1).into());
        let mut builder = ExtXMedia::builder();
        builder
            .media_type(MediaType::Audio)
            .group_id(group.id.clone())
            .uri(text::uri(&audio.uri)?.to_owned())
            .name(name)
            .is_default(std::ptr::eq(group.first, audio))
            .is_autoselect(true)
            .channels(channels);
        if let Some(language) = &audio.language {
            builder.language(text::language(language)?.to_owned());
        }
        tags.push(builder.build().map_err(invalid)?);
    }
    Ok(tags)
}

fn subtitle_tags(all: &[Subtitles]) -> Result<Vec<ExtXMedia<'static>>, PlaylistError> {
    let names = text::unique_names(all.iter().map(|subtitles| subtitles.name.as_str()));
    let default = all.iter().position(|subtitles| subtitles.is_default);
    let mut tags = Vec::new();
    for (index, (subtitles, name)) in all.iter().zip(names).enumerate() {
        let mut builder = ExtXMedia::builder();
        builder
            .media_type(MediaType::Subtitles)
            .group_id(SUBTITLES_GROUP)
            .uri(text::uri(&subtitles.uri)?.to_owned())
            .name(name)
            .is_default(default == Some(index))
            .is_autoselect(true)
            .is_forced(subtitles.is_forced);
        if let Some(language) = &subtitles.language {
            builder.language(text::language(language)?.to_owned());
        }
        tags.push(builder.build().map_err(invalid)?);
    }
    Ok(tags)
}

fn video_stream(
    video: &Video,
    audio: Option<&AudioGroup<'_>>,
    has_subtitles: bool,
) -> Result<VariantStream<'static>, PlaylistError> {
    let of_audio = audio.map(|group| group.bitrate).unwrap_or_default();
    let mut codecs = vec![text::codec(&video.codec)?.to_owned()];
    if let Some(group) = audio {
        codecs.push(text::codec(&group.first.codec)?.to_owned());
    }
    let mut data = stream_data(video.bitrate, of_audio, codecs);
    let (width, height) = video.resolution;
    data.set_resolution(Some((usize::from(width), usize::from(height))));
    Ok(VariantStream::ExtXStreamInf {
        uri: text::uri(&video.uri)?.to_owned().into(),
        frame_rate: frame_rate(video.frames_per_1000_seconds),
        audio: audio.map(|group| group.id.clone().into()),
        subtitles: has_subtitles.then(|| SUBTITLES_GROUP.into()),
        closed_captions: None,
        stream_data: data,
    })
}

fn audio_stream(
    uri: &str,
    group: &AudioGroup<'_>,
    has_subtitles: bool,
) -> Result<VariantStream<'static>, PlaylistError> {
    let codecs = vec![text::codec(&group.first.codec)?.to_owned()];
    Ok(VariantStream::ExtXStreamInf {
        uri: text::uri(uri)?.to_owned().into(),
        frame_rate: None,
        audio: Some(group.id.clone().into()),
        subtitles: has_subtitles.then(|| SUBTITLES_GROUP.into()),
        closed_captions: None,
        stream_data: stream_data(group.bitrate, Bitrate::default(), codecs),
    })
}

fn stream_data(first: Bitrate, second: Bitrate, codecs: Vec<String>) -> StreamData<'static> {
    let mut data = StreamData::new(first.peak.saturating_add(second.peak));
    data.set_average_bandwidth(Some(first.average.saturating_add(second.average))).set_codecs(Some(codecs));
    data
}

fn frame_rate(frames_per_1000_seconds: u32) -> Option<UFloat> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "three decimals are asked for, and 32 bits hold them"
    )]
    let rate = (f64::from(frames_per_1000_seconds) / 1000.0) as f32;
    (frames_per_1000_seconds > 0).then(|| UFloat::new(rate))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err takes")]
fn invalid(error: hls_m3u8::Error) -> PlaylistError {
    PlaylistError::Invalid { why: error.to_string() }
}
