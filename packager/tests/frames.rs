//! What ffmpeg decodes from our playlists is what it decodes from the source, frame by frame.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[expect(dead_code, reason = "the example's main function")]
#[path = "../examples/package.rs"]
mod example;
mod media;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use media::{Studio, assert_same, frames, packets, probe, times};
use packager::{Format, Rendition};

const SEGMENT_SECONDS: u32 = 2;
/// 7 s of moving pictures, 25 frames a second.
const PICTURES: &str = "-f lavfi -i testsrc2=s=160x90:r=25:d=7";
/// 7 s of a tone.
const TONE: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000:d=7";
/// Three B-frames in a row, a keyframe every second.
const H264: &str = "-c:v libx264 -preset veryfast -bf 3 -g 25 -pix_fmt yuv420p";

struct Packaged {
    source: PathBuf,
    renditions: Vec<Rendition>,
    master: PathBuf,
    by_urls: PathBuf,
    folder: PathBuf,
}

fn packaged(studio: &Studio, source: PathBuf) -> Packaged {
    let folder = studio.path("packaged");
    let renditions = example::package(&source, &folder, SEGMENT_SECONDS, true).unwrap();
    Packaged {
        renditions,
        source,
        master: folder.join("master.m3u8"),
        by_urls: folder.join("master-urls.m3u8"),
        folder,
    }
}

impl Packaged {
    fn assert_video_is_the_same(&self) {
        let theirs = frames(&self.source, "0:v:0");
        assert_same(&frames(&self.master, "0:v:0"), &theirs, "frames by byte ranges");
        assert_same(&frames(&self.by_urls, "0:v:0"), &theirs, "frames by URLs");
    }

    fn assert_audio_is_the_same(&self, stream: &str) {
        assert_same(&packets(&self.master, stream), &packets(&self.source, stream), "packets of sound");
    }

    /// The frames of a stream are as far from each other as in the source.
    fn assert_times_are_the_same(&self, stream: &str) {
        let (ours, theirs) = (times(&self.master, stream), times(&self.source, stream));
        assert_eq!(ours.len(), theirs.len());
        for (index, (a, b)) in ours.iter().zip(&theirs).enumerate() {
            let (a, b) = (a - ours[0], b - theirs[0]);
            assert!((a - b).abs() < 0.0015, "{stream} {index}: {a} s instead of {b} s after the first");
        }
    }

    /// Sound is as far from the pictures as in the source, at the end.
    fn assert_in_sync(&self) {
        let distance = |file: &Path| times(file, "v:0").last().unwrap() - times(file, "a:0").last().unwrap();
        let (ours, theirs) = (distance(&self.master), distance(&self.source));
        assert!((ours - theirs).abs() < 0.002, "pictures are {ours} s from the sound, instead of {theirs} s");
    }

    /// Segments fill the file without gaps, begin with a keyframe, add up, and sound is cut where pictures are.
    fn assert_well_cut(&self, duration: f64) {
        for (index, rendition) in self.renditions.iter().enumerate() {
            let file = fs::read(self.folder.join(format!("{index}.mp4"))).unwrap();
            assert_eq!(file.len() as u64, rendition.len());
            let mut offset = rendition.init().len;
            for part in rendition.segments() {
                assert_eq!(part.offset, offset);
                let segment = &file[usize::try_from(offset).unwrap()..];
                assert_eq!(&segment[4..8], b"styp");
                offset += part.len;
            }
            assert_eq!(offset, rendition.len());
            self.assert_begins_with_keyframes(index, rendition);
            let sum: Duration = rendition.playlist_segments().iter().map(|segment| segment.duration).sum();
            assert_eq!(sum, rendition.duration());
            let difference = sum.as_secs_f64() - duration;
            // Without an edit list, pictures begin when the first of them has been reordered: two frames late.
            assert!(difference.abs() < 0.09, "rendition {index} lasts {sum:?} instead of {duration} s");
        }
        self.assert_sound_is_cut_with_pictures();
    }

    /// ffmpeg decodes a frame from each segment alone, the first one a keyframe.
    fn assert_begins_with_keyframes(&self, index: usize, rendition: &Rendition) {
        let parts = self.folder.join(index.to_string());
        let init = fs::read(parts.join("init.mp4")).unwrap();
        let number = rendition.segments().len() / 2;
        let alone = parts.join("alone.mp4");
        fs::write(&alone, [init, fs::read(parts.join(format!("{number}.m4s"))).unwrap()].concat()).unwrap();
        let stream = if rendition.track().is_video() { "v:0" } else { "a:0" };
        let flags = probe(&alone, stream, "packet=flags");
        assert!(flags.starts_with('K'), "segment {number} of rendition {index} begins with {flags}");
    }

