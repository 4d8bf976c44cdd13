//! SMART Health Links at a gateway (spec §28): what it keeps in memory of them.

mod desk;

pub(crate) use desk::{HealthDesk, Location};
