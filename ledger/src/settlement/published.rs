//! An epoch as the log shows it: what anybody can hold a ledger to that answers nobody.

use std::collections::HashSet;

use protocol::SessionGrant;

use super::{Acknowledged, Line, ListRoot, Settlement, Summary};
use crate::LogEntry;
use crate::tlog::TreeHash;

/// Most hashes in one entry of the log.
pub const LEAVES_MAX: usize = 1024;

/// A summary, with the lines and the list of receipts that lead to its roots. Of the receipts only hashes are public: whoever
/// knows one finds it, and sees that one is missing, without asking anybody about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    summary: Summary,
    lines: Vec<Line>,
    receipts: HashSet<TreeHash>,
}

/// Why entries are no epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotPublished {
    /// The summary does not stand behind them, or there is another one before it.
    #[error("the entries end with no summary, or with more than one")]
    NoSummary,
    /// The lines are others.
    #[error("the log has other lines than its settlement")]
    OtherLines,
    /// The hashes are others, or are not there.
    #[error("the log does not have the list of receipts that its settlement names")]
    OtherReceipts,
}

impl Published {
    /// The epoch that these entries of a log settle; the summary is the last of them. That the log has them is for the reader
    /// to see to: of the summary, which is over the others.
    pub fn of(entries: impl IntoIterator<Item = LogEntry>) -> Result<Self, NotPublished> {
        let (mut lines, mut leaves, mut settled) = (Vec::new(), Vec::new(), None);
        for entry in entries {
            if settled.is_some() {
                return Err(NotPublished::NoSummary);
            }
            match entry {
                LogEntry::Line(line) => lines.push(line),
                LogEntry::Receipts(hashes) => leaves.extend(hashes),
                LogEntry::Settlement(summary) => settled = Some(*summary),
                _ => {}
            }
        }
        let summary = settled.ok_or(NotPublished::NoSummary)?;
        if ListRoot::of(&lines) != summary.lines {
            return Err(NotPublished::OtherLines);
        }
        if ListRoot::of_leaves(&leaves) != summary.receipts {
            return Err(NotPublished::OtherReceipts);
        }
        Ok(Self { summary, lines, receipts: leaves.into_iter().collect() })
    }

    /// The summary.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Whether this is an item of its list of receipts.
    pub fn lists(&self, item: &Acknowledged) -> bool {
        self.receipts.contains(&item.leaf())
    }

    /// The lines about what was granted: the same agreement, alias, gateway and `attested`, whatever has paid.
    pub fn lines_of(&self, grant: &SessionGrant) -> impl Iterator<Item = &Line> {
        let place = (grant.agreement, grant.alias, grant.gateway, grant.attested);
        let of = move |line: &Line| (line.agreement, line.alias, line.gateway, line.attested);
        let first = self.lines.partition_point(|line| of(line) < place);
        self.lines[first..].iter().take_while(move |line| of(line) == place)
    }
}

impl Settlement {
    /// The hashes of its list of receipts, as the log shows them.
    pub(super) fn leaves(&self) -> impl Iterator<Item = LogEntry> {
        let hashes = |items: &[Acknowledged]| items.iter().map(Acknowledged::leaf).collect();
        self.receipts.chunks(LEAVES_MAX).map(move |items| LogEntry::Receipts(hashes(items)))
    }
}
