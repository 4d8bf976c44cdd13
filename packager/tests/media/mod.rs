//! Clips that ffmpeg makes, and what ffmpeg sees in what we have made of them.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder for one clip and what becomes of it.
pub(crate) struct Studio(TempDir);

impl Studio {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs ffmpeg with `arguments`, words separated by blanks, and the output file `name`.
    pub(crate) fn make(&self, name: &str, arguments: &str) -> PathBuf {
        let file = self.path(name);
        let words = arguments.split_whitespace().map(str::to_owned);
        ffmpeg(words.chain([file.display().to_string()]));
        file
    }
}

/// Runs ffmpeg quietly; it must succeed.
pub(crate) fn ffmpeg(arguments: impl IntoIterator<Item = String>) -> Output {
    run(Command::new("ffmpeg").args(["-nostdin", "-v", "warning", "-y"]).args(arguments))
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{error}: the tests need ffmpeg; scripts/install-tools.sh test installs it")
    });
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The hashes of all decoded frames of a video stream such as `0:v:0`, and the frames' number.
pub(crate) fn frames(file: &Path, stream: &str) -> Vec<String> {
    hashes(file, &["-map", stream, "-fps_mode", "passthrough"])
}

/// Lengths and hashes of all packets of a stream.
pub(crate) fn packets(file: &Path, stream: &str) -> Vec<String> {
    hashes(file, &["-map", stream, "-c", "copy"])
}

fn hashes(file: &Path, options: &[&str]) -> Vec<String> {
    let options = options.iter().map(|&option| option.to_owned());
    let input = ["-i".to_owned(), file.display().to_string()];
    let output = ffmpeg(input.into_iter().chain(options).chain(["-f", "framemd5", "-"].map(str::to_owned)));
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(warnings.is_empty(), "ffmpeg warns about {}: {warnings}", file.display());
    let text = String::from_utf8(output.stdout).unwrap();
    let fields =
        |line: &str| line.split(',').skip(4).take(2).map(|field| field.trim().to_owned()).collect::<Vec<_>>();
    text.lines().filter(|line| !line.starts_with('#')).map(|line| fields(line).join(" ")).collect()
}

/// When each packet of a stream such as `v:0` is shown in seconds, in the order in which they are shown.
pub(crate) fn times(file: &Path, stream: &str) -> Vec<f64> {
    let entries =
        ["-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
    let output = run(Command::new("ffprobe").args(entries).arg(file));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut times: Vec<f64> =
        text.lines().filter_map(|line| line.trim_matches(',').split(',').next()?.parse().ok()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// What ffprobe says of `stream`, as one line.
pub(crate) fn probe(file: &Path, stream: &str, entries: &str) -> String {
    let arguments =
        ["-v", "error", "-select_streams", stream, "-show_entries", entries, "-of", "default=nw=1:nk=1"];
    let output = run(Command::new("ffprobe").args(arguments).arg(file));
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Panics unless the lists are equal and not empty, and says where they part.
pub(crate) fn assert_same<T: PartialEq + Debug>(ours: &[T], theirs: &[T], of: &str) {
    assert!(!theirs.is_empty(), "{of}: the source has none");
    let parting = ours.iter().zip(theirs).position(|(a, b)| a != b);
    assert_eq!(parting, None, "{of} differ from this one on");
    assert_eq!(ours.len(), theirs.len(), "{of}: their number");
}
