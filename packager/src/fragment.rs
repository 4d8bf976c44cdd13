//! Fragments: `moof` boxes, read and written.

mod read;
mod write;

pub(crate) use read::{FragmentError, Run, SampleDefaults, runs};
pub(crate) use write::segment_head;
