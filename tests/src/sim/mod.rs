//! A network that exists only in virtual time, and everything about it follows from one seed.
//!
//! Nodes keep real shards, made by the real encoder, and answer with real slices, or with whatever liars send.
//! The plans of `client` are the real ones; what performs them here verifies with the real decoder, rebuilds and
//! opens with the real chunker, and compares every byte with what was put. Nothing reads a clock, and no
//! randomness comes from anywhere but the seed: a run can be repeated exactly.
//!
//! ```text
//! seed → Scenario → World (clock, queue, nodes, calls) ⇄ tasks (one performer per plan) → Verdict
//! ```
//!
//! What is not simulated: QUIC itself (congestion, handshakes beyond one round trip) and a node's disk format.

mod auditing;
mod calls;
mod dice;
mod faults;
mod fetch;
mod node;
mod object;
mod opening;
mod placing;
mod putting;
mod queue;
mod reading;
mod rebuilding;
mod repairing;
mod run;
mod scenario;
mod storing;
mod trace;
mod transfer;
mod violation;
mod world;

pub(crate) use dice::Dice;
pub use run::{Report, Trouble, run};
pub(crate) use trace::Trace;
pub use trace::Verbosity;
pub use violation::{Sabotage, Violation};
