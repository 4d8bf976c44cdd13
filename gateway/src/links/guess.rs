//! Attempts that cost: one is taken, durably, before anything is compared, and given back when it was right.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, Weak};

use sharing::LinkId;
use tokio::sync::Mutex;

use super::{LinkStoreError, Links, Taken};

/// Turns of links are looked through for those that nobody waits for when there are this many.
const TURNS_SWEPT_AT: usize = 256;

/// The turns at guessing, one for each link: whoever guesses at one link does not wait for those of another.
#[derive(Debug, Default)]
pub(super) struct Turns(std::sync::Mutex<HashMap<LinkId, Weak<Mutex<()>>>>);

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// It was right, and cost nothing.
    Right,
    /// It was wrong; so many are left, of those that are counted.
    Wrong {
        /// Attempts that are left; `None` where none are counted.
        remaining: Option<u32>,
    },
    /// Nothing was compared: no attempt is left.
    Locked,
}

impl Links {
    /// Takes an attempt at a link, then asks `is_right`, and gives the attempt back if it is.
    ///
    /// Guesses at one link wait for each other, so that of many right ones none finds the attempts taken by the others. What
    /// was begun ends even when nobody waits for it any more: whoever hangs up has used the attempt, or shown that it was right.
    pub async fn guess(
        &self,
        id: LinkId,
        is_right: impl Future<Output = bool> + Send + 'static,
    ) -> Result<Guess, LinkStoreError> {
        let links = self.clone();
        let guess = tokio::spawn(async move { links.guess_in_turn(id, is_right).await });
        guess.await.expect("a comparison does not panic")
    }

    async fn guess_in_turn(
        &self,
        id: LinkId,
        is_right: impl Future<Output = bool> + Send,
    ) -> Result<Guess, LinkStoreError> {
        let turn = self.turns.of(id);
        let _turn = turn.lock().await;
        let remaining = match self.store().take_attempt(id).await? {
            Taken::Left(remaining) => Some(remaining),
            Taken::Free => None,
            Taken::Spent => return Ok(Guess::Locked),
        };
        if !is_right.await {
            return Ok(Guess::Wrong { remaining });
        }
        if remaining.is_some() {
            self.store().give_back(id).await?;
        }
        Ok(Guess::Right)
    }
}

impl Turns {
    fn of(&self, id: LinkId) -> Arc<Mutex<()>> {
        // The table stays usable whatever panicked beside it.
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&id).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= TURNS_SWEPT_AT {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        turns.insert(id, Arc::downgrade(&turn));
        turn
    }
}
