//! What to do next, and when: the steward's decisions, without doing them.
//!
//! A [`Plan`] owns no socket, no file and no clock, and draws its randomness from a seed. Whoever performs it hands in
//! events with the time at which they happened, saves what has changed, performs the actions, and comes back at
//! [`Plan::wake_at`] at the latest. After a restart a plan over what was saved goes on where the old one was: what was
//! under way then counts as never begun.

mod agenda;
mod dice;
mod holdings;
mod judging;
mod leases;
mod message;
mod moves;
mod object;
mod places;
mod plan_state;
mod results;
mod rules;
mod score;
mod survey;
mod threshold;
mod warnings;

#[cfg(test)]
mod plan_tests;

pub use judging::{Judgement, judge};
pub use message::{Action, Ending, Event, Finding, MoveEnd, RepairEnd};
pub use object::{Found, Leases, Object, PartCare, Place, Repair, Unit};
pub use places::{Misplaced, Nodes, Reason, Settled, Welcome, misplaced};
pub use plan_state::Plan;
pub use rules::Rules;
pub use score::{Fault, NodeCare, Score, Standing};
pub use threshold::unit_threshold;
pub use warnings::{WARN_DAYS, Warned};
