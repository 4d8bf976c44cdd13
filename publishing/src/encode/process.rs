//! Running a program within limits of time and output; it dies with the future that waits for it.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use std::{fmt, io};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::limits::{PROGRESS_LINE_MAX, STDERR_BYTES_MAX};

/// Why a program did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error("it does not start: {0}")]
    Start(#[source] io::Error),
    #[error("nothing can be read from it: {0}")]
    Read(#[source] io::Error),
    #[error("it has not come further for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("it was not done within {} s", .0.as_secs())]
    Slow(Duration),
    #[error("it says more than {0} bytes")]
    TooMuch(u64),
    #[error("it stopped before the end ({status}): {complaint}")]
    Failed { status: ExitStatus, complaint: Complaint },
    #[error("it ended without saying that it is done")]
    Unfinished,
}

/// The last words of a program, without anything that a terminal would obey.
#[derive(Debug)]
pub(super) struct Complaint(String);

#[cfg(test)]
impl Complaint {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "it did not say why" } else { &self.0 })
    }
}

/// The text with a space for every control character.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A program that reads nothing, writes to pipes and dies when its handle is dropped.
pub(super) fn command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // FFREPORT would write a log where nobody expects it.
    command.env_remove("FFREPORT").env("AV_LOG_FORCE_NOCOLOR", "1");
    command
}

/// All that a program writes, if it ends well, in time and within `limit` bytes.
pub(super) async fn collect(command: Command, limit: u64, within: Duration) -> Result<Vec<u8>, RunError> {
    let run = async {
        let (mut child, stdout, stderr) = start(command)?;
        let read = async {
            let mut bytes = Vec::new();
            stdout.take(limit + 1).read_to_end(&mut bytes).await.map_err(RunError::Read)?;
            if bytes.len() as u64 > limit { Err(RunError::TooMuch(limit)) } else { Ok(bytes) }
        };
        let (bytes, complaint) = tokio::try_join!(read, last_words(stderr))?;
        finish(&mut child, complaint).await.map(|()| bytes)
    };
    timeout(within, run).await.unwrap_or(Err(RunError::Slow(within)))
}

/// Runs ffmpeg with `-progress pipe:1` and passes on how far it has come, in microseconds of media. It fails when it has
/// not come further for the time `patience`.
pub(super) async fn follow(
    command: Command,
    patience: Duration,
    mut progress: impl FnMut(u64),
) -> Result<(), RunError> {
    let (mut child, stdout, stderr) = start(command)?;
    let (ended, complaint) =
        tokio::try_join!(read_progress(stdout, patience, &mut progress), last_words(stderr))?;
    finish(&mut child, complaint).await?;
    if ended { Ok(()) } else { Err(RunError::Unfinished) }
}

fn start(mut command: Command) -> Result<(Child, ChildStdout, impl AsyncRead + Unpin), RunError> {
    let mut child = command.spawn().map_err(RunError::Start)?;
    let stdout = child.stdout.take().expect("stdout is piped");
    let stderr = child.stderr.take().expect("stderr is piped");
    Ok((child, stdout, stderr))
}

async fn finish(child: &mut Child, complaint: Complaint) -> Result<(), RunError> {
    let status = child.wait().await.map_err(RunError::Read)?;
    if status.success() { Ok(()) } else { Err(RunError::Failed { status, complaint }) }
}

/// Reads blocks of `key=value` until the pipe closes; whether the last one said `progress=end`.
async fn read_progress(
    stdout: ChildStdout,
    patience: Duration,
    progress: &mut impl FnMut(u64),
) -> Result<bool, RunError> {
    let mut lines = BufReader::new(stdout);
    let (mut line, mut furthest, mut ended) = (Vec::new(), None, false);
    let mut moved = tokio::time::Instant::now();
    loop {
        line.clear();
        let left = patience.saturating_sub(moved.elapsed());
        let mut limited = (&mut lines).take(PROGRESS_LINE_MAX);
        match timeout(left, limited.read_until(b'\n', &mut line))
            .await
            .map_err(|_| RunError::Silent(patience))?
        {
            Ok(0) => return Ok(ended),
            Ok(_) => {}
            Err(error) => return Err(RunError::Read(error)),
        }
        match parse_progress(&line) {
            Some(Report::At(at)) if furthest < Some(at) => {
                (furthest, moved) = (Some(at), tokio::time::Instant::now());
                progress(at);
            }
            Some(Report::End) => ended = true,
            _ => {}
        }
    }
}

