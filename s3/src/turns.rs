//! One at a time for each name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError, Weak};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// Those who have or wait for a turn, by what it is for.
#[derive(Debug, Default)]
pub(crate) struct Turns(Lock<HashMap<String, Weak<Mutex<()>>>>);

/// For as long as it is held, nobody else has the same turn.
#[derive(Debug)]
pub(crate) struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits until nobody else has it.
    pub(crate) async fn take(&self, name: &str) -> Turn {
        Turn { _guard: self.queue(name).lock_owned().await }
    }

    /// The turn, when nobody else has it or waits for it.
    pub(crate) fn take_now(&self, name: &str) -> Option<Turn> {
        self.queue(name).try_lock_owned().ok().map(|guard| Turn { _guard: guard })
    }

    fn queue(&self, name: &str) -> Arc<Mutex<()>> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|_, queue| queue.strong_count() > 0);
        if let Some(queue) = queues.get(name).and_then(Weak::upgrade) {
            return queue;
        }
        let queue = Arc::default();
        queues.insert(name.to_owned(), Arc::downgrade(&queue));
        queue
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_name_has_one_turn() {
        let turns = Turns::default();
        let one = turns.take("one").await;
        assert!(turns.take_now("one").is_none());
        assert!(turns.take_now("two").is_some());
        assert!(timeout(Duration::from_secs(9), turns.take("one")).await.is_err());
        drop(one);
        assert!(timeout(Duration::from_secs(9), turns.take("one")).await.is_ok());
        assert!(turns.take_now("two").is_some());
        assert_eq!(turns.0.lock().unwrap().len(), 1, "what nobody holds is forgotten");
    }
}
