//! The log: every step that a steward takes, one line of JSON each.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use std::{fmt, fs};

use protocol::UnixSeconds;
use serde::Serialize;

/// From this length on, in bytes, the log is put aside as `log.1.jsonl`, in place of the one before.
const LOG_LEN_MAX: u64 = 64 << 20;

/// One line of the log.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// When.
    pub at: UnixSeconds,
    /// What.
    #[serde(flatten)]
    pub step: Step,
}

/// Something that a steward did or found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum Step {
    Started {
        objects: usize,
    },
    /// Nodes are known now that were not, are at another address, begin or cease to leave, have another identity, or
    /// other tags.
    Members {
        nodes: usize,
        joined: usize,
        moved: usize,
        leave: usize,
        stay: usize,
        renamed: usize,
        tagged: usize,
    },
    Added {
        cid: String,
        until: UnixSeconds,
    },
    Removed {
        cid: String,
    },
    /// A file in the folder of mandates is of no use, or its object cannot be had yet.
    Refused {
        what: String,
        reason: String,
    },
    ObjectAudited {
        cid: String,
        proved: usize,
        offline: usize,
        missing: usize,
        corrupt: usize,
    },
    NodeAudited {
        node: String,
        asked: usize,
        proved: usize,
        slowest_ms: u64,
    },
    NodeFault {
        node: String,
        fault: &'static str,
    },
    NodeReturned {
        node: String,
    },
    RepairBegun {
        cid: String,
        unit: String,
        parts: Vec<u8>,
    },
    /// Another steward has the claim, or too few nodes decide about it.
    RepairPutOff {
        cid: String,
        unit: String,
        reason: String,
    },
    /// Nothing is lost any more: somebody else has put it, or this steward before it was killed, or its node is back.
    FoundAgain {
        cid: String,
        unit: String,
        /// Where what was thought lost is.
        nodes: Vec<String>,
    },
    /// Parts are at nodes where this steward believed none: somebody else has put them, or this steward before it was killed.
    FoundElsewhere {
        cid: String,
        unit: String,
        /// The nodes.
        nodes: Vec<String>,
    },
    /// A part was made again, put, and read back whole.
    Rebuilt {
        cid: String,
        unit: String,
        part: u8,
        node: String,
    },
    /// A part was copied to a better place, and read back whole there; the old copy is renewed no more.
    Moved {
        cid: String,
        unit: String,
        part: u8,
        from: String,
        to: String,
        why: &'static str,
    },
    NotMoved {
        cid: String,
        unit: String,
        part: u8,
        reason: String,
    },
    /// Every part has proved itself after the repair.
    ProvedWhole {
        cid: String,
        unit: String,
    },
    StillLost {
        cid: String,
        unit: String,
        reason: String,
    },
    Inconsistent {
        cid: String,
        proof: String,
    },
    Renewed {
        cid: String,
        renewed: u32,
        failed: u32,
        ends: Option<UnixSeconds>,
        reason: Option<String>,
    },
    Warned {
        cid: String,
        days: u16,
        ends: UnixSeconds,
        what: &'static str,
    },
    HookFailed {
        reason: String,
    },
}

type Listener = Box<dyn FnMut(&Entry) + Send>;

/// Writes steps down and tells whoever listens.
pub(crate) struct Journal(Mutex<Inner>);

struct Inner {
    path: PathBuf,
    file: File,
    len: u64,
    tell: Listener,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Journal {
    /// Goes on at the end of the log in this folder.
    pub(crate) fn open(dir: &Path, tell: Listener) -> io::Result<Self> {
        let path = dir.join("log.jsonl");
        let file = append_to(&path)?;
        let len = file.metadata()?.len();
        Ok(Self(Mutex::new(Inner { path, file, len, tell })))
    }

    /// Writes a step down. A log that cannot be written keeps nothing else from being done.
    pub(crate) fn write(&self, step: Step) {
        let entry = Entry { at: SystemTime::now().into(), step };
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.tell)(&entry);
        if let Err(error) = inner.append(&entry) {
            tracing::warn!(%error, "the log cannot be written");
        }
    }
}

