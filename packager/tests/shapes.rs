//! Files of unusual shapes, made from one of ffmpeg's: they are packaged like it, or refused with the reason.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[expect(dead_code, reason = "not every test needs all of it")]
mod media;
#[path = "media/tree.rs"]
mod tree;

use std::error::Error;
use std::fs;
use std::sync::LazyLock;

use media::Studio;
use packager::{
    AudioFormat, EditError, Format, OpenError, PlanError, Projection, Source, TableError, TrackError,
};
use tree::Node;

const PICTURES: &str = "-f lavfi -i testsrc2=s=64x48:r=10:d=5";
const TONE: &str = "-f lavfi -i sine=sample_rate=16000:d=5";
const H264: &str = "-c:v libx264 -preset veryfast -bf 2 -g 10 -pix_fmt yuv420p";

/// Pictures and sound, with `moov` behind the media, so that it can be altered without moving them.
static FILM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let studio = Studio::new();
    fs::read(studio.make("film.mp4", &format!("{PICTURES} {TONE} {H264} -c:a aac"))).unwrap()
});

/// The path to the boxes of the sample tables of a track, for [`Node::at`].
const TABLES: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"minf", b"stbl"];

fn altered(alter: impl FnOnce(&mut Vec<Node>)) -> Vec<u8> {
    let mut nodes = Node::read(&FILM);
    alter(&mut nodes);
    Node::write(&nodes)
}

fn tables(nodes: &mut [Node]) -> &mut Node {
    Node::at(nodes, &TABLES)
}

fn table(nodes: &mut [Node], name: [u8; 4]) -> &mut Node {
    Node::at(&mut tables(nodes).inside, &[&name])
}

fn open(file: &[u8]) -> Result<Source<&[u8]>, OpenError> {
    Source::open(file, file.len() as u64)
}

/// The bytes of all renditions.
fn packaged(file: &[u8]) -> Vec<Vec<u8>> {
    let source = open(file).unwrap();
    let renditions = source.plan(2).unwrap();
    let bytes = |rendition| source.read(rendition).map(Result::unwrap).collect::<Vec<_>>().concat();
    renditions.iter().map(bytes).collect()
}

