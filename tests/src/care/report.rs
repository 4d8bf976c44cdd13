//! What a seed came to, and the defects that are planted to see whether they are noticed.

use std::fmt;

/// What a seed came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Report {
    pub faults: u64,
    pub partitions: u64,
    pub full_disks: u64,
    pub slow_nodes: u64,
    pub joined: u64,
    pub left: u64,
    pub lost_for_ever: u64,
    pub clock_jumps: u64,
    pub spoilt: u64,
    pub built: u64,
    pub refused_by_full: u64,
    pub claims_refused: u64,
    pub warnings: u64,
    /// Parts that were moved.
    pub moved: u64,
    /// Moves of the part that moved most often for one steward.
    pub moved_most: u64,
    /// Nodes that could not make up their minds.
    pub wavered: u64,
    /// Hash of everything that happened.
    pub trace: [u8; 32],
}

/// A seed that does not hold.
#[derive(Debug)]
pub struct Trouble {
    /// The seed.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// What happened last.
    pub last_lines: Vec<String>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.last_lines {
            writeln!(f, "    {line}")?;
        }
        write!(f, "seed {}: {}", self.seed, self.what)
    }
}

/// A defect of whoever performs the plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// None: everything must hold.
    None,
    /// Every claim counts as granted.
    IgnoresClaims,
    /// What was repaired is called whole without a look.
    CallsItWhole,
    /// Leases are said to be renewed, and are not.
    ForgetsLeases,
    /// Parts of a segment are put wherever there is room, whatever stands beside them.
    Crowds,
    /// Repairs of one object never succeed.
    NeverRepairs,
    /// What a steward saves is lost when it is killed, and nobody tells it what to look after.
    Forgets,
    /// A repair takes away what is left before it puts anything.
    TakesAway,
    /// A move goes to a node that has another part of the unit.
    MovesBeside,
    /// Moves never succeed.
    NeverMoves,
}
