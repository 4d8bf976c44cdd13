//! Reading a journal: all of it at the start, and what others have written since.

use std::time::{Duration, Instant};

use ledger::{Entry, EntryError, Head, Ledger, LogEntry, Terms};

use super::{ReplayError, Sequencer};
use crate::Schedule;
use crate::spread::spread;
use crate::state::{State, Step, Taken};
use crate::store::Store;

/// A service looks this often for what others have written, and before it refuses something.
pub(super) const FOLLOW_EVERY: Duration = Duration::from_millis(250);

/// The state that the whole journal leads to. Every signature is verified, but for those before the head that was `verified`:
/// where that is not a head of this journal, nothing is known of it, and it has to be read again without. What became public is
/// handed to `public`, in its order.
pub(crate) async fn replay<S: Store>(
    store: &mut S,
    (terms, schedule): (Terms, Schedule),
    verified: Option<Head>,
    mut public: impl FnMut(LogEntry),
) -> Result<State, ReplayError> {
    let mut state = State::new(terms, schedule);
    loop {
        let entries = store.read(state.ledger().head().count).await?;
        if entries.is_empty() {
            let head = state.ledger().head();
            return match verified {
                Some(known) if known.count > head.count => Err(not_those(known)),
                _ => Ok(state),
            };
        }
        let applied = tokio::task::block_in_place(|| apply(&mut state, &entries, verified))?;
        applied.into_iter().flat_map(|(_, entries)| entries).for_each(&mut public);
    }
}

/// Applies entries of the journal, all of which must be new.
fn apply(
    state: &mut State,
    entries: &[Vec<u8>],
    verified: Option<Head>,
) -> Result<Vec<(Step, Vec<LogEntry>)>, ReplayError> {
    let mut applied = Vec::with_capacity(entries.len());
    for (entry, bytes) in decode(state.ledger(), entries, verified).into_iter().zip(entries) {
        let number = state.ledger().head().count;
        let broken = |reason: String| ReplayError::Entry { number, reason };
        let mut step = Step::new(entry.map_err(|error| broken(error.to_string()))?);
        match state.apply(&mut step, bytes) {
            Ok(Taken::New(public)) => applied.push((step, public)),
            Ok(Taken::Known) => return Err(broken("it says nothing new".to_owned())),
            Err(error) => return Err(broken(error.to_string())),
        }
        let head = state.ledger().head();
        if let Some(known) = verified.filter(|known| known.count == head.count && *known != head) {
            return Err(not_those(known));
        }
    }
    Ok(applied)
}

/// Reads the next entries, on all cores; of those before a head that was `verified`, without their signatures.
fn decode(ledger: &Ledger, entries: &[Vec<u8>], verified: Option<Head>) -> Vec<Result<Entry, EntryError>> {
    let (network, from) = (ledger.terms().signed_for(), ledger.head().count);
    let known = verified.map_or(0, |head| head.count.saturating_sub(from));
    let (before, after) = entries.split_at(entries.len().min(usize::try_from(known).unwrap_or(usize::MAX)));
    let mut decoded = spread(before, |bytes| Entry::decode_verified_before(bytes, &network));
    decoded.extend(spread(after, |bytes| Entry::decode(bytes, &network)));
    decoded
}

fn not_those(verified: Head) -> ReplayError {
    ReplayError::NotThoseVerified { count: verified.count }
}

impl<S: Store> Sequencer<S> {
    /// Goes back to what is durable, and reads what others, or a write of unknown end, have added to it.
    pub(super) async fn find_end(&mut self) -> Result<(), ReplayError> {
        self.ahead = super::read(&self.shared).clone();
        self.catch_up().await.inspect_err(|error| tracing::error!(%error, "cannot read the journal"))?;
        self.is_lost = false;
        Ok(())
    }

    /// Looks for what others have written.
    pub(super) async fn look(&mut self) {
        self.followed = Instant::now();
        if self.is_lost {
            // It is said where it fails, and tried again.
            drop(self.find_end().await);
        } else if let Err(error) = self.catch_up().await {
            tracing::error!(%error, "cannot read the journal");
            self.is_lost = true;
        }
    }

    /// Reads to the end of the journal; true when there was something.
    pub(super) async fn catch_up(&mut self) -> Result<bool, ReplayError> {
        let mut is_new = false;
        loop {
            let entries = self.store.read(self.ahead.ledger().head().count).await?;
            if entries.is_empty() {
                return Ok(is_new);
            }
            is_new = true;
            tokio::task::block_in_place(|| {
                let applied = apply(&mut self.ahead, &entries, None)?;
                self.show(applied.into_iter().map(|(step, _)| step).collect(), &entries);
                Ok::<_, ReplayError>(())
            })?;
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Payee, PayoutAddress, Unit, What};
    use protocol::{NetworkId, SecretKey, Sequence, Signed, UnixSeconds};

    use super::*;
    use crate::RedbStore;

    const AT: UnixSeconds = UnixSeconds::new(1_800_000_000);

    fn terms() -> Terms {
        let key = SecretKey::from_bytes(&[1; 32]).public();
        Terms {
            issuer: key,
            network: NetworkId::from_bytes([1; 32]),
            treasury: key,
            unit: Unit::new("EUR").unwrap(),
        }
    }

    fn begin() -> (Terms, Schedule) {
        (terms(), Schedule { started: AT, epoch_s: 3600 })
    }

    /// An entry of which the signature is that of another one.
    fn unsigned(seq: u64) -> Vec<u8> {
        let signed = |seq| {
            let body =
                Payee { address: PayoutAddress::from_bytes([1; 20]), issued: AT, seq: Sequence::new(seq) };
            Entry {
                at: AT,
                what: What::Payee(Signed::sign(
                    &SecretKey::from_bytes(&[2; 32]),
                    &terms().signed_for(),
                    body,
                )),
            }
            .encode()
        };
        let (mut entry, other) = (signed(seq), signed(seq + 100));
        let place = entry.windows(6).position(|window| window == b"\x63sig\x58\x40").unwrap() + 6;
        entry[place..place + 64].copy_from_slice(&other[place..place + 64]);
        entry
    }

    /// Only below a head that was verified are signatures believed, and only when the journal has this head.
    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_verified_is_known_by_its_head_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = RedbStore::open(&folder.path().join("journal"), &terms()).unwrap();
        let (empty, entries) = (Head::of(&terms()), [unsigned(1), unsigned(2)]);
        store.append_if(empty, &entries).await.unwrap();
        let (first, both) = (empty.after(&entries[0]), empty.after(&entries[0]).after(&entries[1]));

        let state = replay(&mut store, begin(), Some(both), drop).await.unwrap();
        assert_eq!(state.ledger().head(), both);
        for (verified, number) in [(None, 0), (Some(empty), 0), (Some(first), 1)] {
            let error = replay(&mut store, begin(), verified, drop).await.unwrap_err();
            assert!(matches!(error, ReplayError::Entry { number: at, .. } if at == number), "{error}");
        }
        let beyond = both.after(b"more");
        for other in [Head { count: 2, ..first }, Head { count: 1, ..both }, beyond] {
            let error = replay(&mut store, begin(), Some(other), drop).await.unwrap_err();
            assert!(matches!(error, ReplayError::NotThoseVerified { .. }), "{error}");
        }
    }
}
