//! An S3 subset on the owner's own machine: the folders at the top of the account's index are buckets.
//!
//! ```text
//! put     body → hashed (intake) → client.put → order → writer: journal, fsync, network → answer
//! get     key → view of the index → object → verified cells → body
//! list    view → pages (pure)
//! upload  parts → sealed in the spool → all of them → client.put → order
//! ```
//!
//! Keys stay here: nodes see ciphertext alone. One [`Server`] writes the index for all its clients; changes that come
//! together share one push to the network, and none is acknowledged before it is durable here and at enough nodes.
//! `docs/s3.md` says which operations are served; all others answer `NotImplemented`.
//!
//! The crate knows no buckets of others, no versions and no access lists: everything is its owner's.

mod address;
mod admission;
mod attributes;
mod body;
mod clock;
mod conditions;
mod credentials;
mod intake;
mod listing;
mod orders;
mod server;
mod service;
mod shelf;
mod spool;
mod stall;
mod storage;
mod trouble;
mod turns;
mod view;
mod writer;

pub use credentials::Credentials;
pub use server::{Server, ServerConfig, StartError};