    fn assert_sound_is_cut_with_pictures(&self) {
        let ends = |rendition: &Rendition| {
            let mut end = Duration::ZERO;
            let segments = rendition.playlist_segments();
            segments
                .iter()
                .map(|segment| {
                    end += segment.duration;
                    end
                })
                .collect::<Vec<_>>()
        };
        let Some(video) = self.renditions.iter().find(|rendition| rendition.track().is_video()) else {
            return;
        };
        let video = ends(video);
        for audio in self.renditions.iter().filter(|rendition| !rendition.track().is_video()) {
            for (of_audio, of_video) in ends(audio).iter().zip(&video[..video.len() - 1]) {
                assert!(
                    of_audio <= of_video,
                    "sound is cut at {of_audio:?}, later than pictures at {of_video:?}"
                );
                assert!(
                    of_video.saturating_sub(*of_audio) < Duration::from_millis(25),
                    "{of_audio:?} and {of_video:?}"
                );
            }
        }
    }
}

#[test]
fn h264_and_aac_with_reordered_frames() {
    for (name, flags) in [("last.mp4", ""), ("first.mp4", "-movflags +faststart"), ("film.mov", "-brand qt")]
    {
        let studio = Studio::new();
        let source = studio.make(name, &format!("{PICTURES} {TONE} {H264} -c:a aac {flags} -shortest"));
        let packaged = packaged(&studio, source);
        packaged.assert_video_is_the_same();
        packaged.assert_audio_is_the_same("0:a:0");
        packaged.assert_times_are_the_same("v:0");
        packaged.assert_in_sync();
        packaged.assert_well_cut(7.0);
        let lens: Vec<_> = packaged.renditions[0].segments().iter().map(|part| part.duration).collect();
        let second = u64::from(packaged.renditions[0].track().timescale);
        assert_eq!(lens, [second, 2 * second, 2 * second, 2 * second], "{name}");
    }
}

#[test]
fn h265() {
    let studio = Studio::new();
    let options =
        "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=25:bframes=3 -tag:v hvc1";
    let packaged =
        packaged(&studio, studio.make("film.mp4", &format!("{PICTURES} {TONE} {options} -c:a aac")));
    packaged.assert_video_is_the_same();
    packaged.assert_audio_is_the_same("0:a:0");
    packaged.assert_well_cut(7.0);
    assert!(packaged.renditions[0].track().codec.starts_with("hvc1.1."));
}

#[test]
fn av1_and_opus() {
    let studio = Studio::new();
    let options = "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 25 -pix_fmt yuv420p -c:a libopus";
    let packaged = packaged(&studio, studio.make("film.mp4", &format!("{PICTURES} {TONE} {options}")));
    packaged.assert_video_is_the_same();
    packaged.assert_audio_is_the_same("0:a:0");
    packaged.assert_well_cut(7.0);
    let codecs: Vec<_> =
        packaged.renditions.iter().map(|rendition| rendition.track().codec.as_str()).collect();
    assert!(codecs[0].starts_with("av01.0.") && codecs[1] == "Opus", "{codecs:?}");
}

#[test]
fn sound_alone() {
    let studio = Studio::new();
    let packaged = packaged(&studio, studio.make("album.m4a", &format!("{TONE} -c:a aac")));
    packaged.assert_audio_is_the_same("0:a:0");
    packaged.assert_well_cut(7.0);
    assert_eq!(packaged.renditions[0].segments().len(), 4);
}

#[test]
fn sound_that_begins_late() {
    let studio = Studio::new();
    let source = studio.make("film.mp4", &format!("{PICTURES} -itsoffset 0.7 {TONE} {H264} -c:a aac -t 7"));
    let packaged = packaged(&studio, source);
    packaged.assert_video_is_the_same();
    packaged.assert_audio_is_the_same("0:a:0");
    packaged.assert_in_sync();
    packaged.assert_well_cut(7.0);
}

