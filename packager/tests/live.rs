//! A stream from ffmpeg, taken as it arrives: the segments hold what the stream held.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[expect(dead_code, reason = "not every test needs all of it")]
mod media;
#[expect(dead_code, reason = "not every test needs all of it")]
#[path = "media/tree.rs"]
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use media::{Studio, assert_same, frames, packets};
use packager::limits::LIVE_PENDING_MAX;
use packager::playlist::{self, Addressing, Kind, Media, PlaylistError, Segment};
use packager::{
    FragmentError, LiveEnd, LiveError, LiveInit, LiveOutput, LiveReader, LiveSeconds, LiveSegment, Source,
};
use tree::Node;

const FILM: &str = "-f lavfi -i testsrc2=s=160x90:r=25:d=9 -f lavfi -i sine=sample_rate=48000:d=9 -c:v libx264 \
                    -preset veryfast -pix_fmt yuv420p -bf 2 -g 25 -c:a aac";
const FRAGMENTED: &str = "-movflags frag_keyframe+empty_moov+default_base_moof";

/// What came out of a stream, for one track.
struct Recorded {
    init: LiveInit,
    segments: Vec<LiveSegment>,
}

impl Recorded {
    fn write(&self, file: &Path) -> PathBuf {
        let parts = [self.init.bytes.clone()]
            .into_iter()
            .chain(self.segments.iter().map(|segment| segment.bytes.clone()));
        fs::write(file, parts.collect::<Vec<_>>().concat()).unwrap();
        file.to_owned()
    }

    fn seconds(&self) -> Vec<f64> {
        let timescale = f64::from(self.init.description.timescale);
        #[expect(clippy::cast_precision_loss, reason = "segments last seconds")]
        let seconds = |segment: &LiveSegment| segment.duration as f64 / timescale;
        self.segments.iter().map(seconds).collect()
    }
}

fn record(stream: &[u8], piece_len: usize, seconds: LiveSeconds) -> Result<Vec<Recorded>, LiveError> {
    let mut reader = LiveReader::new(seconds);
    let mut outputs = Vec::new();
    for piece in stream.chunks(piece_len) {
        outputs.extend(reader.push(piece)?);
    }
    let LiveEnd { outputs: last, incomplete_bytes } = reader.finish()?;
    assert_eq!(incomplete_bytes, 0);
    outputs.extend(last);
    let mut recorded: Vec<Recorded> = Vec::new();
    for output in outputs {
        match output {
            LiveOutput::Init(init) => {
                assert_eq!((init.track, init.digest), (recorded.len(), blake3::hash(&init.bytes)));
                recorded.push(Recorded { init, segments: Vec::new() });
            }
            LiveOutput::Segment(segment) => {
                let track = &mut recorded[segment.track];
                assert_eq!(
                    (segment.number, segment.digest),
                    (track.segments.len(), blake3::hash(&segment.bytes))
                );
                track.segments.push(segment);
            }
        }
    }
    Ok(recorded)
}

fn usual() -> LiveSeconds {
    LiveSeconds::new(2, 12).unwrap()
}

#[test]
fn segments_hold_what_the_stream_held() {
    let studio = Studio::new();
    let source = studio.make("stream.mp4", &format!("{FILM} {FRAGMENTED}"));
    let stream = fs::read(&source).unwrap();
    let recorded = record(&stream, 4099, usual()).unwrap();
    let [video, audio] = &recorded[..] else { panic!("two tracks are expected") };
    let (pictures, sound) = (video.write(&studio.path("0.mp4")), audio.write(&studio.path("1.mp4")));
    assert_same(&frames(&pictures, "0:v:0"), &frames(&source, "0:v:0"), "frames");
    assert_same(&packets(&sound, "0:a:0"), &packets(&source, "0:a:0"), "packets of sound");
    assert_eq!(video.seconds(), [1.08, 2.0, 2.0, 2.0, 2.0]);
    let rates: Vec<_> = video.segments.iter().map(|segment| segment.samples_per_1000_seconds).collect();
    assert_eq!(rates, [25_000; 5]);
    let mut difference = 0.0;
    for (of_video, of_audio) in video.seconds().iter().zip(audio.seconds()).take(4) {
        difference += of_video - of_audio;
        assert!((0.0..0.025).contains(&difference), "sound is cut {difference} s before pictures");
    }
}

#[test]
fn it_does_not_matter_in_which_pieces_a_stream_arrives() {
    let studio = Studio::new();
    let stream = fs::read(studio.make("stream.mp4", &format!("{FILM} {FRAGMENTED}"))).unwrap();
    let digests = |recorded: Vec<Recorded>| -> Vec<_> {
        recorded.iter().flat_map(|track| track.segments.iter().map(|segment| segment.digest)).collect()
    };
    let whole = digests(record(&stream, stream.len(), usual()).unwrap());
    for piece_len in [1, 7, 1 << 16] {
        assert_eq!(
            digests(record(&stream, piece_len, usual()).unwrap()),
            whole,
            "pieces of {piece_len} bytes"
        );
    }
}

