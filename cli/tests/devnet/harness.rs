//! Starts a devnet of the real program, commands it, and stops it when the test ends.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_headwater");
/// How long anything may take that is waited for here; only a test that fails ever waits so long.
const PATIENCE: Duration = Duration::from_mins(2);

/// A devnet that runs, and is stopped when the test ends.
pub(crate) struct Devnet {
    process: Child,
    pub(crate) home: PathBuf,
}

impl Devnet {
    /// Starts `headwater devnet` in the folder `net` of `home` and waits until everything serves.
    pub(crate) fn start(home: &Path, arguments: &[&str]) -> Self {
        let log = fs::File::create(home.join("devnet.log")).unwrap();
        let process = program(home)
            .args(["devnet", "--dir", "net"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut devnet = Self { process, home: home.to_owned() };
        wait_until("the devnet serves", || {
            if let Some(status) = devnet.process.try_wait().unwrap() {
                panic!("{status}: {}", fs::read_to_string(home.join("devnet.log")).unwrap());
            }
            home.join("net/devnet.json").exists()
        });
        devnet
    }

    pub(crate) fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.home.join("net/devnet.json")).unwrap()).unwrap()
    }

    pub(crate) fn nodes(&self) -> Vec<Value> {
        self.state()["nodes"].as_array().unwrap().clone()
    }

    /// Stops, kills or starts the node with this number through the control address.
    pub(crate) fn order(&self, number: usize, order: &str) {
        let state = self.state();
        let id = state["nodes"][number]["id"].as_str().unwrap();
        let token = format!("Authorization: Bearer {}\r\n", state["control"]["token"].as_str().unwrap());
        let url = format!("{}/nodes/{id}/{order}", state["control"]["url"].as_str().unwrap());
        let (head, body) = http("POST", &url, &token);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}{}", String::from_utf8_lossy(&body));
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        run(&self.home, arguments)
    }

    /// The answer of a run with `--json`, and its exit code.
    pub(crate) fn json(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.run(&[&["--json"], arguments].concat());
        let answer = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)));
        (answer, output.status.code().unwrap())
    }

    pub(crate) fn signal(&mut self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.process.wait().unwrap();
    }

    pub(crate) fn pids(&self) -> Vec<u64> {
        let state = self.state();
        let of = |list: &str| state[list].as_array().unwrap().clone();
        of("nodes").into_iter().chain(of("gateways")).filter_map(|child| child["pid"].as_u64()).collect()
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            self.signal("-TERM");
        }
    }
}

/// The program with an account of the test's own and the devnet's network file.
pub(crate) fn program(home: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command.env("HEADWATER_NETWORK", home.join("net/network.json"));
    command
}

pub(crate) fn run(home: &Path, arguments: &[&str]) -> Output {
    program(home).args(arguments).output().unwrap()
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Head and body of the answer to one plain HTTP request.
pub(crate) fn http(method: &str, url: &str, headers: &str) -> (String, Vec<u8>) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap(), body)
}

/// Bytes that do not repeat.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}
