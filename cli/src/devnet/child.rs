//! One process of a devnet: this same executable in another role.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::ready::Ready;

/// How long a child may take until it serves; a node may have to rebuild its index first.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a child may take to stop by itself before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);

/// What is run, again and again: a role, where it listens, and the file that takes its diagnostics.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) arguments: Vec<OsString>,
    pub(super) listen: SocketAddr,
    pub(super) log: PathBuf,
}

/// A role that serves. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Running {
    process: Child,
    /// Held apart, because waiting for the process would close it.
    stdin: ChildStdin,
    pid: u32,
}

impl Role {
    /// Starts the process and waits for its ready line.
    ///
    /// The child holds a pipe from us as its standard input and stops when that closes, which the
    /// kernel sees to even if we are killed.
    pub(super) async fn start<T: DeserializeOwned>(&self) -> anyhow::Result<(Running, T)> {
        let mut process = self.spawn().with_context(|| format!("cannot start {}", self.name))?;
        let pid = process.id().expect("a process that nobody has waited for has an id");
        let stdin = process.stdin.take().expect("its standard input is a pipe");
        let stdout = process.stdout.take().expect("its standard output is a pipe");
        let ready = tokio::select! {
            ready = timeout(READY_TIMEOUT, read_ready(stdout)) => match ready {
                Ok(ready) => ready?,
                Err(_) => bail!("{} was not ready after {} s; see {}",
                    self.name, READY_TIMEOUT.as_secs(), self.log.display()),
            },
            status = process.wait() => bail!("{} ended before it was ready ({}): {}",
                self.name, status?, last_line(&self.log)),
        };
        if let Some(Ready { ready }) = ready {
            return Ok((Running { process, stdin, pid }, ready));
        }
        let status = process.wait().await?;
        bail!("{} ended before it was ready ({status}): {}", self.name, last_line(&self.log))
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot write the log {}", self.log.display()))?;
        let mut command = Command::new(own_program());
        command
            .args(["--json"])
            .args(&self.arguments)
            .args(["--managed", "--listen", &self.listen.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // A Ctrl-C in the terminal is for us alone; we stop the children in order.
            .process_group(0)
            .kill_on_drop(true);
        for (variable, _) in std::env::vars_os() {
            // Settings for a role of the user's own must not reach the devnet's.
            let ours = variable.to_string_lossy().starts_with("HEADWATER_");
            if ours && variable != "HEADWATER_LOG" {
                command.env_remove(variable);
            }
        }
        Ok(command.spawn()?)
    }
}

impl Running {
    pub(super) const fn pid(&self) -> u32 {
        self.pid
    }

    /// How the process ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Asks the process to stop by closing its standard input, and kills it if it does not.
    pub(super) async fn stop(mut self) {
        drop(self.stdin);
        if timeout(STOP_TIMEOUT, self.process.wait()).await.is_err() {
            end(&mut self.process).await;
        }
    }

    /// Ends the process as a power cut would.
    pub(super) async fn kill(mut self) {
        end(&mut self.process).await;
    }
}

/// The program that runs here; where its file was replaced meanwhile, by a new build perhaps, the kernel still has it.
fn own_program() -> PathBuf {
    let file = std::env::current_exe().ok().filter(|file| file.exists());
    file.unwrap_or_else(|| PathBuf::from("/proc/self/exe"))
}

async fn end(process: &mut Child) {
    // It fails only where the process has already ended, which is what is wanted.
    let _already_ended = process.kill().await;
}

/// The first line, parsed; none if the output ends before.
async fn read_ready<T: DeserializeOwned>(stdout: ChildStdout) -> anyhow::Result<Option<Ready<T>>> {
    let Some(line) = BufReader::new(stdout).lines().next_line().await? else { return Ok(None) };
    serde_json::from_str(&line).map(Some).with_context(|| format!("not a ready line: {line}"))
}

fn last_line(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().next_back().unwrap_or("it said nothing").to_owned()
}