#[test]
fn what_was_live_is_a_file_like_any_other() {
    let studio = Studio::new();
    let source = studio.make("stream.mp4", &format!("{FILM} {FRAGMENTED}"));
    let recorded = record(&fs::read(&source).unwrap(), 1 << 16, usual()).unwrap();
    let file = fs::read(recorded[0].write(&studio.path("0.mp4"))).unwrap();
    let source = Source::open(&file[..], file.len() as u64).unwrap();
    let renditions = source.plan(2).unwrap();
    assert_eq!(renditions[0].segments().len(), 5);
}

#[test]
fn the_playlist_grows_and_ends() {
    let segments: Vec<_> = (0..3)
        .map(|n| Segment { offset: 700 + n * 9000, len: 9000, duration: playlist::duration_of(2, 1) })
        .collect();
    let text = |count: usize, has_ended, target_seconds| {
        let addressing = Addressing::Urls { prefix: "v/".to_owned() };
        let kind = Kind::Event { has_ended, target_seconds };
        Media { addressing, init_len: 700, segments: &segments[..count], kind }.to_text()
    };
    let (two, three) = (text(2, false, 4).unwrap(), text(3, true, 4).unwrap());
    assert!(three.starts_with(&two), "{two}{three}");
    assert!(two.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n") && !two.contains("ENDLIST"), "{two}");
    assert!(three.ends_with("#EXTINF:2.000000,\nv/2.m4s\n#EXT-X-ENDLIST\n"), "{three}");
    assert!(matches!(text(3, false, 1), Err(PlaylistError::Duration { number: 0, .. })));
    assert_eq!(text(0, false, 4), Err(PlaylistError::Empty));
}

#[test]
fn a_stream_that_cannot_be_packaged_says_why() {
    let studio = Studio::new();
    let plain = fs::read(studio.make("plain.mp4", &format!("{FILM} -movflags +faststart"))).unwrap();
    assert!(matches!(record(&plain, 1 << 16, usual()), Err(LiveError::NotFragmented)));
    let last = fs::read(studio.make("last.mp4", FILM)).unwrap();
    assert!(matches!(record(&last, 1 << 16, usual()), Err(LiveError::NoMovie)));
    assert!(matches!(record(b"", 1, usual()), Err(LiveError::NoMovie)));
    let rare = FILM.replace("d=9", "d=14").replace("-g 25", "-g 1000");
    let rare =
        fs::read(studio.make("rare.mp4", &format!("{rare} {FRAGMENTED} -frag_duration 1000000"))).unwrap();
    assert!(matches!(record(&rare, 1 << 16, usual()), Err(LiveError::KeyframeGap { .. })));
    let mut endless = LiveReader::new(LiveSeconds::new(2, 12).unwrap());
    let stream = fs::read(studio.make("stream.mp4", &format!("{FILM} {FRAGMENTED}"))).unwrap();
    let media = stream.windows(4).position(|window| window == b"moof").unwrap() - 4;
    endless.push(&stream[..media]).unwrap();
    let header = u32::try_from(LIVE_PENDING_MAX + 1).unwrap().to_be_bytes();
    let refused = endless.push(&[&header[..], b"mdat"].concat());
    assert!(matches!(refused, Err(LiveError::Movie(_))), "{refused:?}");
}

#[test]
fn sound_goes_on_when_the_picture_stops() {
    let studio = Studio::new();
    let film = FILM.replacen("d=9", "d=3", 1);
    let source = studio.make("stream.mp4", &format!("{film} {FRAGMENTED} -frag_duration 500000"));
    let recorded = record(&fs::read(&source).unwrap(), 1 << 16, LiveSeconds::new(2, 2).unwrap()).unwrap();
    let sound = recorded[1].write(&studio.path("1.mp4"));
    assert_same(&packets(&sound, "0:a:0"), &packets(&source, "0:a:0"), "packets of sound");
    let seconds = recorded[1].seconds();
    assert!(seconds.len() > 3 && seconds.iter().all(|seconds| *seconds < 2.5), "{seconds:?}");
}

#[test]
fn lengths_that_make_no_sense_are_refused() {
    for (target, longest) in [(0, 4), (7, 12), (4, 3), (2, 13)] {
        assert!(LiveSeconds::new(target, longest).is_err(), "{target} {longest}");
    }
}

#[test]
fn samples_cannot_multiply_what_has_arrived() {
    let studio = Studio::new();
    let stream = fs::read(studio.make("stream.mp4", &format!("{FILM} {FRAGMENTED}"))).unwrap();
    let mut nodes = Node::read(&stream);
    let moof = Node::at(&mut nodes, &[b"moof"]);
    let again = moof.inside[1].clone();
    assert_eq!(again.name, *b"traf");
    moof.inside.extend(vec![again; 3]);
    let refused = record(&Node::write(&nodes), 1 << 16, usual());
    let overlap = matches!(refused, Err(LiveError::Fragment(FragmentError::Overlap { .. })));
    assert!(overlap, "{:?}", refused.map(|tracks| tracks.len()));
}
