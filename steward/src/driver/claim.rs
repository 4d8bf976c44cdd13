//! The right to repair something, granted by more than half of its voters and prolonged while the work goes on.

use std::time::{Duration, Instant};

use client::{Client, Vote};
use futures_util::future::join_all;
use proofs::Root;
use protocol::{Mandate, PublicKey, Signed};

/// What is claimed, and of whom.
#[derive(Debug)]
pub(super) struct Claim {
    client: Client,
    mandate: Signed<Mandate>,
    subject: Root,
    seconds: u16,
    voters: Vec<PublicKey>,
}

/// How a vote went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The right is ours until then.
    Ours(Instant),
    /// Another one has it.
    Taken,
    /// Too few voters answered.
    Undecided,
}

impl Claim {
    pub(super) fn new(client: &Client, mandate: &Signed<Mandate>, subject: Root, seconds: u16) -> Self {
        let voters = client.voters(subject);
        Self { client: client.clone(), mandate: mandate.clone(), subject, seconds, voters }
    }

    /// Asks all voters. What was granted in vain is given back.
    pub(super) async fn ask(&self) -> Outcome {
        let asked = Instant::now();
        let votes = self.votes(self.seconds).await;
        match outcome(&votes) {
            Outcome::Ours(_) => Outcome::Ours(asked + self.holds_for()),
            other => {
                self.give_back().await;
                other
            }
        }
    }

    /// Keeps the right that holds until `until`; returns when it is lost.
    pub(super) async fn keep(&self, mut until: Instant) {
        loop {
            tokio::time::sleep(self.holds_for() / 3).await;
            let asked = Instant::now();
            let left = until.saturating_duration_since(asked);
            // Nobody who asks in vain gives anything back here: what is left of the right still counts.
            let votes = tokio::time::timeout(left, self.votes(self.seconds)).await.unwrap_or_default();
            if matches!(outcome(&votes), Outcome::Ours(_)) {
                until = asked + self.holds_for();
            }
            if until <= Instant::now() {
                return;
            }
        }
    }

    /// Lets others claim it.
    pub(super) async fn give_back(&self) {
        self.votes(0).await;
    }

    /// A tenth less than what voters grant: their clocks may run a little faster.
    fn holds_for(&self) -> Duration {
        Duration::from_millis(u64::from(self.seconds) * 900)
    }

    async fn votes(&self, seconds: u16) -> Vec<Vote> {
        let ask = |voter: &PublicKey| self.client.claim(*voter, self.subject, seconds, &self.mandate);
        join_all(self.voters.iter().map(ask)).await
    }
}

fn outcome(votes: &[Vote]) -> Outcome {
    let granted = votes.iter().filter(|vote| **vote == Vote::Granted).count();
    if 2 * granted > votes.len() {
        Outcome::Ours(Instant::now())
    } else if votes.contains(&Vote::Taken) {
        Outcome::Taken
    } else {
        Outcome::Undecided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_decide() {
        use Vote::{Granted, None, Taken};
        let is_ours = |votes: &[Vote]| matches!(outcome(votes), Outcome::Ours(_));
        assert!(is_ours(&[Granted, Granted, Taken]) && is_ours(&[Granted]));
        assert_eq!(outcome(&[Granted, Taken]), Outcome::Taken);
        assert_eq!(outcome(&[Granted, Granted, Taken, None]), Outcome::Taken);
        assert_eq!(outcome(&[Granted, None]), Outcome::Undecided);
        assert_eq!(outcome(&[]), Outcome::Undecided);
    }
}
