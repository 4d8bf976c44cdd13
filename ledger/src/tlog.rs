//! The transparency log, as C2SP specifies it.

mod tree;

pub use tree::{Frontier, TreeHash};
