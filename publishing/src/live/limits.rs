//! What a stream may keep waiting, and for how long.

use std::time::Duration;

/// KiB of segments that wait for the network or are on their way: from then on the source is slowed down.
pub(super) const WAITING_KIB_MAX: u32 = 64 << 10;
/// Segments that wait.
pub(super) const WAITING_MAX: usize = 256;
/// Segments on their way to the network at a time, of all tracks.
pub(super) const STORES_MAX: usize = 6;
/// How often the network is asked to take a segment.
pub(super) const TRIES_MAX: u32 = 8;
/// How long to wait before it is asked again; each time twice as long, up to the longest.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(500);
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);
/// Segments of one track for which the first of the others is waited for.
pub(super) const LEAD_MAX: usize = 3;
