//! A node and its clients over real QUIC on loopback.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod hostile;
mod house;
mod limits;
mod membership;
mod requests;
mod restart;
