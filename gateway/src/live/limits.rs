//! How many streams, and for how long.

/// Streams that run at one gateway.
pub(super) const RUNNING_MAX: usize = 100;
/// Streams of one creator that run at one gateway.
pub(super) const RUNNING_OF_CREATOR_MAX: usize = 4;
/// Streams that one gateway keeps, ended ones included.
pub(super) const STREAMS_MAX: u64 = 10_000;
/// Streams of one creator that one gateway keeps, ended ones included.
pub(super) const STREAMS_OF_CREATOR_MAX: u64 = 200;
/// Segments of all streams that one gateway keeps: about 1 GB of records on the disk.
pub(super) const SEGMENTS_MAX: u64 = 2_000_000;
/// A stream of which nothing was heard for this long has ended (spec §21 `LIVE_SILENCE_MAX_S`).
pub(super) const SILENCE_MAX_S: u64 = 120;
/// For how long a stream is kept after its end, in seconds: 7 days.
pub(super) const KEPT_FOR_S: u64 = 7 * 86_400;
/// Streams removed in one go.
pub(super) const REMOVED_MAX: usize = 16;
/// Ended streams that are kept in memory, while somebody watches them.
pub(super) const ENDED_IN_MEMORY: usize = 16;
/// Ended streams that are read from the disk at the same time.
pub(super) const LOADS_MAX: usize = 2;
