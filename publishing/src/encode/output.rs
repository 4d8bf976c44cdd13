//! One run of ffmpeg that makes files of a master.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tempfile::TempDir;
use tokio::process::Command;

use super::input;
use super::limits::{DURATION_MAX, ENCODED_BYTES_MAX, STALL_TIMEOUT};
use super::probe::Probe;
use super::process;
use super::tools::Tools;

/// Containers that say how long their streams are rather than letting it be guessed.
const EXACT: [&str; 4] = ["mov", "wav", "flac", "aiff"];
/// Microseconds, besides a hundredth, that may be missing at the end of a master.
const MISSING_MAX: u64 = 1_000_000;

/// Why encoding failed. The reason ends with what ffmpeg said last.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum EncodeError {
    #[error("{}: there is nothing to encode", .file.display())]
    Nothing { file: PathBuf },
    #[error("{}: no folder can be made in {}: {source}", .file.display(), .folder.display())]
    Folder { file: PathBuf, folder: PathBuf, source: io::Error },
    #[error("{}: encoding {what} failed: ffmpeg: {reason}", .file.display())]
    Failed { file: PathBuf, what: String, reason: String },
    #[error("{}: encoding {what} failed: nothing came out", .file.display())]
    Empty { file: PathBuf, what: String },
    #[error("{}: it is cut off: {got} s of {promised} s could be read", .file.display())]
    CutOff { file: PathBuf, got: u64, promised: u64 },
    #[error("{}: it is HDR, and this ffmpeg lacks the filters zscale and tonemap, which make SDR of it; install a full ffmpeg, on Debian: apt install ffmpeg", .file.display())]
    NoToneMapping { file: PathBuf },
    #[error("{}: encoding {what} failed: more than {ENCODED_BYTES_MAX} bytes came out", .file.display())]
    TooLarge { file: PathBuf, what: String },
}

/// A command that grows output by output, and the folder of its files.
pub(super) struct Job {
    command: Command,
    folder: TempDir,
    master: PathBuf,
    /// Microseconds that it says it lasts.
    length: Option<f64>,
    /// Microseconds of which hardly any may be missing at the end.
    promised: u64,
    /// What is made, and where.
    outputs: Vec<(String, PathBuf)>,
    exact_edits: bool,
}

impl Job {
    /// Begins with the master as its only input and a new folder in `folder`. `longest` is how long the longest stream
    /// that is encoded says it lasts.
    pub(super) fn new(
        tools: &Tools,
        probe: &Probe,
        longest: Option<Duration>,
        folder: &Path,
    ) -> Result<Self, EncodeError> {
        let made = tempfile::Builder::new().prefix("encoding-").tempdir_in(folder);
        let made = made.map_err(|source| EncodeError::Folder {
            file: probe.file.clone(),
            folder: folder.to_owned(),
            source,
        })?;
        let mut command = tools.ffmpeg();
        command.args(["-y", "-progress", "pipe:1", "-stats_period", "0.5"]);
        input::input(&mut command, &probe.file, None);
        Ok(Self {
            command,
            folder: made,
            master: probe.file.clone(),
            length: longest.or(probe.duration).map(|duration| duration.as_secs_f64() * 1e6),
            promised: promise(probe, longest),
            outputs: Vec::new(),
            exact_edits: tools.sets_movie_timescale(),
        })
    }

    /// The file that is encoded.
    pub(super) fn master(&self) -> &Path {
        &self.master
    }

    /// Where options of the next output go.
    pub(super) fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// The path of the next output; `what` names it in errors.
    pub(super) fn file(&mut self, what: &str, name: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        self.outputs.push((what.to_owned(), file.clone()));
        file
    }

    /// How many outputs there are so far.
    pub(super) fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Lets edits of the next output be exact to the tick of its `clock`, in ticks per second. Before ffmpeg 5 they are
    /// exact to the millisecond.
    pub(super) fn exact_edits(&mut self, clock: u32) {
        if self.exact_edits {
            self.command.args(["-movie_timescale", &clock.to_string()]);
        }
    }

    /// Ends the options of an output. Nothing that the master says about itself (places, devices, dates) goes into it
    /// but its language.
    pub(super) fn end_output(&mut self, file: &Path, language: Option<&str>) {
        self.command.args(["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact"]);
        if let Some(language) = language {
            self.command.args(["-metadata:s:0", &format!("language={language}")]);
        }
        self.command.args(["-t", &DURATION_MAX.as_secs().to_string(), "-fs", &ENCODED_BYTES_MAX.to_string()]);
        self.command.args(["-f", "mp4"]).arg(input::url(file));
    }

    /// Runs to the end and gives out the folder if every output is whole. `progress` is told how much of all is done, from
    /// 0 to 1, and how many bytes of each output there are.
    pub(super) async fn run(self, mut progress: impl FnMut(f64, &[u64])) -> Result<TempDir, EncodeError> {
        let Self { command, folder, master, length, promised, outputs, .. } = self;
        let mut got = 0;
        let lens = || outputs.iter().map(|(_, file)| len_of(file)).collect::<Vec<_>>();
        progress(0.0, &lens());
        let report = |at: u64| {
            got = at;
            #[expect(clippy::cast_precision_loss, reason = "a fraction for a progress bar")]
            let done = length.map_or(0.0, |length| (at as f64 / length).clamp(0.0, 1.0));
            progress(done, &lens());
        };
        let result = process::follow(command, STALL_TIMEOUT, report).await;
        result.map_err(|error| EncodeError::Failed {
            file: master.clone(),
            what: outputs.iter().map(|(what, _)| what.as_str()).collect::<Vec<_>>().join(", "),
            reason: error.to_string(),
        })?;
        if got + MISSING_MAX + promised / 100 < promised {
            return Err(EncodeError::CutOff {
                file: master,
                got: got / 1_000_000,
                promised: promised / 1_000_000,
            });
        }
        let lens = lens();
        outputs.into_iter().try_for_each(|(what, file)| check(&master, what, &file))?;
        progress(1.0, &lens);
        Ok(folder)
    }
}

/// ffmpeg ends well where a master is cut off, and leaves out the rest. What a header says about the length of a stream
/// shows that; where that is guessed from a bit rate, nothing is promised.
fn promise(probe: &Probe, stream: Option<Duration>) -> u64 {
    let exact = probe.container.split(',').any(|name| EXACT.contains(&name));
    stream.filter(|_| exact).map_or(0, |length| u64::try_from(length.as_micros()).unwrap_or(u64::MAX))
}

/// Bytes of a file that may not be there yet.
fn len_of(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// ffmpeg ends well although it stopped at the limit, or found nothing to write.
fn check(master: &Path, what: String, file: &Path) -> Result<(), EncodeError> {
    match len_of(file) {
        0 => Err(EncodeError::Empty { file: master.to_owned(), what }),
        ENCODED_BYTES_MAX.. => Err(EncodeError::TooLarge { file: master.to_owned(), what }),
        _ => Ok(()),
    }
}
