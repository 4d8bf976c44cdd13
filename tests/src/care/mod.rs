//! Months in the life of a network with stewards, in virtual time, and everything about it follows from one seed.
//!
//! The plans of `steward` are the real ones; placement is the real one, and so is the plan that finds places for what is
//! made again. What performs the plans here moves no bytes: a shard is there, rotten or gone.
//!
//! ```text
//! seed → Run (clock, queue) → faults → Network (nodes, what they keep, who hears whom)
//!                           → Keepers (one plan each) → looks, votes, places → checks
//! ```
//!
//! Nodes are offline, slow, full, wiped, spoilt, and lost for good; others join, leave after stewards have moved what they
//! have, or cannot make up their minds. The network falls into halves that do not hear each other. Clocks are wrong, and jump. Stewards are
//! killed in the middle of what they do, and started again from what they had saved. Several look after the same objects
//! and do not know of each other.
//!
//! Faults keep to one rule: a unit loses at most as many parts as it has to spare before a steward has said that it is
//! whole again. Then these must hold after every step: no unit ever loses what it takes to read it; what is called whole is
//! whole; no part is put into a failure domain that has another one of its segment; no part is made again while what
//! another steward has made is there for both to see; no part is moved beside another one. And when faults stop, leases do
//! not end, everything becomes whole, whoever leaves is emptied, no two shards of a segment are in one failure domain
//! while there is room, and nobody has anything left to do. [`Sabotage`] breaks each of them, to show that it is noticed.
//!
//! That nothing wrong is ever delivered takes bytes: [`crate::sim`] has them, and so has `notice`, where real shards
//! are audited until somebody notices that a few of their bytes are wrong.

mod checks;
mod clock;
mod faults;
mod keepers;
mod leaving;
mod moving;
mod network;
mod notice;
mod places;
mod report;
mod run;

pub use notice::{Corruption, hours_until_noticed};
pub use report::{Report, Sabotage, Trouble};
pub use run::run;
