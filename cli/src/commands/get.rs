//! `headwater get`: reads an object, or a range of it, back from the network.

use std::fmt;
use std::fs::Permissions;
use std::io::{self, IsTerminal};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use chunker::Link;
use clap::Args;
use client::{Client, Object};
use futures_util::TryStreamExt;
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::lifetime;
use crate::membership::Network;
use crate::output::Progress;
use crate::secrets::SecretArg;

/// Read a file back from the network
///
/// Every byte is verified before it is written. A file appears under its name only when it is there whole.
/// With --json the answer says what was read: on standard output, or on standard error where the data is there.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater get @film.link -o copy.mp4
  headwater get @film.link | ffplay -
  headwater get @film.link --range 0-65535 | file -
  wl-paste | headwater get - -o copy.mp4           the link comes from the clipboard")]
pub(crate) struct Get {
    /// The link: itself, @FILE, or - for standard input
    link: SecretArg,

    /// Where to write; - for standard output [default: standard output, or on a terminal the name that the link knows]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Only the bytes from A to B, both included: A-B, A- or -N for the last N
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    range: Option<ByteRange>,
}

/// A range of bytes as in HTTP (RFC 9110 §14.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteRange {
    From { first: u64, last: Option<u64> },
    Last(u64),
}

impl Get {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let link: Link = self.link.parse("a link")?;
        let output = globals.output();
        let get = async |client: &Client| {
            let object = client.open(&link).await.context("cannot open the link")?;
            let range = match self.range {
                Some(range) => range.within(object.len())?,
                None => 0..object.len(),
            };
            let destination = self.destination(&object)?;
            let answer = Answer::new(&object, &range, &destination);
            let progress = output.progress("get", Some(range.end - range.start));
            tokio::select! {
                filled = destination.fill(&object, range, &progress) => filled?,
                ended = lifetime::ended(false) => ended.and_then(|()| bail!("interrupted; nothing was left behind"))?,
            }
            Ok(answer)
        };
        let answer = Network::load(globals.network.as_deref()).await?.with_client(None, get).await?;
        if answer.file.is_some() {
            output.answer(&answer)?;
        } else {
            output.answer_beside_data(&answer)?;
        }
        Ok(Outcome::Complete)
    }

    fn destination(&self, object: &Object) -> anyhow::Result<Destination> {
        match &self.output {
            Some(path) if path == Path::new("-") => Ok(Destination::Stdout),
            Some(path) => Destination::at(path),
            None if !io::stdout().is_terminal() => Ok(Destination::Stdout),
            None => {
                let name =
                    object.name().ok_or_else(|| Usage::because("the link knows no name; say -o FILE"))?;
                // The uploader chose it: not the place to create .profile or what reads like an option.
                if name.starts_with(['.', '-']) {
                    return Err(Usage::because(format!("the object calls itself {name:?}; say -o FILE")));
                }
                if Path::new(name).symlink_metadata().is_ok() {
                    return Err(Usage::because(format!("{name} is there already; say -o FILE")));
                }
                Ok(Destination::File(name.into()))
            }
        }
    }
}

/// What was read. People see it in the file; where the data is on standard output, programs find this on standard error.
#[derive(Serialize)]
struct Answer {
    cid: String,
    name: Option<String>,
    #[serde(rename = "type")]
    media_type: Option<String>,
    size: u64,
    /// The first byte that was read.
    start: u64,
    /// Bytes read.
    len: u64,
    file: Option<PathBuf>,
}

