//! Fragments: `moof` boxes, read and written.

mod read;
mod write;

pub use read::FragmentError;
pub(crate) use read::{Run, SampleDefaults, runs, stretched};
pub(crate) use write::segment_head;
