//! The transparency log as files: what is public of the journal, and nothing besides (spec §25). The files follow from the
//! journal alone, so whatever of them is lost is written again.

mod files;
mod publisher;
mod tree;

pub use self::files::LogError;
pub(crate) use self::files::LogFiles;
pub(crate) use self::publisher::{Newest, Published, Publisher, Waiting, judged};
pub(crate) use self::tree::LogTree;