impl Answer {
    fn new(object: &Object, range: &Range<u64>, destination: &Destination) -> Self {
        Self {
            cid: object.cid().to_string(),
            name: object.name().map(str::to_owned),
            media_type: object.media_type().map(str::to_owned),
            size: object.len(),
            start: range.start,
            len: range.end - range.start,
            file: destination.path().map(Path::to_owned),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Where the bytes go.
#[derive(Debug)]
enum Destination {
    Stdout,
    /// Nothing, or a regular file: replaced at once when everything is there.
    File(PathBuf),
    /// A device or a pipe, which takes bytes as they come.
    Device(PathBuf),
}

impl Destination {
    /// What `path` means; a symbolic link means its target.
    fn at(path: &Path) -> anyhow::Result<Self> {
        let Ok(metadata) = path.metadata() else { return Ok(Self::File(path.to_owned())) };
        let path = path.canonicalize().with_context(|| format!("cannot write {}", path.display()))?;
        if metadata.is_dir() {
            return Err(Usage::because(format!("{} is a folder; say -o FILE", path.display())));
        }
        Ok(if metadata.is_file() { Self::File(path) } else { Self::Device(path) })
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File(path) | Self::Device(path) => Some(path),
        }
    }

    async fn fill(self, object: &Object, range: Range<u64>, progress: &Progress) -> anyhow::Result<()> {
        match self {
            Self::Stdout => copy(object, range, tokio::io::stdout(), progress).await,
            Self::Device(path) => {
                let name = path.display();
                let device = tokio::fs::OpenOptions::new().write(true).open(&path).await;
                copy(object, range, device.with_context(|| format!("cannot write {name}"))?, progress).await
            }
            Self::File(path) => {
                let name = path.display();
                let draft = draft_of(&path).with_context(|| format!("cannot write {name}"))?;
                let file = tokio::fs::File::from_std(draft.as_file().try_clone()?);
                copy(object, range, file, progress)
                    .await
                    .with_context(|| format!("{name} was not written"))?;
                draft.persist(&path).with_context(|| format!("cannot write {name}"))?;
                Ok(())
            }
        }
    }
}

/// A file beside `path` that disappears unless it is given its name.
fn draft_of(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new();
    draft.prefix(".headwater-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder)
}

async fn copy(
    object: &Object,
    range: Range<u64>,
    mut to: impl AsyncWrite + Unpin,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut bytes = std::pin::pin!(object.read(range));
    while let Some(run) = bytes.try_next().await? {
        to.write_all(&run).await.context("cannot write what was read")?;
        progress.advance(run.len() as u64);
    }
    to.flush().await.context("cannot write what was read")
}

impl ByteRange {
    /// The bytes meant of an object of `len` bytes, cut off at its end.
    fn within(self, len: u64) -> anyhow::Result<Range<u64>> {
        match self {
            Self::From { first, .. } if first >= len => {
                bail!("the range begins at byte {first}, and the object has {len} bytes")
            }
            Self::From { first, last } => Ok(first..last.map_or(len, |last| len.min(last.saturating_add(1)))),
            Self::Last(count) => Ok(len.saturating_sub(count)..len),
        }
    }
}

impl FromStr for ByteRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let number = |digits: &str| {
            let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            if is_number { digits.parse().map_err(|_| RangeError) } else { Err(RangeError) }
        };
        let range = match text.split_once('-').ok_or(RangeError)? {
            ("", count) => Self::Last(number(count)?),
            (first, "") => Self::From { first: number(first)?, last: None },
            (first, last) => Self::From { first: number(first)?, last: Some(number(last)?) },
        };
        match range {
            Self::From { first, last: Some(last) } if last < first => Err(RangeError),
            Self::Last(0) => Err(RangeError),
            range => Ok(range),
        }
    }
}

/// A text that is no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a range is A-B with A at most B, A-, or -N")]
struct RangeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_cut_off_at_the_end() {
        let within = |text: &str, len| text.parse::<ByteRange>().unwrap().within(len).ok();
        assert_eq!(within("0-0", 10), Some(0..1));
        assert_eq!(within("3-9", 10), Some(3..10));
        assert_eq!(within("3-99", 10), Some(3..10));
        assert_eq!(within("3-18446744073709551615", 10), Some(3..10));
        assert_eq!(within("9-", 10), Some(9..10));
        assert_eq!(within("-4", 10), Some(6..10));
        assert_eq!(within("-40", 10), Some(0..10));
        assert_eq!(within("10-", 10), None);
        assert_eq!(within("0-", 0), None);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "-", "5", "5-4", "-0", "a-b", "+1-2", "1-2-3", " 1-2", "0-99999999999999999999"] {
            assert_eq!(text.parse::<ByteRange>(), Err(RangeError), "{text:?}");
        }
    }
}
