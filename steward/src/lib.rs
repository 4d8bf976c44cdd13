//! What keeps objects whole while their owner does nothing.
//!
//! * [`durability`] says how long data lasts under given assumptions: it sets the usual coding and when repair begins.

pub mod durability;
