//! What happens by itself: collecting what has ended, compacting packs, writing down the month's traffic and what readers owe.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::egress::Month;
use crate::layout::PackId;
use crate::pay::Sale;
use crate::serve::Service;
use crate::store::Job;

/// Rounds without end; the task is aborted.
pub(crate) async fn run(service: Arc<Service>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut noted = service.month();
    let mut unreadable = Vec::new();
    loop {
        ticks.tick().await;
        note_egress(&service, &mut noted).await;
        note_unpaid(&service).await;
        let worker = service.clone();
        let packs = std::mem::take(&mut unreadable);
        unreadable = spawn_blocking(move || tidy(&worker, packs)).await.unwrap_or_default();
    }
}

/// Writes down what was sent in this month, if that has changed.
pub(crate) async fn note_egress(service: &Service, noted: &mut Month) {
    let month = service.month();
    if month != *noted {
        let job = Job::NoteEgress { month: month.number, bytes: month.sent };
        match service.committer.commit(job).await {
            Ok(_) => *noted = month,
            Err(refusal) => tracing::warn!(%refusal, "cannot write down the month's traffic"),
        }
    }
}

/// Writes down what readers owe, where reads are sold.
pub(crate) async fn note_unpaid(service: &Arc<Service>) {
    let worker = service.clone();
    let written = spawn_blocking(move || worker.sale.as_deref().map_or(Ok(()), Sale::note_unpaid)).await;
    if let Ok(Err(error)) = written {
        tracing::error!(%error, "cannot write down what readers owe");
    }
}

/// Returns the packs that cannot be compacted.
fn tidy(service: &Service, mut unreadable: Vec<PackId>) -> Vec<PackId> {
    let now = service.clock.now();
    loop {
        match service.store.collect(now) {
            Ok((count, more)) => {
                service.counts.collected.add(count as u64);
                if !more {
                    break;
                }
            }
            Err(error) => {
                tracing::error!(%error, "cannot collect what has ended");
                break;
            }
        }
    }
    loop {
        match service.store.compact_one(&unreadable) {
            Ok(Some(pack)) => unreadable.push(pack),
            Ok(None) => return unreadable,
            Err(error) => {
                tracing::error!(%error, "cannot compact a pack");
                return unreadable;
            }
        }
    }
}

impl Service {
    pub(crate) fn month(&self) -> Month {
        *self.egress.month.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
