//! What follows from what was signed and what was counted. No clock, no socket.

use std::fmt;

use protocol::Usage;
use serde::{Deserialize, Serialize};

/// What a canary has found out about one grant, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Finding {
    /// Everything that was signed is counted.
    Honest,
    /// It is not counted, and was signed so late that nobody is to blame for that.
    Late,
    /// The settlement is yet to come.
    Open,
    /// The ledger does not answer what has to be known.
    Unanswered,
    /// The gateway has kept to itself what was signed: the ledger never heard of it, or only from the canary.
    UnderReported,
    /// It is counted, and has paid less than it costs.
    Underpaid,
    /// The ledger has promised to count it, the list in its log does not have it, and the ledger does not show what stands there.
    Withheld,
    /// The ledger has promised to count it, and has not.
    Omitted,
    /// The ledger shows another log than before.
    Forked,
}

/// What can be said before the settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// The ledger knows everything.
    Known,
    /// It does not, but the gateway has some time left.
    Early,
    /// It does not.
    Short,
}

/// What can be said after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Honest,
    Late,
    UnderReported,
    Omitted,
}

/// The ledger knew this much, so long after the gateway has taken a receipt over what was signed.
pub(super) fn open(signed: Usage, known: Usage, since_s: u64, within_s: u64) -> Open {
    if signed.is_within(known) {
        Open::Known
    } else if since_s < within_s {
        Open::Early
    } else {
        Open::Short
    }
}

/// What was counted because the canary has handed it in speaks for nobody. A gateway that was not found short before, and whose
/// time was not over when the epoch was settled, is not blamed.
#[expect(clippy::fn_params_excessive_bools, reason = "each is one fact that is known of a grant")]
pub(super) const fn settled(is_counted: bool, is_promised: bool, was_short: bool, had_time: bool) -> Settled {
    match (is_counted, is_promised, was_short) {
        (false, true, _) => Settled::Omitted,
        (true, _, false) => Settled::Honest,
        (_, _, true) => Settled::UnderReported,
        (false, false, false) if had_time => Settled::UnderReported,
        (false, false, false) => Settled::Late,
    }
}

impl From<Settled> for Finding {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::Honest => Self::Honest,
            Settled::Late => Self::Late,
            Settled::UnderReported => Self::UnderReported,
            Settled::Omitted => Self::Omitted,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Honest => "counted",
            Self::Late => "signed too late to be counted",
            Self::Open => "not settled yet",
            Self::Unanswered => "not known, as the ledger does not answer",
            Self::Underpaid => "counted, and paid with less than it costs",
            Self::Withheld => "missing in the ledger's list, though it has promised to count it, and it does not show what stands there",
            Self::Forked => "not known, as the ledger shows another log than before",
            Self::UnderReported => "kept back by the gateway",
            Self::Omitted => "left out by the ledger, though it has promised to count it",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_has_some_time_and_then_no_excuse() {
        let usage = |bytes, ms| Usage { bytes, ms };
        assert_eq!(open(usage(5, 5), usage(5, 5), 0, 60), Open::Known);
        for known in [usage(4, 5), usage(5, 4), usage(0, 0)] {
            assert_eq!(open(usage(5, 5), known, 59, 60), Open::Early);
            assert_eq!(open(usage(5, 5), known, 60, 60), Open::Short);
        }
    }

    #[test]
    fn whoever_promised_is_to_blame_and_else_the_gateway() {
        for had_time in [true, false] {
            assert_eq!(settled(true, true, false, had_time), Settled::Honest);
            assert_eq!(settled(true, false, false, had_time), Settled::Honest);
            assert_eq!(settled(true, true, true, had_time), Settled::UnderReported);
            assert_eq!(settled(false, false, true, had_time), Settled::UnderReported);
            assert_eq!(settled(false, true, true, had_time), Settled::Omitted);
            assert_eq!(settled(false, true, false, had_time), Settled::Omitted);
        }
        assert_eq!(settled(false, false, false, true), Settled::UnderReported);
        assert_eq!(settled(false, false, false, false), Settled::Late, "its time was not over");
        assert!(Finding::Late > Finding::Honest && Finding::Open > Finding::Late);
        assert!(Finding::Withheld > Finding::UnderReported && Finding::Omitted > Finding::Withheld);
        assert!(Finding::UnderReported > Finding::Unanswered && Finding::Unanswered > Finding::Open);
        assert!(Finding::Omitted > Finding::UnderReported && Finding::Open > Finding::Honest);
    }
}
