//! A film in several sizes and its sound once, from one run of ffmpeg.
//!
//! One process for all: it decodes the master once, all rungs consist of the same pictures at the same times, and sound
//! and picture share one clock.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::audio::{self, AudioCodec, AudioTarget, EncodedAudio};
use super::ladder::Rung;
use super::limits::FRAME_RATE_MAX;
use super::output::{EncodeError, Job};
use super::probe::{AudioProbe, Probe, VideoProbe};
use super::tone;
use super::tools::Tools;

/// Seconds from keyframe to keyframe, the same on every rung.
const KEYFRAME_SECONDS: u32 = 2;
/// Quality of x264 where the bit rate allows it: hardly told from the master.
const QUALITY: &str = "21";
/// Sound of a film.
const FILM_SOUND: AudioTarget = AudioTarget { codec: AudioCodec::Aac, bit_rate: 128_000 };

/// A film in several sizes. Its files are removed when it is dropped.
#[derive(Debug)]
pub struct EncodedLadder {
    folder: TempDir,
    rungs: Vec<EncodedRung>,
    audios: Vec<EncodedAudio>,
}

/// One size of a film.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedRung {
    /// What was asked for.
    pub rung: Rung,
    /// An MP4 of H.264 High, 8 bits, with a keyframe every two seconds and closed groups of pictures.
    pub file: PathBuf,
}

impl EncodedLadder {
    /// Where the files lie.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The film, as the rungs were given.
    pub fn rungs(&self) -> &[EncodedRung] {
        &self.rungs
    }

    /// The sound, in the master's order. One that begins later than the film has an empty edit in front.
    pub fn audios(&self) -> &[EncodedAudio] {
        &self.audios
    }
}

/// Encodes the first film of a master once per rung, as SDR, and each of these of its `sounds` once as AAC.
///
/// The files lie in a new folder within `folder`, which is removed with the result, or when the returned future is
/// dropped; ffmpeg is killed then. `progress` is told how much is done, from 0 to 1, of all files, which advance together,
/// and how many bytes there are of each rung and then of each sound. If one of them fails, all do.
pub async fn encode_ladder(
    tools: &Tools,
    probe: &Probe,
    rungs: &[Rung],
    sounds: &[AudioProbe],
    folder: &Path,
    progress: impl FnMut(f64, &[u64]),
) -> Result<EncodedLadder, EncodeError> {
    let video = probe.video().filter(|_| !rungs.is_empty());
    let longest = video.map(|video| video.duration);
    let longest = longest.or_else(|| sounds.iter().map(|sound| sound.duration).max());
    let longest = longest.ok_or_else(|| EncodeError::Nothing { file: probe.file.clone() })?;
    let mut job = Job::new(tools, probe, longest, folder)?;
    let rungs = video.map(|video| add_rungs(tools, &mut job, video, rungs)).transpose()?.unwrap_or_default();
    let audios = sounds.iter().map(|stream| audio::add(&mut job, stream, FILM_SOUND)).collect();
    Ok(EncodedLadder { folder: job.run(progress).await?, rungs, audios })
}

fn add_rungs(
    tools: &Tools,
    job: &mut Job,
    video: &VideoProbe,
    rungs: &[Rung],
) -> Result<Vec<EncodedRung>, EncodeError> {
    let tones = tone::filters(tools, video.hdr);
    let tones = tones.ok_or_else(|| EncodeError::NoToneMapping { file: job.master().to_owned() })?;
    job.command().args(["-filter_complex", &filters(video, rungs, &tones)]);
    Ok(rungs.iter().enumerate().map(|(number, rung)| add_rung(job, video, number, *rung)).collect())
}

/// Splits the film, after what all rungs need, and scales each copy: `[v0]`, `[v1]`, … `tones` ends with a comma where it is
/// not empty.
fn filters(video: &VideoProbe, rungs: &[Rung], tones: &str) -> String {
    let mut graph = format!("[0:{}]", video.stream);
    if video.interlaced {
        graph.push_str("yadif=deint=interlaced,");
    }
    if video.frame_rate.is_some_and(|rate| rate.is_above(FRAME_RATE_MAX)) {
        let _ = write!(graph, "fps={FRAME_RATE_MAX},");
    }
    if let Some(top) = rungs.first().filter(|_| !tones.is_empty()) {
        let _ = write!(graph, "scale={}:{},{tones}", top.size().width(), top.size().height());
    }
    let _ = write!(graph, "split={}", rungs.len());
    (0..rungs.len()).for_each(|number| {
        let _ = write!(graph, "[s{number}]");
    });
    for (number, rung) in rungs.iter().enumerate() {
        let (width, height) = (rung.size().width(), rung.size().height());
        let _ = write!(graph, ";[s{number}]scale={width}:{height},setsar=1,format=yuv420p[v{number}]");
    }
    graph
}

fn add_rung(job: &mut Job, video: &VideoProbe, number: usize, rung: Rung) -> EncodedRung {
    let file = job.file(&rung.name(), &format!("video-{number}.mp4"));
    let command = job.command();
    command.args(["-map", &format!("[v{number}]")]);
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high", "-crf", QUALITY]);
    command.args([
        "-maxrate",
        &rung.bit_rate().to_string(),
        "-bufsize",
        &(2 * u64::from(rung.bit_rate())).to_string(),
    ]);
    command.args(["-sc_threshold", "0", "-flags:v", "+cgop+bitexact"]);
    command.args(["-force_key_frames", &format!("expr:gte(t,n_forced*{KEYFRAME_SECONDS})")]);
    job.end_output(&file, video.language.as_deref());
    EncodedRung { rung, file }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::ladder::Ladder;
    use crate::encode::probe::FrameRate;
    use crate::encode::size::Size;

    #[test]
    fn filters_hold_what_the_film_needs() {
        let mut video = VideoProbe {
            stream: 3,
            codec: "mpeg2video".into(),
            size: Size::new(720, 480).unwrap(),
            rotation: 0,
            frame_rate: FrameRate::new(30, 1),
            duration: None,
            interlaced: false,
            hdr: None,
            spherical: false,
            language: None,
        };
        let rungs = Ladder::choose(&video);
        let scales =
            "[s0]scale=720:480,setsar=1,format=yuv420p[v0];[s1]scale=360:240,setsar=1,format=yuv420p[v1]";
        assert_eq!(filters(&video, rungs.rungs(), ""), format!("[0:3]split=2[s0][s1];{scales}"));
        video.interlaced = true;
        video.frame_rate = FrameRate::new(61, 1);
        let before = "yadif=deint=interlaced,fps=60,";
        assert_eq!(filters(&video, rungs.rungs(), ""), format!("[0:3]{before}split=2[s0][s1];{scales}"));
        let before = format!("{before}scale=720:480,tones,");
        assert_eq!(
            filters(&video, rungs.rungs(), "tones,"),
            format!("[0:3]{before}split=2[s0][s1];{scales}")
        );
    }
}
