//! Months in the life of a network with stewards, in virtual time, and everything about it follows from one seed.
//!
//! The plans of `steward` are the real ones; placement is the real one. What performs the plans here moves no bytes:
//! a shard is there, rotten or gone. Nodes are offline, wiped, spoilt and lost for good; stewards are cut off from
//! nodes, killed in the middle of what they do, and started again from what they had saved. Several look after the same
//! objects and do not know of each other.
//!
//! Faults keep to one rule: a unit loses at most as many parts as it has to spare before a steward has said that it is
//! whole again. Then these must hold: no unit ever loses what it takes to read it; no part is made again while what
//! another steward has made is there for both to see; leases do not end; and when faults stop, everything becomes whole
//! and nobody has anything left to do.

mod keepers;
mod network;
mod run;

pub use run::{Report, Trouble, run};
