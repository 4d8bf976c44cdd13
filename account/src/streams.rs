//! Streams of devices (spec §32): their keys, and what is in a batch.

mod batch;
mod keys;

pub use batch::{Opened, Unopened};
pub use keys::StreamKeys;
