//! How much of what takes long is done at a time.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::problem::{Code, Problem};

/// Statements that are made at a time; each reads the log of whole epochs.
const STATEMENTS_MAX: usize = 2;
/// Batches whose signatures are verified, or that wait for the writer, at a time.
const BATCHES_MAX: usize = 16;

/// Who has no place comes again.
#[derive(Debug)]
pub(crate) struct Places {
    statements: Semaphore,
    batches: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        Self { statements: Semaphore::new(STATEMENTS_MAX), batches: Semaphore::new(BATCHES_MAX) }
    }
}

impl Places {
    /// A place to make a statement, until it is dropped.
    pub(crate) fn statement(&self) -> Result<SemaphorePermit<'_>, Problem> {
        taken(&self.statements, "statements")
    }

    /// A place to take a batch, until it is dropped.
    pub(crate) fn batch(&self) -> Result<SemaphorePermit<'_>, Problem> {
        taken(&self.batches, "batches")
    }
}

fn taken<'a>(places: &'a Semaphore, what: &str) -> Result<SemaphorePermit<'a>, Problem> {
    places.try_acquire().map_err(|_| Problem::new(Code::Busy, format!("too many {what} are made at once")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_place_comes_again() {
        let places = Places::default();
        let held: Vec<_> = (0..STATEMENTS_MAX).map(|_| places.statement().ok()).collect();
        assert!(held.iter().all(Option::is_some) && places.statement().is_err() && places.batch().is_ok());
        drop(held);
        assert!(places.statement().is_ok());
    }
}
