//! ffprobe's JSON. What it quotes from the master is as hostile as the master.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::{AudioProbe, Cover, FrameRate, Hdr, Probe, ProbeError, Tags, VideoProbe};
use crate::encode::input::FORMATS;
use crate::encode::limits::{DURATION_MAX, STREAMS_MAX, TAG_CHARS_MAX};
use crate::encode::size::Size;

/// Pixels are at most so many times longer one way than the other; what claims more has square ones.
const PIXEL_RATIO_MAX: u32 = 8;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Format,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "format_name")]
    names: String,
    duration: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<i64>,
    height: Option<i64>,
    sample_aspect_ratio: Option<String>,
    field_order: Option<String>,
    color_transfer: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    channels: Option<u16>,
    sample_rate: Option<String>,
    start_time: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    disposition: BTreeMap<String, i64>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize)]
struct SideData {
    side_data_type: Option<String>,
    rotation: Option<f64>,
}

/// Reads ffprobe's answer about `file`.
pub(super) fn parse(file: &Path, answer: &[u8]) -> Result<Probe, ProbeError> {
    let own = || file.to_owned();
    let Answer { streams, format } =
        serde_json::from_slice(answer).map_err(|source| ProbeError::Answer { file: own(), source })?;
    if !format.names.split(',').any(|name| FORMATS.split(',').any(|allowed| allowed == name)) {
        return Err(ProbeError::Format { file: own(), format: plain(&format.names) });
    }
    if streams.len() > STREAMS_MAX {
        return Err(ProbeError::Streams { file: own(), streams: streams.len() });
    }
    let duration = format.duration.as_deref().and_then(seconds);
    if let Some(duration) = duration.filter(|duration| *duration > DURATION_MAX) {
        return Err(ProbeError::Duration { file: own(), duration });
    }
    let mut probe = Probe {
        file: own(),
        container: plain(&format.names),
        duration,
        videos: Vec::new(),
        audios: Vec::new(),
        cover: None,
        tags: Tags::default(),
    };
    for stream in &streams {
        add(&mut probe, stream)?;
    }
    // Ogg keeps the tags of the whole on its only stream.
    let first = streams.first().map(|stream| &stream.tags);
    probe.tags = tags(&format.tags, first.filter(|_| streams.len() == 1));
    probe.tags.language = language(&format.tags).or_else(|| probe.audios.first()?.language.clone());
    Ok(probe)
}

fn add(probe: &mut Probe, stream: &Stream) -> Result<(), ProbeError> {
    match stream.codec_type.as_deref() {
        Some("video") if stream.disposition.get("attached_pic").is_some_and(|is| *is != 0) => {
            let size = coded_size(&probe.file, stream)?;
            probe.cover.get_or_insert(Cover { stream: stream.index, size });
        }
        Some("video") => probe.videos.push(video(&probe.file, stream)?),
        Some("audio") => probe.audios.extend(audio(stream)),
        _ => {}
    }
    Ok(())
}

fn video(file: &Path, stream: &Stream) -> Result<VideoProbe, ProbeError> {
    let coded = coded_size(file, stream)?;
    let square = stream.sample_aspect_ratio.as_deref().and_then(|ratio| with_square_pixels(coded, ratio));
    let size = square.unwrap_or(coded);
    let rotation = rotation(stream);
    let rate = |text: &Option<String>| text.as_deref().and_then(frame_rate);
    Ok(VideoProbe {
        stream: stream.index,
        codec: codec(stream),
        size: if rotation % 180 == 90 { size.turned() } else { size },
        rotation,
        frame_rate: rate(&stream.avg_frame_rate).or_else(|| rate(&stream.r_frame_rate)),
        duration: stream.duration.as_deref().and_then(seconds),
        interlaced: matches!(stream.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt")),
        hdr: stream.color_transfer.as_deref().and_then(hdr),
        spherical: side_data(stream, "Spherical Mapping").is_some(),
        language: language(&stream.tags),
    })
}

fn hdr(transfer: &str) -> Option<Hdr> {
    match transfer {
        "smpte2084" => Some(Hdr::Pq),
        "arib-std-b67" => Some(Hdr::Hlg),
        _ => None,
    }
}

/// `None` for a stream that ffmpeg cannot make sense of.
fn audio(stream: &Stream) -> Option<AudioProbe> {
    let sample_rate = stream.sample_rate.as_deref()?.parse().ok().filter(|rate| *rate > 0)?;
    Some(AudioProbe {
        stream: stream.index,
        codec: codec(stream),
        channels: stream.channels.filter(|channels| *channels > 0)?,
        sample_rate,
        start: stream.start_time.as_deref().and_then(seconds).unwrap_or_default(),
        duration: stream.duration.as_deref().and_then(seconds),
        language: language(&stream.tags),
        title: tag(&stream.tags, "title"),
    })
}

fn coded_size(file: &Path, stream: &Stream) -> Result<Size, ProbeError> {
    let (width, height) = (stream.width.unwrap_or(0), stream.height.unwrap_or(0));
    let side = |pixels: i64| u32::try_from(pixels).ok();
    side(width)
        .zip(side(height))
        .and_then(|(width, height)| Size::new(width, height))
        .ok_or_else(|| ProbeError::Size { file: file.to_owned(), stream: stream.index, width, height })
}

/// The size with square pixels, where `ratio` is "4:3": pixels so much wider than high.
fn with_square_pixels(size: Size, ratio: &str) -> Option<Size> {
    let (across, down) = ratio.split_once(':')?;
    let (across, down): (u32, u32) = (across.parse().ok()?, down.parse().ok()?);
    let longest = across.max(down).checked_div(across.min(down))?;
    let width = u64::from(size.width()) * u64::from(across) / u64::from(down);
    Size::new(u32::try_from(width).ok()?, size.height()).filter(|_| longest <= PIXEL_RATIO_MAX)
}

/// Degrees clockwise; ffprobe counts the other way round.
fn rotation(stream: &Stream) -> u16 {
    let degrees = side_data(stream, "Display Matrix").and_then(|data| data.rotation).unwrap_or(0.0);
    let clockwise = (-degrees).rem_euclid(360.0);
    [90, 180, 270].into_iter().find(|turn| (clockwise - f64::from(*turn)).abs() < 1.0).unwrap_or(0)
}

fn side_data<'a>(stream: &'a Stream, name: &str) -> Option<&'a SideData> {
    stream.side_data_list.iter().find(|data| data.side_data_type.as_deref() == Some(name))
}

