//! A node and its clients over real QUIC on loopback.

mod hostile;
mod house;
mod limits;
mod requests;
mod restart;
