//! One file per command: its arguments, what it does, and the form of its answer.

pub(crate) mod completions;
pub(crate) mod devnet;
pub(crate) mod nodes;
pub(crate) mod verify;
