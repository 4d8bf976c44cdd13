//! Reading everything all the time: each time by a new process that has a link and a ticket, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chance::Chance;
use crate::process::{json, run};

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
        let bytes = chance.bytes(len);
        let file = home.join("file");
        fs::write(&file, &bytes).unwrap();
        let (put, code) = json(home, &["put", "file", "--coding", coding, "--no-index"]);
        assert_eq!(code, 0, "{put}");
        let text = |field: &str| put[field].as_str().unwrap().to_owned();
        Self { link: text("link"), cid: text("cid"), bytes }
    }

    /// Reads it anew, and compares.
    pub(crate) fn read(&self, home: &Path) -> Result<(), String> {
        let output = run(home, &["get", &self.link]);
        let name = format!("{} bytes of {}", self.bytes.len(), &self.cid[..16]);
        if !output.status.success() {
            return Err(format!("{name} cannot be read: {}", String::from_utf8_lossy(&output.stderr)));
        }
        (output.stdout == self.bytes).then_some(()).ok_or_else(|| format!("{name} are others"))
    }

    /// What a client that knows nothing finds of it.
    pub(crate) fn audit(&self, home: &Path) -> (Value, bool) {
        let (audit, code) = json(home, &["audit", &self.cid, "--leaves", "63"]);
        (audit, code == 0)
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
    pub(crate) fn start(home: PathBuf, objects: Arc<Vec<Stored>>) -> Self {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for object in objects.iter().cycle() {
                let begun = Instant::now();
                if let Err(error) = object.read(&home) {
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