#[derive(PartialEq, Eq, Debug)]
enum Report {
    At(u64),
    End,
}

fn parse_progress(line: &[u8]) -> Option<Report> {
    let (key, value) = std::str::from_utf8(line).ok()?.trim().split_once('=')?;
    match (key, value) {
        ("out_time_us", at) => at.parse().ok().map(Report::At),
        ("progress", "end") => Some(Report::End),
        _ => None,
    }
}

/// Reads to the end and keeps the last [`STDERR_BYTES_MAX`] bytes.
async fn last_words(mut stderr: impl AsyncRead + Unpin) -> Result<Complaint, RunError> {
    let mut kept = Vec::new();
    let mut piece = [0; STDERR_BYTES_MAX];
    loop {
        let read = stderr.read(&mut piece).await.map_err(RunError::Read)?;
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&piece[..read]);
        kept.drain(..kept.len().saturating_sub(STDERR_BYTES_MAX));
    }
    let text = String::from_utf8_lossy(&kept);
    let lines: Vec<_> = text.lines().map(|line| printable(line.trim())).filter(|l| !l.is_empty()).collect();
    Ok(Complaint(lines.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = command(OsStr::new("sh"));
        command.args(["-c", script]);
        command
    }

    #[test]
    fn progress_is_read_from_lines() {
        assert_eq!(parse_progress(b"out_time_us=1500000\n"), Some(Report::At(1_500_000)));
        assert_eq!(parse_progress(b"progress=end\n"), Some(Report::End));
        for other in
            ["progress=continue", "out_time_us=N/A", "out_time_us=-5", "out_time_ms=7", "x", "\u{fffd}"]
        {
            assert_eq!(parse_progress(other.as_bytes()), None, "{other}");
        }
        assert_eq!(parse_progress(&[0xff, b'=', 1]), None);
    }

    #[tokio::test]
    async fn output_has_a_limit() {
        let result = collect(shell("printf 12345"), 5, VERSION).await;
        assert_eq!(result.unwrap(), b"12345");
        let result = collect(shell("printf 123456"), 5, VERSION).await;
        assert!(matches!(result, Err(RunError::TooMuch(5))), "{result:?}");
    }

    #[tokio::test]
    async fn time_has_a_limit() {
        let within = Duration::from_millis(50);
        let result = collect(shell("exec sleep 30"), 5, within).await;
        assert!(matches!(result, Err(RunError::Slow(_))), "{result:?}");
    }

    #[tokio::test]
    async fn only_the_last_words_are_kept_and_none_commands_the_terminal() {
        let script = "i=0; while [ $i -lt 2000 ]; do echo line-$i >&2; i=$((i+1)); done; printf '\\033[2Jend' >&2; exit 3";
        let error = collect(shell(script), 5, VERSION).await.unwrap_err().to_string();
        assert!(
            error.contains("line-1999") && !error.contains("line-10;") && error.ends_with(" [2Jend"),
            "{error}"
        );
        assert!(error.len() < 2 * STDERR_BYTES_MAX);
    }

    async fn follow_shell(script: &str, patience: Duration) -> (Result<(), RunError>, Vec<u64>) {
        let mut seen = Vec::new();
        (follow(shell(script), patience, |at| seen.push(at)).await, seen)
    }

    #[tokio::test]
    async fn an_end_counts_only_if_it_is_announced_and_the_status_is_good() {
        let blocks = "echo out_time_us=5; echo out_time_us=3; echo out_time_us=9; echo progress=end";
        let (result, seen) = follow_shell(blocks, VERSION).await;
        result.unwrap();
        assert_eq!(seen, [5, 9]);
        let (result, _) = follow_shell("echo out_time_us=5", VERSION).await;
        assert!(matches!(result, Err(RunError::Unfinished)), "{result:?}");
        let (result, _) = follow_shell("echo progress=end; exit 1", VERSION).await;
        assert!(matches!(result, Err(RunError::Failed { .. })), "{result:?}");
    }

    #[tokio::test]
    async fn whoever_talks_without_coming_further_is_stopped() {
        let script = "while sleep 0.01; do echo out_time_us=5; done";
        let (result, seen) = follow_shell(script, Duration::from_millis(200)).await;
        assert!(matches!(result, Err(RunError::Silent(_))), "{result:?}");
        assert!(seen.len() <= 1);
    }

    const VERSION: Duration = super::super::limits::VERSION_TIMEOUT;
}
