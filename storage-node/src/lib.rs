//! A storage node: keeps shards, serves verified slices of them, answers challenges, and looks for rot.
//!
//! [`Node::spawn`] runs one over a folder and an endpoint, as a [`NodeConfig`] says. What it acknowledges is
//! durable: a lease is signed only when the shard, its directory entry and its row in the index are. The folder's
//! layout is `docs/spec.md` section 16; the index can always be rebuilt from the files, leases included.
//!
//! A node cannot decrypt anything and knows no objects: all it sees are shards, leases, mandates, pointers, and
//! the records of other nodes, which it exchanges with them. Who is admitted is a list of keys. A node that sells what is
//! read counts it, and keeps the vouchers that pay for it; whoever runs it hands them to the ledger.

mod audits;
mod check;
mod claims;
mod clock;
mod committer;
mod config;
mod disk;
mod download;
mod egress;
pub mod entry;
mod index;
mod key;
mod layout;
mod membership;
mod metrics;
mod node;
mod pay;
mod rows;
mod scrub;
mod serve;
mod stats;
mod store;
mod upkeep;
mod upload;
mod verdicts;

#[cfg(test)]
mod simulated_disk;

pub use check::{FolderReport, check_folder};
pub use clock::Clock;
pub use config::{AdmissionPolicy, NodeConfig, Scrub, Selling};
pub use disk::OpenDirError;
pub use key::NodeKeyError;
pub use membership::{RekeyError, rekey};
pub use node::{Node, SpawnNodeError};
pub use pay::{KeptVoucher, kept_vouchers};
pub use stats::{NodeStats, StatsReader};
pub use verdicts::kept_verdicts;
