//! A folder with clips in it, and outside looks at what came out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use publishing::encode::{Probe, ProbeError, Tools, probe};
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A folder, and the tools.
pub(crate) struct Workshop {
    pub(crate) tools: Tools,
    folder: TempDir,
}

impl Workshop {
    pub(crate) async fn new() -> Self {
        // Starting ffmpeg takes a while, since it links a hundred libraries; once is enough.
        static TOOLS: OnceCell<Tools> = OnceCell::const_new();
        let tools = TOOLS.get_or_init(async || Tools::find().await.unwrap()).await.clone();
        Self { tools, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file with these bytes.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path().join(name);
        fs::write(&file, bytes).unwrap();
        file
    }

    /// What ffmpeg makes from these arguments, which are separated by spaces.
    pub(crate) fn clip(&self, name: &str, arguments: &str) -> PathBuf {
        let file = self.path().join(name);
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-y"]).args(arguments.split(' ')).arg(&file);
        succeed(command.current_dir(self.path()));
        file
    }

    pub(crate) async fn try_probe(&self, file: &Path) -> Result<Probe, ProbeError> {
        probe(&self.tools, file).await
    }

    pub(crate) async fn probe(&self, file: &Path) -> Probe {
        self.try_probe(file).await.unwrap()
    }

    /// Names of what lies in the folder beside the clips.
    pub(crate) fn encodings(&self) -> Vec<String> {
        let names = fs::read_dir(self.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("encoding-")).collect()
    }
}

/// What ffprobe says about the packets or streams of a file, a line each.
pub(crate) fn ask(file: &Path, entries: &str) -> Vec<String> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "csv=p=0", "-show_entries", entries]).arg(file);
    let lines = String::from_utf8(succeed(&mut command)).unwrap();
    lines.lines().map(|line| line.trim_end_matches(',').to_owned()).collect()
}

/// Times of a film's keyframes.
pub(crate) fn keyframes(file: &Path) -> Vec<String> {
    let packets = ask(file, "packet=pts_time,flags");
    packets
        .iter()
        .filter(|line| line.contains(",K"))
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect()
}

/// Decoded samples of a file's sound, mixed to one channel.
pub(crate) fn samples(file: &Path) -> Vec<i16> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(file).args(["-ac", "1", "-f", "s16le", "-"]);
    succeed(&mut command).chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// A picture as pixels of red, green and blue.
pub(crate) struct Pixels {
    width: usize,
    bytes: Vec<u8>,
}

impl Pixels {
    pub(crate) fn of(shop: &Workshop, jpeg: &[u8]) -> (Self, String) {
        let file = shop.write("picture.jpg", jpeg);
        let size = ask(&file, "stream=width,height").remove(0).replace(',', "x");
        let mut command = Command::new("ffmpeg");
        command
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(&file)
            .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
        let width = size.split('x').next().unwrap().parse().unwrap();
        (Self { width, bytes: succeed(&mut command) }, size)
    }

    pub(crate) fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        self.bytes[at..at + 3].try_into().unwrap()
    }

    /// The colour that is strongest there.
    pub(crate) fn colour(&self, x: usize, y: usize) -> &'static str {
        let [red, green, blue] = self.at(x, y);
        if red > green.max(blue) {
            "red"
        } else if green > blue {
            "green"
        } else {
            "blue"
        }
    }
}

fn succeed(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// When a file's sound is first heard, in milliseconds of the film.
pub(crate) fn onset(file: &Path) -> usize {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-copyts", "-i"]).arg(file);
    command.args(["-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "s16le", "-"]);
    let bytes = succeed(&mut command);
    let loud = |pair: &[u8]| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs() > 1500;
    bytes.chunks_exact(2).position(loud).expect("something is heard") / 48
}