fn frame_rate(text: &str) -> Option<FrameRate> {
    let (frames, seconds) = text.split_once('/')?;
    FrameRate::new(frames.parse().ok()?, seconds.parse().ok()?)
}

/// `None` for "N/A" and for what is negative.
fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

fn codec(stream: &Stream) -> String {
    plain(stream.codec_name.as_deref().unwrap_or("unknown"))
}

fn tags(of_file: &BTreeMap<String, String>, of_stream: Option<&BTreeMap<String, String>>) -> Tags {
    let find = |name| tag(of_file, name).or_else(|| tag(of_stream?, name));
    Tags {
        title: find("title"),
        artist: find("artist").or_else(|| find("album_artist")),
        album: find("album"),
        track: find("track"),
        date: find("date"),
        language: None,
    }
}

/// Names of tags are upper case in some containers.
fn tag(tags: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let value = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| plain(value));
    value.filter(|value| !value.is_empty())
}

fn language(tags: &BTreeMap<String, String>) -> Option<String> {
    let plausible = |tag: &String| {
        tag != "und" && tag.len() <= 35 && tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    tag(tags, "language").filter(plausible)
}

/// The text on one line, of bounded length.
fn plain(text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TAG_CHARS_MAX).collect();
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encode::needs::{Reason, needs_encoding};

    const FILM: &str = r#"{"streams":[
        {"index":0,"codec_type":"video","codec_name":"h264","width":720,"height":576,"sample_aspect_ratio":"16:15",
         "field_order":"tt","color_transfer":"arib-std-b67","avg_frame_rate":"25/1","r_frame_rate":"50/1",
         "duration":"7.5","side_data_list":[{"side_data_type":"Spherical Mapping","projection":"x"},
         {"side_data_type":"Display Matrix","rotation":-90}]},
        {"index":1,"codec_type":"video","codec_name":"mjpeg","width":600,"height":601,"disposition":{"attached_pic":1}},
        {"index":2,"codec_type":"audio","codec_name":"aac","channels":2,"sample_rate":"44100","start_time":"0.5",
         "duration":"7.25","tags":{"language":"fra","title":"commentaire"}},
        {"index":3,"codec_type":"audio","codec_name":"aac","channels":0,"sample_rate":"0"},
        {"index":4,"codec_type":"data"}],
        "format":{"format_name":"mov,mp4,m4a,3gp,3g2,mj2","duration":"7.500000",
         "tags":{"TITLE":" A\u001b[2J\nfilm ","album_artist":"someone","genre":"x"}}}"#;

    fn read(answer: &str) -> Result<Probe, ProbeError> {
        parse(Path::new("film"), answer.as_bytes())
    }

    fn refused(from: &str, to: &str) -> String {
        assert!(FILM.contains(from));
        read(&FILM.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_film_is_read_as_it_is_displayed() {
        let probe = read(FILM).unwrap();
        let video = probe.video().unwrap();
        assert_eq!((video.size.to_string(), video.rotation), ("576x768".into(), 90));
        assert_eq!(video.frame_rate, FrameRate::new(25, 1));
        assert!(video.interlaced && video.spherical);
        assert_eq!(video.hdr, Some(Hdr::Hlg));
        assert_eq!((probe.duration, video.duration), (seconds("7.5"), seconds("7.5")));
        assert_eq!(
            probe.cover.map(|cover| (cover.stream, cover.size.to_string())),
            Some((1, "600x601".into()))
        );
        assert_eq!(probe.audios.len(), 1);
        let audio = &probe.audios[0];
        assert_eq!((audio.stream, audio.channels, audio.sample_rate), (2, 2, 44_100));
        assert_eq!((audio.start, audio.duration), (Duration::from_millis(500), seconds("7.25")));
        assert_eq!(audio.title.as_deref(), Some("commentaire"));
    }

    #[test]
    fn tags_are_one_line_of_bounded_length() {
        let tags = read(FILM).unwrap().tags;
        assert_eq!(tags.title.as_deref(), Some("A [2J film"));
        assert_eq!((tags.artist.as_deref(), tags.language.as_deref()), (Some("someone"), Some("fra")));
        let long = read(&FILM.replace("someone", &"ä".repeat(5000))).unwrap().tags.artist.unwrap();
        assert_eq!(long.chars().count(), TAG_CHARS_MAX);
        assert_eq!(read(&FILM.replace("fra", "fr;a")).unwrap().tags.language, None);
        assert_eq!(read(&FILM.replace("fra", "und")).unwrap().tags.language, None);
    }

    #[test]
    fn what_asks_for_too_much_is_refused() {
        assert!(refused("\"width\":720", "\"width\":-1").contains("stream 0 has pictures of -1x576"));
        assert!(refused("\"height\":576", "\"height\":16385").contains("720x16385"));
        assert!(
            refused("\"width\":720,\"height\":576", "\"width\":8193,\"height\":8192").contains("8193x8192")
        );
        assert!(refused("\"width\":720,", "").contains("stream 0 has pictures of 0x576"));
        assert!(refused("\"duration\":\"7.500000\"", "\"duration\":\"86401\"").contains("86401 s"));
        let streams = format!("[{}{{", "{\"index\":9},".repeat(STREAMS_MAX));
        assert!(refused("[\n        {", &streams).contains("69 streams"));
        assert!(refused("mov,mp4,m4a,3gp,3g2,mj2", "hls").contains("«hls»"));
        assert!(refused("\"format\"", "\"x\"").contains("not understood"));
    }

    #[test]
    fn what_is_odd_is_taken_for_not_said() {
        for ratio in ["0:1", "1:0", "9:1", "1:9", "N/A", "4000000000:4000000001x", ""] {
            let probe = read(&FILM.replace("16:15", ratio)).unwrap();
            assert_eq!(probe.video().unwrap().size.to_string(), "576x720", "{ratio}");
        }
        for duration in ["N/A", "-1", "nan", "inf", "1e300", ""] {
            let probe = read(&FILM.replace("7.500000", duration)).unwrap();
            assert_eq!(probe.duration, None, "{duration}");
        }
        let crooked = read(&FILM.replace("-90", "33.5")).unwrap();
        assert_eq!(crooked.video().unwrap().rotation, 0);
        let rate = read(&FILM.replace("25/1", "0/0")).unwrap().video().unwrap().frame_rate;
        assert_eq!(rate, FrameRate::new(50, 1));
    }

    #[test]
    fn only_what_players_do_not_know_needs_encoding() {
        assert_eq!(needs_encoding(&read(FILM).unwrap()), None);
        let reason = |from: &str, to: &str| needs_encoding(&read(&FILM.replacen(from, to, 1)).unwrap());
        assert_eq!(reason("h264", "vp9"), Some(Reason::Video { stream: 0, codec: "vp9".into() }));
        assert_eq!(reason("\"aac\"", "\"mp3\""), Some(Reason::Audio { stream: 2, codec: "mp3".into() }));
        for name in ["matroska,webm", "wav", "flac", "mp3"] {
            let found = reason("mov,mp4,m4a,3gp,3g2,mj2", name);
            assert_eq!(found, Some(Reason::Container(name.into())));
        }
        for codec in ["hevc", "av1"] {
            assert_eq!(reason("h264", codec), None);
        }
        assert_eq!(reason("\"aac\"", "\"opus\""), None);
    }

    fn side() -> impl Strategy<Value = i64> {
        prop_oneof![any::<i64>(), 0..20_000_i64]
    }

    proptest! {
        #[test]
        fn no_answer_panics(cuts in prop::collection::vec((0..FILM.len(), any::<u8>()), 0..6), end in 0..=FILM.len()) {
            let mut bytes = FILM.as_bytes()[..end].to_vec();
            for (place, byte) in cuts {
                if let Some(at) = bytes.get_mut(place) {
                    *at = byte;
                }
            }
            let read = parse(Path::new("film"), &bytes);
            prop_assert!(end == FILM.len() || read.is_err());
        }

        #[test]
        fn no_number_panics(width in side(), height in side(), across in any::<u32>(), down in any::<u32>(), turn in any::<f32>()) {
            let answer = FILM
                .replacen("\"width\":720,\"height\":576", &format!("\"width\":{width},\"height\":{height}"), 1)
                .replace("16:15", &format!("{across}:{down}"))
                .replace("-90", &if turn.is_finite() { format!("{turn:.3}") } else { "0".into() });
            let fits = (1..=16_384).contains(&width) && (1..=16_384).contains(&height) && width * height <= 1 << 26;
            prop_assert_eq!(read(&answer).is_ok(), fits);
        }
    }
}
