//! Processes of the real program: started, waited for, killed.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_headwater");
/// How long anything may take that is waited for here; only a test that fails ever waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// A role that serves. It is killed when this is dropped, and by the kernel when the test dies.
pub(crate) struct Process {
    child: Child,
    /// A managed role ends when this closes.
    _stdin: ChildStdin,
}

impl Process {
    /// Starts a role and waits for its ready line; gives what that says.
    pub(crate) fn start(home: &Path, log: &Path, arguments: &[&str]) -> (Self, Value) {
        let mut command = program(home);
        command.arg("--json").args(arguments).arg("--managed");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(append_to(log)).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{arguments:?} said {line:?}: {}", fs::read_to_string(log).unwrap()));
        // What else it says stands in files too; the pipe must not fill.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        (Self { child, _stdin: stdin }, ready["ready"].clone())
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn end(&mut self) {
        // It fails only where the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn append_to(log: &Path) -> File {
    File::options().create(true).append(true).open(log).unwrap()
}

/// The program as a stranger runs it who has an account and a ticket.
pub(crate) fn program(home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command.env("HEADWATER_NETWORK", "@net.ticket");
    command
}

pub(crate) fn run(home: &Path, arguments: &[&str]) -> Output {
    program(home).args(arguments).output().unwrap()
}

/// The answer of a run with `--json`, and its exit code.
pub(crate) fn json(home: &Path, arguments: &[&str]) -> (Value, i32) {
    let output = run(home, &[&["--json"], arguments].concat());
    let answer = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
    (answer, output.status.code().unwrap())
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Head and body of the answer to one plain HTTP request; as much of the body as came.
pub(crate) fn http(method: &str, url: &str, body: &[u8]) -> (String, Vec<u8>) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let len = body.len();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    // A connection that breaks in the middle is an answer too.
    drop(stream.read_to_end(&mut answer));
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let body = answer.split_off(end);
    (String::from_utf8_lossy(&answer).into_owned(), body)
}
