//! Seeded fuzzing on stable Rust: what the fuzz targets of all crates share. For tests alone.
//!
//! [`fuzz`] runs a case with one seed after the other; [`Random`] draws from a seed, and damages bytes. The crate
//! knows none of ours, so that the lowest of them can use it.

mod random;
mod run;

pub use random::Random;
pub use run::fuzz;
