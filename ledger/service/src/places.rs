//! How much of what takes long is done at a time.

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
    batches: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        let [statements, strangers, batches] =
            [STATEMENTS_MAX, STRANGERS_STATEMENTS_MAX, BATCHES_MAX].map(Semaphore::new);
        Self { statements, strangers, batches }
    }
}

impl Places {
    /// A place to make a statement for a key, known or not, until it is dropped.
    pub(crate) fn statement(&self, is_known: bool) -> Result<StatementPlace<'_>, Problem> {
        let among = if is_known { None } else { Some(taken(&self.strangers, STATEMENTS)?) };
        Ok(StatementPlace { _among: among, _place: taken(&self.statements, STATEMENTS)? })
    }

    /// A place to take a batch, until it is dropped.
    pub(crate) fn batch(&self) -> Result<SemaphorePermit<'_>, Problem> {
        taken(&self.batches, "batches")
    }
}

/// One of the places for statements, and of a stranger one of theirs.
#[derive(Debug)]
pub(crate) struct StatementPlace<'a> {
    _among: Option<SemaphorePermit<'a>>,
    _place: SemaphorePermit<'a>,
}

const STATEMENTS: &str = "statements";

fn taken<'a>(places: &'a Semaphore, what: &str) -> Result<SemaphorePermit<'a>, Problem> {
    places.try_acquire().map_err(|_| Problem::new(Code::Busy, format!("too many {what} are made at once")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_place_comes_again() {
        let places = Places::default();
        let held: Vec<_> = (0..STATEMENTS_MAX).map(|_| places.statement(true).ok()).collect();
        assert!(held.iter().all(Option::is_some) && places.batch().is_ok());
        assert!([true, false].iter().all(|is_known| places.statement(*is_known).is_err()));
        drop(held);
        let stranger = places.statement(false);
        assert!(stranger.is_ok() && places.statement(false).is_err(), "strangers have one together");
        assert!(places.statement(true).is_ok());
        drop(stranger);
        assert!(places.statement(false).is_ok());
    }
}
