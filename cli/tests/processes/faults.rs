//! What was done to nodes, what of it is not made good yet, and how much more the codings permit.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{PATIENCE, now};
use crate::steward::Status;

/// How long a reader that has run for a while may overlook that a node is there again: as long as it believes in the
/// connection to the process that was killed, or leaves a node alone that it could not reach, 8 seconds either.
const OVERLOOKED: Duration = Duration::from_secs(10);

/// What was done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Killed, and started again soon.
    Killed,
    /// Killed, and away until it counts as lost.
    Away,
    /// Killed, and its folder deleted. A new node takes its place.
    Wiped,
    /// Killed, and everything but its key deleted.
    Emptied,
    /// A byte in almost every leaf that it keeps was changed.
    Spoilt,
    /// The same in one leaf of four.
    SpoiltInPart,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Killed, Self::Away, Self::Wiped, Self::Emptied, Self::Spoilt, Self::SpoiltInPart];

    /// The faults by which the steward must call it in its log, if it knows of anything there; none where it may pass unnoticed.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Killed => &[],
            Self::Away | Self::Wiped => &["offline"],
            Self::Emptied => &["missing"],
            Self::Spoilt | Self::SpoiltInPart => &["corrupt"],
        }
    }
}

/// A fault that counts against what the codings permit.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// The node.
    pub(crate) id: String,
    /// When, in seconds since 1970.
    at: u64,
    begun: Instant,
    /// How long the node is away at least.
    away_for: Duration,
    /// Whether the log names it by now.
    noticed: bool,
    /// Whether the steward has lost nothing by it: there was a time after it when it expected nothing of the node, or what it
    /// expects there is there, since it was put there later.
    excused: bool,
    /// Since when a node that was away is there again.
    back: Option<Instant>,
}

impl Fault {
    pub(crate) fn new(kind: Kind, id: String, away_for: Duration) -> Self {
        Self {
            kind,
            id,
            at: now(),
            begun: Instant::now(),
            away_for,
            noticed: false,
            excused: false,
            back: None,
        }
    }

    /// True when a node that is away may come back.
    pub(crate) fn may_return(&self) -> bool {
        self.begun.elapsed() >= self.away_for && (self.kind == Kind::Killed || self.is_explained())
    }

    /// A node that was away is there again.
    pub(crate) fn note_return(&mut self) {
        self.back = Some(Instant::now());
    }

    /// True when whoever took note that it was away has taken note of its return.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.back.is_some_and(|back| back.elapsed() >= OVERLOOKED)
    }

    /// True when what was lost or spoilt has been noticed, and is proved whole again.
    pub(crate) fn is_made_good(&self, status: &Status, objects: usize) -> bool {
        self.is_explained() && status.is_whole_since(self.at + 1, objects)
    }

    /// It stands in the log, or the steward expects nothing of the node any more.
    fn is_explained(&self) -> bool {
        self.noticed || self.excused
    }

    /// Looks whether the log names the node and the reason.
    pub(crate) fn look_up(&mut self, log: &[Value], status: &Status) {
        self.noticed = self.noticed || log.iter().any(|line| self.is_named_by(line));
        let is_empty = status.at() > self.at + 2 && status.parts_at(&self.id) == 0;
        self.excused = self.excused || is_empty || log.iter().any(|line| self.is_survived(line));
    }

    /// What was emptied or spoilt proves nothing any more that was there before.
    fn is_survived(&self, line: &Value) -> bool {
        matches!(self.kind, Kind::Emptied | Kind::Spoilt | Kind::SpoiltInPart)
            && line["step"] == "node_audited"
            && line["node"] == *self.id
            && line["at"].as_u64().is_some_and(|at| at > self.at + 2)
            && line["asked"] == line["proved"]
    }

    fn is_named_by(&self, line: &Value) -> bool {
        line["step"] == "node_fault"
            && line["node"] == *self.id
            && line["at"].as_u64().is_some_and(|at| at >= self.at)
            && self.kind.names().iter().any(|name| line["fault"] == *name)
    }

    pub(crate) fn was_noticed(&self) -> bool {
        self.noticed
    }

    pub(crate) fn lasts(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) fn lasts_too_long(&self) -> bool {
        self.lasts() > PATIENCE
    }
}

/// What was done, by kind: how often, and how often the log names it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: std::collections::BTreeMap<Kind, (usize, usize)>,
    /// How long the longest took until it was made good.
    pub(crate) longest: Duration,
}

impl Tally {
    pub(crate) fn enter(&mut self, fault: &Fault) {
        let (done, noticed) = self.counts.entry(fault.kind).or_default();
        *done += 1;
        *noticed += usize::from(fault.was_noticed());
        if fault.kind != Kind::Killed {
            self.longest = self.longest.max(fault.lasts());
        }
    }

    /// How often the log names a kind that was tried at least so often, least often first.
    pub(crate) fn unnoticed(&self, tried: usize) -> Vec<Kind> {
        let never = |(kind, (done, noticed)): (&Kind, &(usize, usize))| {
            (!kind.names().is_empty() && *done >= tried && *noticed == 0).then_some(*kind)
        };
        self.counts.iter().filter_map(never).collect()
    }
}
