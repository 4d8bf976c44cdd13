//! Real files and streams, damaged, as [`fuzzing::fuzz`] describes: they are packaged or refused, without a panic and in
//! bounded memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "not every test needs all of it")]
mod media;

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use fuzzing::Random;
use media::Studio;
use packager::playlist::{Addressing, Bitrate, Kind, Media};
use packager::{LiveOutput, LiveReader, LiveSeconds, Source, WebVtt};

/// Peak of the whole test process: the files have less than 100 kB, and no limit lets them ask for more than this.
const MEMORY_MAX: usize = 192 << 20;

/// Files of different shapes, each of less than 100 kB.
static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let studio = Studio::new();
    let film =
        "-f lavfi -i testsrc2=s=64x48:r=10:d=4 -f lavfi -i sine=sample_rate=16000:d=4 -pix_fmt yuv420p";
    let h264 = "-c:v libx264 -preset veryfast -bf 2 -g 10 -c:a aac -b:a 16k";
    let make = |name: &str, options: &str| fs::read(studio.make(name, &format!("{film} {options}"))).unwrap();
    vec![
        make("last.mp4", h264),
        make("first.mp4", &format!("{h264} -movflags +faststart")),
        make("quicktime.mov", h264),
        make("fragmented.mp4", &format!("{h264} -movflags frag_keyframe+empty_moov+default_base_moof")),
        make("cmaf.mp4", &format!("{h264} -movflags cmaf+frag_every_frame")),
        make("av1.mp4", "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 10 -c:a libopus -ar 48000 -b:a 16k"),
    ]
});

/// A place in `file`: usually in what describes the media, where harm is done.
fn place(random: &mut Random, file: &[u8]) -> usize {
    let names: [&[u8; 4]; 6] = [b"moov", b"stbl", b"trak", b"moof", b"trun", b"edts"];
    match some_box(random, file, &names) {
        Some(at) if random.below(8) > 0 => (at - 4 + random.index(700)).min(file.len() - 1),
        _ => random.index(file.len()),
    }
}

/// Where the name of some box stands that has one of these names.
fn some_box(random: &mut Random, file: &[u8], names: &[&[u8; 4]]) -> Option<usize> {
    let name = names[random.index(names.len())];
    let windows = file.windows(4).enumerate().skip(4);
    let found: Vec<_> = windows.filter(|(_, window)| window == name).map(|(at, _)| at).collect();
    (!found.is_empty()).then(|| found[random.index(found.len())])
}

/// Does one to four harms to `file`, most of them where they are felt.
fn damage(random: &mut Random, file: &mut Vec<u8>) {
    for _ in 0..=random.below(4) {
        if file.is_empty() {
            return;
        }
        let at = place(random, file);
        let end = (at + random.index(40)).min(file.len());
        match random.below(8) {
            0 => file.truncate(at),
            1 => file[at] ^= 1 << random.below(8),
            2 => file[at] = [0, 1, 0x7f, 0x80, 0xff][random.index(5)],
            3 => force_number(random, file, at),
            4 => force_size(random, file),
            5 => drop(file.drain(at..end)),
            6 => random.damage(file),
            _ => drop(file.splice(at..at, file[at..end].to_vec())),
        }
    }
}

/// A number of 32 bits that is as large, as small or as odd as it can be.
fn force_number(random: &mut Random, file: &mut [u8], at: usize) {
    let extremes = [0, 1, 2, 0xffff, 0x00ff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
    let number: u32 = extremes[random.index(extremes.len())];
    if let Some(four) = file.get_mut(at..at + 4) {
        four.copy_from_slice(&number.to_be_bytes());
    }
}

/// The size or a count of some box.
fn force_size(random: &mut Random, file: &mut [u8]) {
    let names: [&[u8; 4]; 12] = [
        b"stts", b"ctts", b"stsc", b"stsz", b"stco", b"stss", b"elst", b"trun", b"tfdt", b"mdhd", b"stsd",
        b"mdat",
    ];
    if let Some(at) = some_box(random, file, &names) {
        let field = [at - 4, at + 8, at + 12, at + 16, at + 20][random.index(5)];
        force_number(random, file, field);
    }
}

/// Runs a target, with the corpus made beforehand and the memory looked at afterwards.
fn fuzz(case: impl FnMut(&mut Random)) {
    LazyLock::force(&FILES);
    fuzzing::fuzz(case);
    let peak = peak_memory();
    assert!(peak < MEMORY_MAX, "{peak} bytes of memory were needed");
}

/// The most memory that this process has had, in bytes.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Packages `file`, and checks whatever comes of it.
fn package(file: &[u8]) -> bool {
    let Ok(source) = Source::open(file, file.len() as u64) else { return false };
    let Ok(renditions) = source.plan(2) else { return false };
    assert!(!renditions.is_empty());
    for rendition in &renditions {
        let mut reader = source.read(rendition);
        let len: usize = reader.by_ref().map(|piece| piece.unwrap().len()).sum();
        assert_eq!(len as u64, rendition.len());
        assert_eq!(reader.digests().len(), 1 + rendition.segments().len());
        let segments = rendition.playlist_segments();
        assert!(Bitrate::of(&segments).peak > 0);
        let addressing = Addressing::ByteRanges { uri: "0.mp4".to_owned() };
        // A segment of less than a microsecond can be cut, and not be named.
        let is_named = segments.iter().all(|segment| !segment.duration.is_zero());
        let media =
            Media { addressing, init_len: rendition.init().len, segments: &segments, kind: Kind::Vod };
        assert_eq!(media.to_text().is_ok(), is_named);
    }
    true
}

#[test]
fn files() {
    for (index, file) in FILES.iter().enumerate() {
        assert!(file.len() < 100_000 && package(file), "file {index} of {} bytes", file.len());
    }
    fuzz(|random| {
        let mut file = FILES[random.index(FILES.len())].clone();
        damage(random, &mut file);
        package(&file);
    });
}

#[test]
fn streams() {
    fuzz(|random| {
        let mut stream = FILES[3 + random.index(2)].clone();
        let is_whole = random.index(10) == 0;
        if !is_whole {
            damage(random, &mut stream);
        }
        let mut reader = LiveReader::new(LiveSeconds::new(2, 12).unwrap());
        let mut segments = 0;
        for piece in stream.chunks(1 + random.index(20_000)) {
            let Ok(outputs) = reader.push(piece) else {
                assert!(!is_whole, "a whole stream was refused");
                return;
            };
            for output in outputs {
                if let LiveOutput::Segment(segment) = output {
                    assert!(segment.duration > 0 && &segment.bytes[4..8] == b"styp");
                    segments += 1;
                }
            }
        }
        let ended = reader.finish();
        assert!(!is_whole || (segments > 0 && ended.is_ok()));
    });
}

#[test]
fn subtitles() {
    const TEXT: &str = "WEBVTT\n\nNOTE a comment\n\n1\n00:01.000 --> 00:02.500 align:start\nHello\n\n\
                        01:00:00.000 --> 01:00:01.000\n\u{201c}Good bye\u{201d}\n";
    assert!(WebVtt::new(TEXT.as_bytes()).is_ok());
    fuzz(|random| {
        let mut text = TEXT.as_bytes().to_vec();
        random.damage(&mut text);
        if let Ok(webvtt) = WebVtt::new(&text) {
            assert!(webvtt.cue_count() > 0 && webvtt.end() > Duration::ZERO);
            assert_eq!(WebVtt::new(webvtt.as_str().as_bytes()), Ok(webvtt));
        }
    });
}
