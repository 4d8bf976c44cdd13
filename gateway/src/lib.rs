//! HTTP in front of the network: verified ranges, uploads, metrics.

mod disposition;
mod handles;
mod limits;
mod problem;
mod rfc9110;

pub use limits::ClientLimit;
