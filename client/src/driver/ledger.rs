//! The leases of a put that is under way: kept when it succeeds, released when it does not.

use std::time::Duration;

use chunker::SHARDS_MAX;
use protocol::{Lease, Release, SecretKey, Signed};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::wire::Wire;

/// Leases of one object: one per shard, one per copy of the manifest.
#[expect(clippy::cast_possible_truncation, reason = "32 736 fits")]
const LEASES_MAX: usize = SHARDS_MAX as usize + 255;
/// How long a failed put waits for uploads that were just ending, so that it can release their leases too.
const SETTLE_WITHIN: Duration = Duration::from_secs(15);
/// Leases released at the same time.
const RELEASES_ABREAST: usize = 16;

/// Collects leases. Dropped without [`Ledger::keep`] or [`Ledger::abandon`], it releases them in the background.
#[derive(Debug)]
pub(crate) struct Ledger(Option<Open>);

#[derive(Debug)]
struct Open {
    received: mpsc::Receiver<Signed<Lease>>,
    entry: Entry,
    wire: Wire,
    /// None where nobody here may release.
    control: Option<SecretKey>,
}

/// Where an upload enters its lease. The ledger waits for all of these to be dropped before it releases.
#[derive(Debug, Clone)]
pub(crate) struct Entry(mpsc::Sender<Signed<Lease>>);

impl Ledger {
    pub(crate) fn new(wire: Wire, control: SecretKey) -> Self {
        Self::open(wire, Some(control))
    }

    /// A ledger of leases that nobody here may release: after a failure they end by themselves.
    pub(crate) fn without_release(wire: Wire) -> Self {
        Self::open(wire, None)
    }

    fn open(wire: Wire, control: Option<SecretKey>) -> Self {
        let (sender, received) = mpsc::channel(LEASES_MAX);
        Self(Some(Open { received, entry: Entry(sender), wire, control }))
    }

    /// Where to enter leases.
    pub(crate) fn entry(&self) -> Entry {
        self.0.as_ref().expect("it is taken only at the end").entry.clone()
    }

    /// All leases; they will not be released. Every upload has ended by now.
    pub(crate) fn keep(mut self) -> Vec<Signed<Lease>> {
        let mut open = self.0.take().expect("it is taken only at the end");
        std::iter::from_fn(|| open.received.try_recv().ok()).collect()
    }

    /// Waits for uploads to end, then releases all leases.
    pub(crate) async fn abandon(mut self) {
        self.0.take().expect("it is taken only at the end").release_all().await;
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if let Some(open) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            drop(runtime.spawn(open.release_all()));
        }
    }
}

impl Entry {
    pub(crate) fn enter(&self, lease: Signed<Lease>) {
        // Never full; closed only when the runtime is shutting down.
        drop(self.0.try_send(lease));
    }
}

impl Open {
    async fn release_all(self) {
        let Self { mut received, entry, wire, control } = self;
        let Some(control) = control else { return };
        drop(entry);
        let mut releases = JoinSet::new();
        while let Ok(Some(lease)) = timeout(SETTLE_WITHIN, received.recv()).await {
            if releases.len() >= RELEASES_ABREAST {
                releases.join_next().await;
            }
            let release = Signed::sign(&control, &wire.pool().network(), release(&lease));
            let wire = wire.clone();
            releases.spawn(async move {
                if let Err(error) = wire.release(lease.by(), &release).await {
                    tracing::warn!(node = %lease.by().fmt_short(), %error, "a lease could not be released");
                }
            });
        }
        while releases.join_next().await.is_some() {}
    }
}

fn release(lease: &Signed<Lease>) -> Release {
    let body = lease.body();
    Release { id: body.id(), node: lease.by(), root: body.root(), seq: body.seq().next() }
}
