//! The programs ffmpeg and ffprobe.

use std::ffi::OsString;
use std::fmt;
use std::io;

use super::limits::VERSION_TIMEOUT;
use super::process::{self, RunError};
use super::tone;

/// The oldest version whose options are all known.
const REQUIRED: Version = Version { major: 4, minor: 4 };
/// Encoders that a build of ffmpeg may lack.
const ENCODERS: [&str; 4] = ["libx264", "aac", "libopus", "mjpeg"];
const LIST_LEN_MAX: u64 = 256 << 10;

/// Why ffmpeg cannot be used. What helps is part of the message.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ToolsError {
    #[error("there is no {program}; install ffmpeg, on Debian: apt install ffmpeg")]
    Missing { program: String },
    #[error("{program} does not run: {reason}")]
    Broken { program: String, reason: String },
    #[error("{program} has version {found}, at least {REQUIRED} is needed; install a newer ffmpeg")]
    TooOld { program: String, found: Version },
    #[error(
        "{program} was built without the encoder {encoder}; install a full ffmpeg, on Debian: apt install ffmpeg"
    )]
    NoEncoder { program: String, encoder: &'static str },
}

/// A version of ffmpeg.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second number.
    pub minor: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// ffmpeg and ffprobe, both new enough and with the encoders needed.
#[derive(Clone, Debug)]
pub struct Tools {
    ffmpeg: OsString,
    ffprobe: OsString,
    version: Version,
    maps_tones: bool,
}

impl Tools {
    /// The tools that lie in `PATH`.
    pub async fn find() -> Result<Self, ToolsError> {
        Self::named("ffmpeg", "ffprobe").await
    }

    /// Tools of other names: paths, or names to look for in `PATH`.
    pub async fn named(
        ffmpeg: impl Into<OsString>,
        ffprobe: impl Into<OsString>,
    ) -> Result<Self, ToolsError> {
        let (ffmpeg, ffprobe) = (ffmpeg.into(), ffprobe.into());
        let version = version_of(&ffmpeg).await?;
        version_of(&ffprobe).await?;
        let encoders = say(&ffmpeg, "-encoders").await?;
        if let Some(encoder) = ENCODERS.into_iter().find(|name| !lists(&encoders, name)) {
            return Err(ToolsError::NoEncoder { program: shown(&ffmpeg), encoder });
        }
        let filters = say(&ffmpeg, "-filters").await?;
        let maps_tones = tone::FILTERS.into_iter().all(|name| lists(&filters, name));
        Ok(Self { ffmpeg, ffprobe, version, maps_tones })
    }

    /// The version of ffmpeg.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the clock of an MP4's edits can be chosen.
    pub(super) fn sets_movie_timescale(&self) -> bool {
        self.version >= Version { major: 5, minor: 0 }
    }

    /// Whether HDR can be made SDR.
    pub(super) fn maps_tones(&self) -> bool {
        self.maps_tones
    }

    pub(super) fn ffmpeg(&self) -> tokio::process::Command {
        let mut command = process::command(&self.ffmpeg);
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "error"]);
        command
    }

    pub(super) fn ffprobe(&self) -> tokio::process::Command {
        let mut command = process::command(&self.ffprobe);
        command.args(["-hide_banner", "-loglevel", "error"]);
        command
    }
}

async fn version_of(program: &OsString) -> Result<Version, ToolsError> {
    let text = say(program, "-version").await?;
    let first = text.lines().next().unwrap_or_default();
    let found = parse_version(first).ok_or_else(|| ToolsError::Broken {
        program: shown(program),
        reason: format!("it calls itself «{}»", process::printable(first)),
    })?;
    if found < REQUIRED { Err(ToolsError::TooOld { program: shown(program), found }) } else { Ok(found) }
}

async fn say(program: &OsString, what: &str) -> Result<String, ToolsError> {
    let mut command = process::command(program);
    command.args(["-hide_banner", what]);
    let said = process::collect(command, LIST_LEN_MAX, VERSION_TIMEOUT).await;
    said.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| match error {
        RunError::Start(error) if error.kind() == io::ErrorKind::NotFound => {
            ToolsError::Missing { program: shown(program) }
        }
        other => ToolsError::Broken { program: shown(program), reason: other.to_string() },
    })
}

/// The version in the first line of `-version`. Builds from the development branch are newer than any release.
fn parse_version(line: &str) -> Option<Version> {
    let word = line.split_whitespace().skip_while(|word| *word != "version").nth(1)?;
    if word.starts_with("N-") || word.starts_with("git-") {
        return Some(Version { major: u16::MAX, minor: 0 });
    }
    let mut numbers = word.trim_start_matches('n').split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
    Some(Version { major, minor })
}

/// Whether `-encoders` or `-filters` names this one: the second word of a line.
fn lists(all: &str, name: &str) -> bool {
    all.lines().any(|line| line.split_whitespace().nth(1) == Some(name))
}

fn shown(program: &OsString) -> String {
    process::printable(&program.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_first_line() {
        let read = |line| parse_version(line).map(|v| (v.major, v.minor));
        assert_eq!(read("ffmpeg version 5.1.9-0+deb12u1 Copyright (c) 2000-2026"), Some((5, 1)));
        assert_eq!(read("ffprobe version n7.1 Copyright"), Some((7, 1)));
        assert_eq!(read("ffmpeg version 8 Copyright"), Some((8, 0)));
        assert_eq!(read("ffmpeg version 4.3.8-0+deb11u1"), Some((4, 3)));
        assert_eq!(read("ffmpeg version N-117000-g0a1b2c3"), Some((u16::MAX, 0)));
        assert_eq!(read("ffmpeg version"), None);
        assert_eq!(read("busybox 1.36"), None);
        assert_eq!(read("ffmpeg version 99999999.1"), None);
    }

    #[test]
    fn an_encoder_is_named_as_a_whole_word() {
        let list = " V....D libx264rgb   libx264 with RGB\n A....D aac    AAC (Advanced Audio Coding)";
        assert!(lists(list, "aac"));
        assert!(!lists(list, "libx264"));
    }
}