fn track_error(file: &[u8]) -> TrackError {
    match open(file).unwrap_err() {
        OpenError::Track { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn the_codec_knows_its_channels_better_than_the_sample_entry() {
    let source = open(&FILM).unwrap();
    let sound = source.tracks().find(|track| !track.is_video()).unwrap();
    let Format::Audio(format) = sound.format else { panic!("it is sound") };
    assert_eq!(format, AudioFormat { sample_rate: 16_000, channels: 1 });
}

#[test]
fn long_offsets_long_media_and_short_lengths_change_nothing() {
    let expected = packaged(&FILM);
    let long_offsets = altered(|nodes| {
        let stco = table(nodes, *b"stco");
        let offsets: Vec<u8> =
            stco.numbers(8).iter().flat_map(|offset| u64::from(*offset).to_be_bytes()).collect();
        stco.name = *b"co64";
        stco.fields.truncate(8);
        stco.fields.extend(offsets);
    });
    assert!(packaged(&long_offsets) == expected, "co64");

    let short_lengths = altered(|nodes| {
        let stsz = table(nodes, *b"stsz");
        let lens: Vec<u8> =
            stsz.numbers(12).iter().flat_map(|len| u16::try_from(*len).unwrap().to_be_bytes()).collect();
        stsz.name = *b"stz2";
        stsz.fields.truncate(12);
        stsz.fields[7] = 16;
        stsz.fields.extend(lens);
    });
    assert!(packaged(&short_lengths) == expected, "stz2");

    // The empty box before the media is there to make room for this.
    let mut long_media = FILM.clone();
    let free = long_media.windows(4).position(|window| window == b"free").unwrap() - 4;
    assert_eq!(&long_media[free + 12..free + 16], b"mdat");
    let len = u64::from(u32::from_be_bytes(*long_media[free + 8..].first_chunk().unwrap())) + 8;
    long_media[free..free + 4].copy_from_slice(&1_u32.to_be_bytes());
    long_media[free + 4..free + 8].copy_from_slice(b"mdat");
    long_media[free + 8..free + 16].copy_from_slice(&len.to_be_bytes());
    assert!(packaged(&long_media) == expected, "64-bit mdat");
}

#[test]
fn a_last_box_may_reach_to_the_end_of_the_file() {
    let studio = Studio::new();
    let first = studio.make("first.mp4", &format!("{PICTURES} {TONE} {H264} -c:a aac -movflags +faststart"));
    let mut file = fs::read(first).unwrap();
    let expected = packaged(&file);
    let mdat = file.windows(4).position(|window| window == b"mdat").unwrap() - 4;
    file[mdat..mdat + 4].fill(0);
    assert!(packaged(&file) == expected);
}

#[test]
fn spherical_and_colour_boxes_are_kept() {
    let boxes = [
        Node::new(*b"st3d", &[0, 0, 0, 0, 1]),
        Node::new(*b"sv3d", b"the projection"),
        Node::new(*b"colr", b"nclx\0\x09\0\x10\0\x09\0"),
    ];
    let uuid = Node::new(
        *b"uuid",
        b"\xff\xcc\x82\x63\xf8\x55\x4a\x93\x88\x14\x58\x7a\x02\x52\x1f\xdd<rdf:SphericalVideo/>",
    );
    let file = altered(|nodes| {
        Node::at(nodes, &[b"moov", b"trak"]).inside.push(uuid.clone());
        Node::at(&mut table(nodes, *b"stsd").inside, &[b"avc1"]).inside.extend(boxes.clone());
    });
    let video = &packaged(&file)[0];
    for kept in boxes.iter().chain([&uuid]) {
        let bytes = Node::write(std::slice::from_ref(kept));
        assert!(video.windows(bytes.len()).any(|window| window == bytes), "{:?}", kept.name);
    }
}

#[test]
fn a_projection_is_carried_over_to_a_film_without_one() {
    let stereo = Node::new(*b"st3d", &[0, 0, 0, 0, 1]);
    let sphere = Node::new(*b"sv3d", b"the projection");
    let uuid = Node::new(
        *b"uuid",
        b"\xff\xcc\x82\x63\xf8\x55\x4a\x93\x88\x14\x58\x7a\x02\x52\x1f\xdd<rdf:SphericalVideo/>",
    );
    let spherical = altered(|nodes| {
        Node::at(nodes, &[b"moov", b"trak"]).inside.push(uuid.clone());
        let entry = Node::at(&mut table(nodes, *b"stsd").inside, &[b"avc1"]);
        entry.inside.extend([stereo.clone(), sphere.clone()]);
        // A codec that is not packaged has a projection all the same.
        entry.name = *b"apch";
    });
    let read = |file: &[u8]| Projection::read(&file, file.len() as u64);
    assert_eq!(read(&FILM).unwrap(), None);
    let projection = read(&spherical).unwrap().unwrap();
    let boxes = |bytes: &[u8]| {
        [&stereo, &sphere, &uuid].map(|node| {
            let whole = Node::write(std::slice::from_ref(node));
            bytes.windows(whole.len()).filter(|window| *window == whole).count()
        })
    };
    let mut source = open(&FILM).unwrap();
    for _ in 0..2 {
        source.project(&projection);
        let renditions = source.plan(4).unwrap();
        let [film, sound] = [0, 1].map(|track: usize| -> Vec<u8> {
            source.read(&renditions[track]).flat_map(|piece| piece.unwrap().to_vec()).collect()
        });
        assert_eq!((boxes(&film), boxes(&sound)), ([1; 3], [0; 3]));
        assert!(open(&film).is_ok(), "the sample entry is whole");
    }
    assert!(read(&FILM[..FILM.len() / 2]).is_err());
}

#[test]
fn quicktime_sound_becomes_that_of_mp4() {
    let studio = Studio::new();
    let file = fs::read(studio.make("film.mov", &format!("{PICTURES} {TONE} {H264} -c:a aac"))).unwrap();
    let entry = |bytes: &[u8]| {
        let at = bytes
            .windows(8)
            .position(|window| &window[4..] == b"mp4a" && window[..4] != [0, 0, 0, 12])
            .unwrap();
        bytes[at + 16..at + 18].to_vec()
    };
    assert_eq!(entry(&file), [0, 1], "the source has version 1");
    let source = open(&file).unwrap();
    assert_eq!(source.tracks().nth(1).unwrap().codec, "mp4a.40.2");
    let sound = &packaged(&file)[1];
    assert_eq!(entry(sound), [0, 0]);
    assert!(!sound.windows(4).any(|window| window == b"wave"));
}

#[test]
fn codecs_that_browsers_do_not_play_are_refused() {
    let studio = Studio::new();
    let refusal = |name: &str, options: &str| {
        let file = fs::read(studio.make(name, &format!("{PICTURES} {TONE} {options}"))).unwrap();
        open(&file).unwrap_err().to_string()
    };
    let mp3 = refusal("mp3.mp4", &format!("{H264} -c:a libmp3lame"));
    assert_eq!(mp3, "track 2 (audio): MP3 inside MP4, which browsers do not play; convert it to AAC or Opus");
    let mpeg4 = refusal("mpeg4.mp4", "-c:v mpeg4 -c:a aac");
    assert_eq!(
        mpeg4,
        "track 1 (video): the codec mp4v is not supported; H.264, H.265, AV1, AAC and Opus are"
    );
    let pcm = refusal("pcm.mov", &format!("{H264} -c:a pcm_s16le"));
    assert!(pcm.starts_with("track 2 (audio): the codec sowt"), "{pcm}");
    let key = "00112233445566778899aabbccddeeff";
    let encryption = format!("-encryption_scheme cenc-aes-ctr -encryption_key {key} -encryption_kid {key}");
    let encrypted = refusal("encrypted.mp4", &format!("{H264} -c:a aac {encryption}"));
    assert_eq!(encrypted, "track 1 (video): it is encrypted");
}

#[test]
fn a_file_without_enough_keyframes_is_refused() {
    let none = altered(|nodes| {
        let sync = table(nodes, *b"stss");
        sync.fields.truncate(8);
        sync.fields[4..].fill(0);
    });
    assert_eq!(track_error(&none), TrackError::NoKeyframe);
    let one = altered(|nodes| {
        let sync = table(nodes, *b"stss");
        sync.fields.truncate(12);
        sync.fields[4..8].copy_from_slice(&1_u32.to_be_bytes());
        let stts = table(nodes, *b"stts");
        let duration = stts.numbers(12)[0] * 3;
        stts.fields[12..16].copy_from_slice(&duration.to_be_bytes());
        Node::at(nodes, &[b"moov", b"trak"]).inside.retain(|node| node.name != *b"edts");
    });
    let error = open(&one).unwrap().plan(2).unwrap_err();
    assert!(matches!(error, PlanError::KeyframeGap { start: 0, seconds: 16, .. }), "{error}");
    assert!(error.to_string().starts_with("track 1 (video): no keyframe for 16 s"), "{error}");
    assert!(matches!(open(&FILM).unwrap().plan(0), Err(PlanError::SegmentSeconds { seconds: 0 })));
    assert!(matches!(open(&FILM).unwrap().plan(7), Err(PlanError::SegmentSeconds { seconds: 7 })));
}

#[test]
fn descriptions_that_are_not_supported_are_refused() {
    let two_entries = altered(|nodes| {
        let stsd = table(nodes, *b"stsd");
        stsd.inside.push(stsd.inside[0].clone());
        stsd.fields[7] = 2;
    });
    assert_eq!(track_error(&two_entries), TrackError::Entries { count: 2 });
    let other_kind = altered(|nodes| {
        Node::at(nodes, &[b"moov", b"trak", b"mdia", b"hdlr"]).fields[8..12].copy_from_slice(b"soun");
    });
    assert_eq!(track_error(&other_kind), TrackError::OtherKind);
    let two_edits = altered(|nodes| {
        let elst = Node::at(nodes, &[b"moov", b"trak", b"edts", b"elst"]);
        let again = elst.fields[8..20].to_vec();
        elst.fields.extend(again);
        elst.fields[7] = 2;
    });
    assert_eq!(track_error(&two_edits), TrackError::Edits(EditError::Several { count: 2 }));
    let long = altered(|nodes| {
        Node::at(nodes, &[b"moov", b"trak"]).inside.push(Node::new(*b"udta", &vec![0; 1 << 20]));
    });
    assert!(matches!(track_error(&long), TrackError::DescriptionTooLong { .. }));
    let same_id = altered(|nodes| {
        let moov = Node::at(nodes, &[b"moov"]);
        let track = moov.inside.iter().find(|node| node.name == *b"trak").unwrap().clone();
        moov.inside.push(track);
    });
    assert!(matches!(open(&same_id), Err(OpenError::SameId { id: 1 })));
    let many = altered(|nodes| {
        let moov = Node::at(nodes, &[b"moov"]);
        let mut track = moov.inside.iter().find(|node| node.name == *b"trak").unwrap().clone();
        Node::at(&mut track.inside, &[b"mdia", b"hdlr"]).fields[8..12].copy_from_slice(b"text");
        moov.inside.extend(vec![track; 31]);
    });
    assert!(matches!(open(&many), Err(OpenError::TooManyTracks)));
    let none = altered(|nodes| Node::at(nodes, &[b"moov"]).inside.retain(|node| node.name != *b"trak"));
    assert!(matches!(open(&none), Err(OpenError::NoTracks)));
}

#[test]
fn a_file_that_is_incomplete_or_another_is_refused() {
    let half = open(&FILM[..FILM.len() / 2]).unwrap_err();
    assert!(
        matches!(half, OpenError::CutOff { .. }) && half.to_string().starts_with("box mdat at 40 has "),
        "{half}"
    );
    let media_alone = Node::write(&Node::read(&FILM)[..3]);
    assert!(matches!(open(&media_alone), Err(OpenError::NoMovie)));
    for other in
        [&b""[..], b"abc", b"WEBVTT\n\n00:01.000 --> 00:02.000", &[0; 100], b"\x7fELF\x02\x01\x01\0\0\0\0\0"]
    {
        assert!(matches!(open(other), Err(OpenError::NotMp4)), "{other:?}");
    }
    let shorter = altered(|nodes| {
        let mdat = nodes.iter_mut().find(|node| node.name == *b"mdat").unwrap();
        mdat.fields.truncate(100);
    });
    let error = track_error(&shorter);
    assert!(matches!(error, TrackError::Tables(TableError::OutsideFile { .. })), "{error}");
}

#[test]
fn tracks_that_are_neither_video_nor_audio_are_passed_over() {
    let studio = Studio::new();
    fs::write(studio.path("text.srt"), "1\n00:00:01,000 --> 00:00:02,000\nHello\n").unwrap();
    let subtitles =
        format!("{PICTURES} {TONE} -i {} {H264} -c:a aac -c:s mov_text", studio.path("text.srt").display());
    let file = fs::read(studio.make("film.mp4", &subtitles)).unwrap();
    assert!(file.windows(4).any(|window| window == b"tx3g"));
    assert_eq!(open(&file).unwrap().tracks().count(), 2);
}

#[test]
fn a_source_that_cannot_be_read_says_where() {
    let error = Source::open(&FILM[..1000], 2000).unwrap_err();
    assert!(error.source().is_some() || matches!(error, OpenError::CutOff { .. }), "{error}");
    let error = Source::open(&FILM[..1000], FILM.len() as u64).unwrap_err();
    assert!(matches!(error, OpenError::Read { len: 16, .. }), "{error}");
}

#[test]
fn a_small_file_cannot_speak_of_many_samples() {
    let studio = Studio::new();
    let options = "-movflags frag_keyframe+empty_moov+default_base_moof";
    let film = studio.make("film.mp4", &format!("{PICTURES} {H264} {options}"));
    let mut nodes = Node::read(&fs::read(film).unwrap());
    let moof = nodes.iter().position(|node| node.name == *b"moof").unwrap();
    // 60 000 samples that say nothing of themselves, in 16 bytes.
    let mut silent = nodes[moof].clone();
    let trun = [&[0, 0, 0, 0][..], &60_000_u32.to_be_bytes()].concat();
    let mut traf = Node::read(&silent.inside[1].fields);
    traf.retain(|node| node.name != *b"trun");
    traf[0].fields[2] &= !0x10;
    let defaults = [&[0, 2, 0, 0x18][..], &traf[0].fields[4..8], &1_u32.to_be_bytes(), &[0; 4]].concat();
    traf[0].fields = defaults;
    traf.push(Node::new(*b"trun", &trun));
    silent.inside[1].fields = Node::write(&traf);
    nodes.splice(moof..moof, vec![silent; 30]);
    let error = track_error(&Node::write(&nodes));
    assert_eq!(error, TrackError::TooManySamples);
}
