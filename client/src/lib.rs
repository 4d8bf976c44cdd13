//! Put, get, audit and repair over a Headwater network.
//!
//! [`plan`] decides, without input or output.
#![recursion_limit = "256"]

pub mod health;
mod moment;
pub mod placement;
pub mod plan;

pub use moment::Moment;
