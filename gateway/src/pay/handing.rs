//! How receipts come to the ledger: in batches, and those that it refuses again later.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use protocol::UnixSeconds;
use tokio::time::timeout;

use super::ledger::LedgerError;
use super::store::{StreamKey, Waiting};
use super::till::Till;
use crate::gateway::now;

/// Receipts that are handed to the ledger at once.
const BATCH_MAX: usize = 1024;
/// How long the last receipts may take when the gateway ends.
const LAST_WITHIN: Duration = Duration::from_secs(10);
/// What the ledger says of bytes that will never be a record, and of receipts whose epoch it has settled; everything else may change
/// while the grant is known.
const NEVER: [&str; 2] = ["bad_record", "settled"];
/// After the first refusal a receipt is handed in again so much later, and after each one twice as late.
const AGAIN_AFTER_S: u64 = 10;
/// The longest such time.
const AGAIN_AFTER_MAX_S: u64 = 3600;
/// Refused receipts that are remembered; what comes to more is forgotten, and handed in again at once.
const DEFERRED_MAX: usize = 100_000;

/// Which receipts the ledger has refused, and when they are handed in again. No clock.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    again: HashMap<StreamKey, Again>,
}

#[derive(Debug, Clone, Copy)]
struct Again {
    at: UnixSeconds,
    after_s: u64,
}

/// Why receipts were not handed over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandOverError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the receipts cannot be read: {0}")]
    Store(#[from] redb::Error),
}

impl Deferred {
    fn is_due(&self, key: &StreamKey, now: UnixSeconds) -> bool {
        self.again.get(key).is_none_or(|again| again.at <= now)
    }

    fn refused(&mut self, key: StreamKey, now: UnixSeconds) {
        if self.again.len() >= DEFERRED_MAX {
            self.again.clear();
        }
        let before = self.again.get(&key).map(|again| again.after_s);
        let after_s = before.map_or(AGAIN_AFTER_S, |before| (2 * before).min(AGAIN_AFTER_MAX_S));
        self.again.insert(key, Again { at: now.plus(after_s), after_s });
    }

    fn taken(&mut self, key: &StreamKey) {
        self.again.remove(key);
    }
}

impl Till {
    /// Hands what waits and is due to the ledger; how many records that were. What it refuses waits on, until it is
    /// swept after the end of its grant, unless it is refused for good.
    pub(crate) async fn hand_over(&self) -> Result<usize, HandOverError> {
        let due = self.clone();
        let is_due = move |key: &StreamKey| due.deferred(|deferred| deferred.is_due(key, now()));
        let waiting = self.blocking(move |store| store.waiting(BATCH_MAX, is_due)).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let records = waiting.iter().map(|receipt| receipt.record.clone()).collect();
        let refused = self.shared.ledger.hand_over(records).await?.refused;
        let mut codes = HashMap::new();
        for refused in &refused {
            let (at, code, detail) = (refused.at, &refused.code, &refused.detail);
            tracing::warn!(at, code, detail, "a receipt is refused");
            codes.insert(at, code.as_str());
        }
        let len = waiting.len();
        let settled = self.deferred(|deferred| settle(deferred, waiting, &codes, now()));
        self.blocking(move |store| store.handed_over(&settled)).await?;
        Ok(len)
    }

    /// Hands over all that waits, before the gateway ends.
    pub(crate) async fn close(&self) {
        let all = async {
            while self.hand_over().await? > 0 {}
            Ok::<_, HandOverError>(())
        };
        match timeout(LAST_WITHIN, all).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "receipts wait for the next start"),
            Err(_) => tracing::warn!("receipts wait for the next start, since the ledger is slow"),
        }
    }

    fn deferred<T>(&self, work: impl FnOnce(&mut Deferred) -> T) -> T {
        work(&mut self.shared.deferred.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What need not be handed in again of what was refused with these codes, by place.
fn settle(
    deferred: &mut Deferred,
    handed: Vec<Waiting>,
    codes: &HashMap<usize, &str>,
    now: UnixSeconds,
) -> Vec<Waiting> {
    let mut settled = Vec::new();
    for (at, receipt) in handed.into_iter().enumerate() {
        if codes.get(&at).is_some_and(|code| !NEVER.contains(code)) {
            deferred.refused(receipt.key, now);
        } else {
            deferred.taken(&receipt.key);
            settled.push(receipt);
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

    fn handed() -> Vec<Waiting> {
        (0..3).map(|n| Waiting { key: [n; 17], record: vec![n] }).collect()
    }

    fn settled(deferred: &mut Deferred, codes: &[(usize, &'static str)], now: UnixSeconds) -> Vec<u8> {
        let codes = codes.iter().copied().collect();
        settle(deferred, handed(), &codes, now).iter().map(|receipt| receipt.key[0]).collect()
    }

    #[test]
    fn only_what_will_not_change_is_refused_for_good() {
        let mut deferred = Deferred::default();
        let codes = [(0, "refused"), (1, NEVER[0]), (2, NEVER[1]), (9, "refused")];
        assert_eq!(settled(&mut deferred, &codes, NOW), [1, 2]);
        let due = |at| [0, 1, 2].map(|key| deferred.is_due(&[key; 17], NOW.plus(at)));
        assert_eq!(due(AGAIN_AFTER_S - 1), [false, true, true]);
        assert_eq!(due(AGAIN_AFTER_S), [true; 3]);
    }

    #[test]
    fn each_refusal_doubles_the_time_until_the_next_one() {
        let mut deferred = Deferred::default();
        let mut now = NOW;
        for after in [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600] {
            assert_eq!(settled(&mut deferred, &[(0, "unavailable")], now), [1, 2]);
            assert!(!deferred.is_due(&[0; 17], now.plus(after - 1)), "{after}");
            now = now.plus(after);
            assert!(deferred.is_due(&[0; 17], now), "{after}");
        }
        assert_eq!(settled(&mut deferred, &[], now), [0, 1, 2]);
        assert!(deferred.again.is_empty());
    }
}
