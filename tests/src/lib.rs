//! What the end-to-end tests are made of; nothing here is part of the product.
//!
//! [`harness`] is a network of real nodes in this process, which can be killed.
//! [`noise`] are publications of it, without a film.
//! [`liar`] is a node on a real endpoint that lies as it is told.
//! [`care`] is months of faults and stewards in virtual time, without bytes.
//! [`scale`] measures how placement and stewards grow.
//! [`sim`] is a whole network in one thread: virtual time, simulated nodes, the real plans and real bytes.

pub mod care;
pub mod harness;
pub mod liar;
pub mod noise;
pub mod scale;
pub mod sim;
