//! One file per command: its arguments, what it does, and the form of its answer.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod deny;
pub(crate) mod devnet;
pub(crate) mod durability;
pub(crate) mod export;
pub(crate) mod gateway;
pub(crate) mod get;
pub(crate) mod ls;
pub(crate) mod mandate;
pub(crate) mod mv;
pub(crate) mod node;
pub(crate) mod node_status;
pub(crate) mod nodes;
pub(crate) mod publications;
pub(crate) mod publish;
pub(crate) mod put;
pub(crate) mod repair;
pub(crate) mod rm;
pub(crate) mod s3;
pub(crate) mod stat;
pub(crate) mod steward;
mod telling;
pub(crate) mod ticket;
pub(crate) mod verify;
