//! How much of what takes long is done at a time.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use ledger::KnownBy;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::problem::{Code, Problem};

/// Statements that are made at a time; each reads the log of whole epochs.
const STATEMENTS_MAX: usize = 2;
/// Those of them that are made for keys that never had money: whoever had some finds a place beside them.
const STRANGERS_STATEMENTS_MAX: usize = 1;
/// Batches whose signatures are verified, or that wait for the writer, at a time.
const BATCHES_MAX: usize = 16;

/// Who has no place comes again.
#[derive(Debug)]
pub(crate) struct Places {
    statements: Semaphore,
    strangers: Semaphore,
    /// Who has a place for a statement: each of them one.
    having: Mutex<BTreeSet<KnownBy>>,
    batches: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        let [statements, strangers, batches] =
            [STATEMENTS_MAX, STRANGERS_STATEMENTS_MAX, BATCHES_MAX].map(Semaphore::new);
        Self { statements, strangers, having: Mutex::default(), batches }
    }
}

impl Places {
    /// A place to make a statement for a key that is known in this way, or not, until it is dropped. Nobody has two, so that nobody
    /// keeps others from theirs.
    pub(crate) fn statement(&self, known_by: Option<KnownBy>) -> Result<StatementPlace<'_>, Problem> {
        let one = match known_by {
            None => One::Strangers(taken(&self.strangers, STATEMENTS)?),
            Some(key) => One::Known(self.one_of(key).ok_or_else(|| busy(STATEMENTS))?),
        };
        Ok(StatementPlace { _one: one, _place: taken(&self.statements, STATEMENTS)? })
    }

    fn one_of(&self, key: KnownBy) -> Option<OfKey<'_>> {
        let is_first = self.having.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        is_first.then_some(OfKey { having: &self.having, key })
    }

    /// A place to take a batch, until it is dropped.
    pub(crate) fn batch(&self) -> Result<SemaphorePermit<'_>, Problem> {
        taken(&self.batches, "batches")
    }
}

/// One of the places for statements, and the one that is its asker's.
#[derive(Debug)]
pub(crate) struct StatementPlace<'a> {
    _one: One<'a>,
    _place: SemaphorePermit<'a>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "they are held, and looked at by nobody")]
enum One<'a> {
    Known(OfKey<'a>),
    Strangers(SemaphorePermit<'a>),
}

/// The place of one key, until it is dropped.
#[derive(Debug)]
struct OfKey<'a> {
    having: &'a Mutex<BTreeSet<KnownBy>>,
    key: KnownBy,
}

impl Drop for OfKey<'_> {
    fn drop(&mut self) {
        self.having.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

const STATEMENTS: &str = "statements";

fn taken<'a>(places: &'a Semaphore, what: &str) -> Result<SemaphorePermit<'a>, Problem> {
    places.try_acquire().map_err(|_| busy(what))
}

fn busy(what: &str) -> Problem {
    Problem::new(Code::Busy, format!("too many {what} are made at once, or one for this key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> KnownBy {
        KnownBy::Own(protocol::SecretKey::from_bytes(&[seed; 32]).public())
    }

    #[test]
    fn whoever_finds_no_place_comes_again() {
        let places = Places::default();
        let first = places.statement(Some(key(1)));
        assert!(first.is_ok() && places.statement(Some(key(1))).is_err(), "one key has one place");
        let second = places.statement(Some(key(2)));
        assert!(second.is_ok() && places.batch().is_ok());
        assert!([None, Some(key(3))].into_iter().all(|known_by| places.statement(known_by).is_err()));
        assert!(places.statement(Some(key(3))).is_err(), "who found none has none");
        drop((first, second));
        let stranger = places.statement(None);
        assert!(stranger.is_ok() && places.statement(None).is_err(), "strangers have one together");
        assert!(
            places.statement(Some(key(3))).is_ok() && places.statement(Some(key(1))).is_ok(),
            "each after the other"
        );
        drop(stranger);
        assert!(places.statement(None).is_ok());
    }
}
