//! How new an index is, in words and for programs.

use std::fmt;

use account::Freshness;
use protocol::UnixSeconds;
use serde::Serialize;

/// What is said about the freshness of an index.
#[derive(Debug, Serialize)]
pub(crate) struct FreshnessAnswer {
    /// Nodes that keep the account's pointers.
    copies: usize,
    /// How many of them answered.
    answered: usize,
    /// How many must.
    needed: usize,
    /// Whether no confirmed change can be missing, unless `witnesses` nodes withhold it together.
    complete: bool,
    witnesses: usize,
    /// The account's devices, the one that wrote last first.
    devices: Vec<DeviceAnswer>,
    /// Indices that could not be read.
    unreadable: Vec<UnreadableAnswer>,
}

#[derive(Debug, Serialize)]
struct DeviceAnswer {
    device: u16,
    made: u64,
    age_seconds: u64,
    this: bool,
}

#[derive(Debug, Serialize)]
struct UnreadableAnswer {
    device: u16,
    reason: String,
}

impl FreshnessAnswer {
    pub(crate) fn new(freshness: &Freshness, now: UnixSeconds) -> Self {
        let devices = freshness.devices.iter().map(|seen| DeviceAnswer {
            device: seen.slot.get(),
            made: seen.made.get(),
            age_seconds: now.seconds_since(seen.made),
            this: seen.is_this,
        });
        let unreadable = freshness.unreadable.iter().map(|unreadable| UnreadableAnswer {
            device: unreadable.slot.get(),
            reason: unreadable.reason.clone(),
        });
        Self {
            copies: freshness.quorum.copies(),
            answered: freshness.answered,
            needed: freshness.quorum.read(),
            complete: freshness.is_complete(),
            witnesses: freshness.witnesses(),
            devices: devices.collect(),
            unreadable: unreadable.collect(),
        }
    }
}

impl fmt::Display for FreshnessAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { copies, answered, needed, witnesses, .. } = self;
        write!(f, "{answered} of {copies} nodes answered")?;
        match self.devices.first() {
            Some(newest) => {
                writeln!(f, "; newest index: device {}, {} old", newest.device, age(newest.age_seconds))?;
            }
            None => writeln!(f, "; none of them knows an index of this account")?,
        }
        for UnreadableAnswer { device, reason } in &self.unreadable {
            writeln!(f, "the newest index of device {device} could not be read: {reason}")?;
        }
        if self.complete {
            let nodes = if *witnesses == 1 { "1 node withholds" } else { "several nodes withhold" };
            return writeln!(
                f,
                "nothing that a device was told is written can be missing, unless {nodes} it ({witnesses} at least, of those \
                 that answered); what a device has not pushed yet is on that device alone"
            );
        }
        if answered < needed {
            writeln!(
                f,
                "{needed} of these nodes must answer to be certain that nothing newer exists; run this again when they do"
            )
        } else {
            writeln!(f, "something may be missing: run this again when more nodes can be reached")
        }
    }
}

/// A length of time as people say it.
fn age(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_in_one_unit() {
        let cases = [
            (1, "1 second"),
            (119, "119 seconds"),
            (840, "14 minutes"),
            (7200, "2 hours"),
            (172_800, "2 days"),
        ];
        for (seconds, words) in cases {
            assert_eq!(age(seconds), words);
        }
    }
}
