//! Reading everything all the time: by new processes that have a link and a ticket and nothing else, and through a
//! gateway that has run from the beginning.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chance::Chance;
use crate::process::{Process, http, json, run};

/// How long a reader rests between two reads: what is tried here are the nodes, not the processor.
const REST: Duration = Duration::from_millis(150);

/// Something that was put.
pub(crate) struct Stored {
    pub(crate) link: String,
    pub(crate) cid: String,
    bytes: Vec<u8>,
}

impl Stored {
    /// Puts `len` bytes, and has them whole.
    pub(crate) fn put(home: &Path, len: usize, coding: &str, chance: &mut Chance) -> Self {
        Self::put_as(home, chance.bytes(len), &["put", "file", "--coding", coding, "--no-index"])
    }

    /// Puts these bytes from the file `file`, with a command for that.
    pub(crate) fn put_as(home: &Path, bytes: Vec<u8>, command: &[&str]) -> Self {
        fs::write(home.join("file"), &bytes).unwrap();
        let (put, code) = json(home, command);
        assert_eq!(code, 0, "{put}");
        let text = |field: &str| put[field].as_str().unwrap().to_owned();
        Self { link: text("link"), cid: text("cid"), bytes }
    }

    /// Has a new process read it, and compares.
    pub(crate) fn read(&self, home: &Path) -> Result<(), String> {
        let output = run(home, &["get", &self.link]);
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{} cannot be read: {error}", self.name()));
        }
        self.compare(&output.stdout)
    }

    pub(crate) fn compare(&self, read: &[u8]) -> Result<(), String> {
        (read == self.bytes).then_some(()).ok_or_else(|| format!("{} are others", self.name()))
    }

    fn name(&self) -> String {
        format!("{} bytes of {}", self.bytes.len(), &self.cid[..16])
    }

    /// What a client that knows nothing finds of it.
    pub(crate) fn audit(&self, home: &Path) -> (Value, bool) {
        let (audit, code) = json(home, &["audit", &self.cid, "--leaves", "63"]);
        (audit, code == 0)
    }
}

/// A gateway that keeps nothing it has read.
pub(crate) struct Gateway {
    _process: Process,
    url: String,
}

impl Gateway {
    pub(crate) fn start(home: &Path) -> Self {
        let arguments = [
            "gateway",
            "--listen",
            "127.0.0.1:0",
            "--cache",
            "0",
            "--work-folder",
            "gateway",
            "--account",
            "gate",
        ];
        let (process, ready) = Process::start(home, &home.join("gateway.log"), &arguments);
        Self { _process: process, url: ready["url"].as_str().unwrap().to_owned() }
    }

    /// Opens an object anew, reads it, and compares.
    pub(crate) fn read(&self, object: &Stored) -> Result<(), String> {
        let failed = |what: &str, head: &str, body: &[u8]| {
            let (name, body) =
                (object.name(), String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned());
            Err(format!("{what} {name} through the gateway: {head}{body}"))
        };
        let open = format!("{}/open", self.url.trim_end_matches('/'));
        let (head, body) = http("POST", &open, object.link.as_bytes());
        let Ok(answer) = serde_json::from_slice::<Value>(&body) else {
            return failed("opening", &head, &body);
        };
        let Some(url) = answer["url"].as_str() else { return failed("opening", &head, &body) };
        let (head, body) = http("GET", url, b"");
        if !head.starts_with("HTTP/1.1 200") || body.len() != object.bytes.len() {
            return failed("reading", &head, &body);
        }
        object.compare(&body)
    }
}

/// Reads all objects in turn until it is stopped, or a read fails.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    reads: AtomicUsize,
    slowest: Mutex<Duration>,
    failed: Mutex<Option<String>>,
}

impl Reader {
    pub(crate) fn start(
        objects: Arc<Vec<Stored>>,
        read: impl Fn(&Stored) -> Result<(), String> + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for object in objects.iter().cycle() {
                let begun = Instant::now();
                if let Err(error) = read(object) {
                    *its.failed.lock().unwrap() =
                        Some(format!("after {} ms: {error}", begun.elapsed().as_millis()));
                    return;
                }
                its.reads.fetch_add(1, Ordering::Relaxed);
                let mut slowest = its.slowest.lock().unwrap();
                *slowest = slowest.max(begun.elapsed());
                drop(slowest);
                if its.stop.load(Ordering::Relaxed) {
                    return;
                }
                std::thread::sleep(REST);
            }
        });
        Self { shared, thread: Some(thread) }
    }

    /// Why it has stopped, if a read failed.
    pub(crate) fn failure(&self) -> Option<String> {
        self.shared.failed.lock().unwrap().clone()
    }

    /// Stops it; gives how many reads there were, and how long the slowest took.
    pub(crate) fn stop(mut self) -> (usize, Duration) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        let slowest = *self.shared.slowest.lock().unwrap();
        (self.shared.reads.load(Ordering::Relaxed), slowest)
    }
}
