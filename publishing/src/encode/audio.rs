//! Sound as AAC or Opus in MP4.
//!
//! **Edges.** Both codecs need some samples to start (AAC of ffmpeg 1024, Opus 312 at 48 kHz) and end with whole frames
//! (1024 and 960 samples). The MP4 says in its edit list which samples were there in the master, and its track lasts
//! exactly as long: for n samples of the master, n ticks of its sample rate, or of 48 kHz, rounded up, for Opus. Players
//! that honour the edit play the master without a gap; those that ignore its end play less than a frame of silence more.
//! Before version 5, ffmpeg writes edits to the millisecond only.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::output::{EncodeError, Job};
use super::probe::{AudioProbe, Probe};
use super::tools::Tools;

/// Sampling rates of AAC that browsers play.
const AAC_RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/// Opus has one clock; other AAC is converted to it.
const RATE: u32 = 48_000;

/// A codec of sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AudioCodec {
    /// AAC-LC, which everything plays.
    Aac,
    /// Opus, better at the same bit rate; not on old Apple devices.
    Opus,
}

/// How sound is encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AudioTarget {
    /// The codec.
    pub codec: AudioCodec,
    /// Bits per second for stereo; mono gets half.
    pub bit_rate: u32,
}

impl AudioTarget {
    /// AAC of 192 kbit/s: music for everyone.
    pub const AAC_MUSIC: Self = Self { codec: AudioCodec::Aac, bit_rate: 192_000 };
    /// Opus of 128 kbit/s.
    pub const OPUS_MUSIC: Self = Self { codec: AudioCodec::Opus, bit_rate: 128_000 };
}

/// Encoded sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedAudio {
    /// What it was made of.
    pub source: AudioProbe,
    /// Its codec.
    pub codec: AudioCodec,
    /// Its channels: 1 or 2.
    pub channels: u16,
    /// Samples per second of a channel.
    pub sample_rate: u32,
    /// An MP4 with this one track.
    pub file: PathBuf,
}

/// Encoded sound in a folder of its own, which is removed when it is dropped.
#[derive(Debug)]
pub struct EncodedAudios {
    folder: TempDir,
    audios: Vec<EncodedAudio>,
}

impl EncodedAudios {
    /// Where the files lie.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One for each target, in that order.
    pub fn audios(&self) -> &[EncodedAudio] {
        &self.audios
    }
}

/// Encodes the first sound of a master, once for every target, from WAV, FLAC, MP3 or whatever else ffmpeg reads.
///
/// Files, cancellation and `progress` are as with [`encode_ladder`](super::encode_ladder).
pub async fn encode_audio(
    tools: &Tools,
    probe: &Probe,
    targets: &[AudioTarget],
    folder: &Path,
    progress: impl FnMut(f64, &[u64]),
) -> Result<EncodedAudios, EncodeError> {
    let source = probe.audios.first().filter(|_| !targets.is_empty());
    let source = source.ok_or_else(|| EncodeError::Nothing { file: probe.file.clone() })?;
    let mut job = Job::new(tools, probe, source.duration, folder)?;
    let audios = targets.iter().map(|target| add(&mut job, source, *target)).collect();
    Ok(EncodedAudios { folder: job.run(progress).await?, audios })
}

/// Adds an output to a run.
pub(super) fn add(job: &mut Job, source: &AudioProbe, target: AudioTarget) -> EncodedAudio {
    let AudioTarget { codec, bit_rate } = target;
    let (encoder, name, sample_rate) = match codec {
        AudioCodec::Aac if AAC_RATES.contains(&source.sample_rate) => ("aac", "AAC", source.sample_rate),
        AudioCodec::Aac => ("aac", "AAC", RATE),
        AudioCodec::Opus => ("libopus", "Opus", RATE),
    };
    let channels = source.channels.min(2);
    let bit_rate = if channels == 1 { bit_rate / 2 } else { bit_rate };
    let number = job.outputs();
    let file = job.file(&format!("{name} of stream {}", source.stream), &format!("audio-{number}.m4a"));
    let command = job.command();
    command.args(["-map", &format!("0:{}", source.stream), "-c:a", encoder, "-b:a", &bit_rate.to_string()]);
    command.args(["-ar", &sample_rate.to_string(), "-ac", &channels.to_string(), "-flags:a", "+bitexact"]);
    job.exact_edits(sample_rate);
    job.end_output(&file, source.language.as_deref());
    EncodedAudio { source: source.clone(), codec, channels, sample_rate, file }
}