impl Inner {
    fn append(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        if self.len > LOG_LEN_MAX {
            fs::rename(&self.path, self.path.with_extension("1.jsonl"))?;
            self.file = append_to(&self.path)?;
            self.len = 0;
        }
        self.len += line.len() as u64;
        self.file.write_all(&line)
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// A CID as people tell them apart.
fn short(cid: &str) -> &str {
    cid.get(..16).unwrap_or(cid)
}

fn node(node: &str) -> &str {
    node.get(..10).unwrap_or(node)
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at, self.step)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { objects } => write!(f, "started with {objects} objects"),
            Self::Members { nodes, joined, moved, leave, stay, renamed, tagged } => {
                write!(
                    f,
                    "{nodes} nodes are known: {joined} new, {moved} elsewhere, {leave} begin to leave, "
                )?;
                write!(f, "{stay} stay after all, {renamed} under another identity, {tagged} with other tags")
            }
            Self::Added { cid, until } => write!(f, "{}: looked after until {until}", short(cid)),
            Self::Removed { cid } => write!(f, "{}: no longer looked after", short(cid)),
            Self::Refused { what, reason } => write!(f, "{what} is not looked after: {reason}"),
            Self::ObjectAudited { cid, proved, offline, missing, corrupt } => write!(
                f,
                "{}: audited: {proved} proved, {offline} offline, {missing} missing, {corrupt} corrupt",
                short(cid)
            ),
            Self::NodeAudited { node: id, asked, proved, slowest_ms } => {
                write!(f, "node {}: {proved} of {asked} parts proved within {slowest_ms} ms", node(id))
            }
            Self::NodeFault { node: id, fault } => write!(f, "node {} was {fault}", node(id)),
            Self::NodeReturned { node: id } => write!(f, "node {} answers again", node(id)),
            Self::RepairBegun { cid, unit, parts } => {
                write!(f, "{}: {unit}: repair of parts {parts:?} begins", short(cid))
            }
            Self::RepairPutOff { cid, unit, reason } => {
                write!(f, "{}: {unit}: repair put off: {reason}", short(cid))
            }
            Self::FoundAgain { cid, unit, nodes } => {
                write!(f, "{}: {unit}: nothing is lost any more:", short(cid))?;
                nodes.iter().try_for_each(|id| write!(f, " {}", node(id)))
            }
            Self::FoundElsewhere { cid, unit, nodes } => {
                write!(f, "{}: {unit}: parts have turned up at", short(cid))?;
                nodes.iter().try_for_each(|id| write!(f, " {}", node(id)))
            }
            Self::Rebuilt { cid, unit, part, node: id } => {
                write!(f, "{}: {unit}: part {part} rebuilt on node {} and read back", short(cid), node(id))
            }
            Self::Moved { cid, unit, part, from, to, why } => write!(
                f,
                "{}: {unit}: part {part} moved from node {} to {}: {why}",
                short(cid),
                node(from),
                node(to)
            ),
            Self::NotMoved { cid, unit, part, reason } => {
                write!(f, "{}: {unit}: part {part} could not be moved: {reason}", short(cid))
            }
            Self::ProvedWhole { cid, unit } => write!(f, "{}: {unit}: proved whole", short(cid)),
            Self::StillLost { cid, unit, reason } => {
                write!(f, "{}: {unit}: not whole: {reason}", short(cid))
            }
            Self::Inconsistent { cid, proof } => {
                write!(f, "{}: was put wrongly and is not repaired: {proof}", short(cid))
            }
            Self::Renewed { cid, renewed, failed, ends, reason } => {
                write!(f, "{}: {renewed} leases renewed, {failed} failed", short(cid))?;
                ends.iter().try_for_each(|ends| write!(f, ", the first ends {ends}"))?;
                reason.iter().try_for_each(|reason| write!(f, "; {reason}"))
            }
            Self::Warned { cid, days, ends, what } => {
                write!(f, "{}: WARNING: {what} less than {days} days from now, at {ends}", short(cid))
            }
            Self::HookFailed { reason } => write!(f, "the command for warnings failed: {reason}"),
        }
    }
}
