//! What reads cost beyond what they asked for: counted where it is decided, for whoever watches.

/// Cells, since the program began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadTally {
    /// Asked for in place of cells that were late, lost or wrong.
    pub hedged: u64,
    /// Wanted by a reader and computed from other columns.
    pub rebuilt: u64,
    /// Asked for in requests whose answer did not verify.
    pub wrong: u64,
}
