//! Streams of devices as commands use them: what this machine knows of them, and what is asked of their gateways.

mod api;
mod device_file;
mod index;
mod kept;

pub(crate) use api::{inquire, register};
pub(crate) use device_file::device_file;
pub(crate) use index::{announce, learn, tell};
pub(crate) use kept::{KeptStream, KeptStreams};