#[test]
fn pictures_that_begin_late() {
    let studio = Studio::new();
    let source = studio.make("film.mp4", &format!("-itsoffset 0.52 {PICTURES} {TONE} {H264} -c:a aac -t 7"));
    let packaged = packaged(&studio, source);
    packaged.assert_video_is_the_same();
    packaged.assert_audio_is_the_same("0:a:0");
    packaged.assert_in_sync();
    packaged.assert_well_cut(7.0);
    let (pictures, sound) = (times(&packaged.master, "v:0")[0], times(&packaged.master, "a:0")[0]);
    assert!(
        (pictures - sound).abs() < 0.03,
        "pictures at {pictures} s and sound at {sound} s begin together"
    );
}

#[test]
fn a_variable_frame_rate() {
    let studio = Studio::new();
    let drop = "-vf select='not(mod(n\\,3))+gt(mod(n\\,50)\\,30)' -fps_mode vfr";
    let source = studio.make("film.mp4", &format!("{PICTURES} {TONE} {H264} {drop} -c:a aac"));
    let packaged = packaged(&studio, source);
    packaged.assert_video_is_the_same();
    packaged.assert_times_are_the_same("v:0");
    packaged.assert_in_sync();
}

#[test]
fn a_turned_picture() {
    let studio = Studio::new();
    let plain = studio.make("plain.mp4", &format!("{PICTURES} {H264}"));
    let turn = format!("-i {} -c copy -metadata:s:v rotate=90", plain.display());
    let source = studio.make("film.mp4", &turn);
    let packaged = packaged(&studio, source);
    packaged.assert_video_is_the_same();
    let Format::Video(video) = packaged.renditions[0].track().format else { panic!("video is expected") };
    // ffmpeg counts the other way round.
    assert_eq!((video.rotation, video.shown()), (270, (90, 160)));
    let rotation = |file: &Path| probe(file, "v:0", "stream_side_data=rotation");
    assert_eq!(rotation(&packaged.folder.join("0.mp4")), rotation(&packaged.source));
    assert_eq!(rotation(&packaged.source), "90");
}

#[test]
fn input_that_is_fragmented_already() {
    for (name, flags) in [
        ("empty.mp4", "frag_keyframe+empty_moov+default_base_moof"),
        ("delayed.mp4", "frag_keyframe+empty_moov+delay_moov+default_base_moof"),
        ("every.mp4", "frag_every_frame+empty_moov"),
        ("hybrid.mp4", "frag_keyframe"),
        ("signed.mp4", "cmaf+negative_cts_offsets"),
    ] {
        let studio = Studio::new();
        let source = studio.make(name, &format!("{PICTURES} {TONE} {H264} -c:a aac -movflags {flags}"));
        let packaged = packaged(&studio, source);
        packaged.assert_video_is_the_same();
        packaged.assert_audio_is_the_same("0:a:0");
        packaged.assert_well_cut(7.0);
        // Of negative offsets ffmpeg makes positive ones as it reads, and so shows those pictures two frames late.
        if name != "signed.mp4" {
            packaged.assert_in_sync();
        }
    }
}

#[test]
fn two_languages() {
    let studio = Studio::new();
    let other = TONE.replace("440", "880");
    let options = "-map 0 -map 1 -map 2 -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger -c:a aac";
    let source = studio.make("film.mp4", &format!("{PICTURES} {TONE} {other} {H264} {options}"));
    let packaged = packaged(&studio, source);
    packaged.assert_video_is_the_same();
    packaged.assert_audio_is_the_same("0:a:0");
    packaged.assert_audio_is_the_same("0:a:1");
    packaged.assert_well_cut(7.0);
    let languages: Vec<_> =
        packaged.renditions.iter().map(|rendition| rendition.track().language.as_deref()).collect();
    assert_eq!(languages, [None, Some("en"), Some("de")]);
}

#[test]
fn a_copy_cut_in_the_middle_of_a_group() {
    let studio = Studio::new();
    let whole = studio.make("whole.mp4", &format!("{PICTURES} {TONE} {H264} -c:a aac"));
    let source = studio.make("film.mp4", &format!("-ss 2.6 -i {} -c copy -t 3", whole.display()));
    let packaged = packaged(&studio, source);
    packaged.assert_in_sync();
    let theirs = frames(&packaged.source, "0:v:0");
    let ours = frames(&packaged.master, "0:v:0");
    assert!(ours.len() >= theirs.len() && theirs.len() > 60, "{} and {}", ours.len(), theirs.len());
}
