//! Looking for rot: every shard is read and hashed again, slowly, round after round.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proofs::Root;

use crate::config::Scrub;
use crate::egress::Bucket;
use crate::rows::ShardRow;
use crate::stats::Counts;
use crate::store::{Store, StoreError, Verdict};

/// Shards looked up at once.
const BATCH: usize = 64;
/// Longest sleep before looking whether to stop.
const NAP: Duration = Duration::from_millis(50);

/// Rounds without end, until `stop`. Blocks: runs on a thread of its own.
pub(crate) fn run(store: &Store, scrub: Scrub, counts: &Counts, stop: &Arc<AtomicBool>) {
    let mut pace = Pace { bucket: Bucket::new(scrub.rate, Instant::now()), stop: stop.clone() };
    while !pace.is_stopped() {
        let next_round = Instant::now() + scrub.every;
        match round(store, counts, &mut pace) {
            Ok(()) => counts.scrub_rounds.add(1),
            Err(error) => tracing::error!(%error, "the scrub cannot go on"),
        }
        while Instant::now() < next_round && !pace.is_stopped() {
            std::thread::sleep(NAP);
        }
    }
}

struct Pace {
    bucket: Bucket,
    stop: Arc<AtomicBool>,
}

impl Pace {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn wait(&mut self, bytes: u64) -> io::Result<()> {
        let until = Instant::now() + self.bucket.take(bytes, Instant::now());
        while Instant::now() < until && !self.is_stopped() {
            std::thread::sleep(NAP.min(until.saturating_duration_since(Instant::now())));
        }
        if self.is_stopped() { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

fn round(store: &Store, counts: &Counts, pace: &mut Pace) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let rows = store.rows_after(after, BATCH)?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(*last);
        for (root, row) in rows {
            check(store, &root, row, pace);
            counts.scrubbed.add(row.len.get());
            if pace.is_stopped() {
                return Ok(());
            }
        }
    }
}

fn check(store: &Store, root: &Root, row: ShardRow, pace: &mut Pace) {
    let checked = store.open_copy(root, row).and_then(|copy| copy.check(|bytes| pace.wait(bytes)));
    let verdict = match checked {
        Ok(verdict) => verdict,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Verdict::Corrupt,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
        Err(error) => {
            tracing::warn!(%root, %error, "the scrub cannot read a shard");
            return;
        }
    };
    if verdict == Verdict::Corrupt && row.is_sound() {
        tracing::error!(%root, "the scrub found a shard that does not match its root");
    }
    if row.is_sound() != (verdict == Verdict::Sound) {
        store.judge(root, row.place, verdict);
    }
}
