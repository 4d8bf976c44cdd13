//! Whatever is described, a playlist has the lines that it should have and no others.

use std::time::Duration;

use hls_m3u8::{MasterPlaylist, MediaPlaylist};
use packager::playlist::{
    self, Addressing, Audio, Bitrate, Kind, Master, Media, PlaylistError, Segment, Subtitles, Video,
};
use proptest::prelude::*;

fn segments() -> impl Strategy<Value = Vec<Segment>> {
    prop::collection::vec((1_u64..1 << 30, 1_u64..12_000_000), 1..50).prop_map(|all| {
        let mut offset = 700;
        let place = |(len, micros)| {
            let segment = Segment { offset, len, duration: Duration::from_micros(micros) };
            offset += len;
            segment
        };
        all.into_iter().map(place).collect()
    })
}

fn audio(name: &str, codec: &str) -> Audio {
    let (name, codec, uri) = (name.to_owned(), codec.to_owned(), "a.m3u8".to_owned());
    let bitrate = Bitrate { peak: 200, average: 100 };
    Audio { uri, codec, bitrate, name, language: Some("pt-BR".to_owned()), channels: 2, is_default: false }
}

fn video(uri: &str) -> Video {
    Video {
        uri: uri.to_owned(),
        codec: "avc1.64001f".to_owned(),
        bitrate: Bitrate { peak: 3000, average: 2000 },
        resolution: (1280, 720),
        frames_per_1000_seconds: 23_976,
    }
}

fn subtitles(name: &str) -> Subtitles {
    let (uri, name) = ("s.m3u8".to_owned(), name.to_owned());
    Subtitles { uri, name, language: None, is_default: true, is_forced: false }
}

proptest! {
    #[test]
    fn segments_are_read_as_they_were_described(segments in segments()) {
        let addressing = Addressing::ByteRanges { uri: "0.mp4".to_owned() };
        let text = Media { addressing, init_len: 700, segments: &segments, kind: Kind::Vod }.to_text().unwrap();
        let read = MediaPlaylist::try_from(text.as_str()).unwrap();
        prop_assert_eq!(read.segments.num_elements(), segments.len());
        for (read, segment) in read.segments.values().zip(&segments) {
            let range = read.byte_range.unwrap();
            let start = range.start().map(|start| start as u64);
            prop_assert_eq!((start, range.len() as u64), (Some(segment.offset), segment.len));
        }
        let sum = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:")).map(|line| {
            let (seconds, micros) = line.trim_end_matches(',').split_once('.').unwrap();
            Duration::new(seconds.parse().unwrap(), micros.parse::<u32>().unwrap() * 1000)
        });
        prop_assert_eq!(sum.sum::<Duration>(), segments.iter().map(|segment| segment.duration).sum());
        prop_assert!(text.ends_with("#EXT-X-ENDLIST\n"));
    }

    #[test]
    fn no_name_alters_the_structure(names in prop::collection::vec("\\PC*|[\"\n\r,=#A-Z\u{202e}\u{0}]{0,300}", 3)) {
        let master = |names: [&str; 3]| Master {
            videos: vec![video("v.m3u8")],
            audios: vec![audio(names[0], "mp4a.40.2"), audio(names[1], "mp4a.40.2")],
            subtitles: vec![subtitles(names[2])],
        };
        let (plain, hostile) = (master(["a", "b", "c"]).to_text().unwrap(), master([&names[0], &names[1], &names[2]]).to_text().unwrap());
        let tags = |text: &str| text.lines().map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(tags(&plain), tags(&hostile));
        let read = MasterPlaylist::try_from(hostile.as_str()).unwrap();
        prop_assert_eq!(read.media.iter().filter(|media| media.is_default).count(), 2);
        let defaults: Vec<_> = plain.lines().map(|line| line.matches("DEFAULT=YES").count()).collect();
        let hostile_defaults: Vec<_> = read.media.iter().map(|media| usize::from(media.is_default)).collect();
        prop_assert_eq!(&defaults[1..4], &hostile_defaults[..]);
    }
}

#[test]
fn sound_of_two_codecs_is_offered_in_two_groups() {
    let mut german = audio("Deutsch", "mp4a.40.2");
    german.is_default = true;
    let audios = vec![audio("English", "mp4a.40.2"), german, audio("English", "Opus")];
    let text = Master { videos: vec![video("720.m3u8"), video("480.m3u8")], audios, subtitles: Vec::new() }
        .to_text()
        .unwrap();
    let of = |prefix: &str| {
        text.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        of("#EXT-X-MEDIA:").iter().map(|line| line.contains("DEFAULT=YES")).collect::<Vec<_>>(),
        [false, true, true]
    );
    assert_eq!(of("#EXT-X-STREAM-INF:").len(), 4);
    assert!(
        text.contains(
            "#EXT-X-STREAM-INF:BANDWIDTH=3200,AVERAGE-BANDWIDTH=2100,CODECS=\"avc1.64001f,Opus\",\
         RESOLUTION=1280x720,FRAME-RATE=23.976,AUDIO=\"audio-1\"\n720.m3u8\n"
        ),
        "{text}"
    );
}

#[test]
fn an_album_is_played_by_its_first_track_and_subtitles_last_as_long_as_the_film() {
    let album = Master { videos: Vec::new(), audios: vec![audio("Song", "Opus")], subtitles: Vec::new() }
        .to_text()
        .unwrap();
    assert!(
        album.contains("BANDWIDTH=200,AVERAGE-BANDWIDTH=100,CODECS=\"Opus\",AUDIO=\"audio-0\"\na.m3u8\n"),
        "{album}"
    );
    let text = playlist::subtitles("en.vtt", Duration::from_millis(5_400_250)).unwrap();
    assert!(
        text.contains("#EXT-X-TARGETDURATION:5400\n")
            && text.ends_with("#EXTINF:5400.250000,\nen.vtt\n#EXT-X-ENDLIST\n"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_played_is_refused() {
    assert_eq!(Master::default().to_text(), Err(PlaylistError::Empty));
    let only_subtitles = Master { subtitles: vec![subtitles("a")], ..Master::default() };
    assert_eq!(only_subtitles.to_text(), Err(PlaylistError::Empty));
    let bad_uri = Master { videos: vec![video("a\n#EXT-X-ENDLIST")], ..Master::default() };
    assert!(matches!(bad_uri.to_text(), Err(PlaylistError::Uri { .. })));
    let mut bad_language = Master { audios: vec![audio("a", "Opus")], ..Master::default() };
    bad_language.audios[0].language = Some("de\"".to_owned());
    assert!(matches!(bad_language.to_text(), Err(PlaylistError::Language { .. })));
    let bad_codec = Master { audios: vec![audio("a", "Opus,\"")], ..Master::default() };
    assert!(matches!(bad_codec.to_text(), Err(PlaylistError::Codec { .. })));
    assert!(matches!(playlist::subtitles("a b", Duration::from_secs(1)), Err(PlaylistError::Uri { .. })));
    assert!(matches!(playlist::subtitles("a", Duration::ZERO), Err(PlaylistError::Duration { .. })));
    let segment = Segment { offset: u64::MAX, len: 1, duration: Duration::from_secs(1) };
    let addressing = Addressing::ByteRanges { uri: "a".to_owned() };
    let media = Media { addressing, init_len: 1, segments: &[segment], kind: Kind::Vod };
    assert_eq!(media.to_text(), Err(PlaylistError::Range { number: 0, offset: u64::MAX, len: 1 }));
}
