//! What can go wrong below the store.

use std::io;

use protocol::{Code, Refusal};

use crate::index::{IndexError, is_full};
use crate::layout::{FileName, Folder};

/// Why the store could not do something, through no fault of the one who asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("no room: {needed} bytes needed, {free} bytes left")]
    Full { needed: u64, free: u64 },
    #[error("cannot {doing} {what}: {source}")]
    Disk { doing: &'static str, what: String, source: io::Error },
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("the shard is longer than the {max} bytes that were announced")]
    LongerThanAnnounced { max: u64 },
    #[error("the shard is empty")]
    Empty,
}

impl StoreError {
    pub(crate) fn disk(doing: &'static str, name: FileName, source: io::Error) -> Self {
        Self::Disk { doing, what: name.to_string(), source }
    }

    pub(crate) fn folder(doing: &'static str, folder: Folder, source: io::Error) -> Self {
        Self::Disk { doing, what: format!("the folder {}", folder.path().display()), source }
    }

    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Disk { source, .. } => is_full(source),
            Self::Index(error) => error.is_full(),
            Self::LongerThanAnnounced { .. } | Self::Empty => false,
        }
    }

    /// What the peer is told. Details of the node's own faults stay in its log.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            error if error.is_full() => Refusal::new(Code::Full, "the node has no room"),
            Self::LongerThanAnnounced { .. } | Self::Empty => {
                Refusal::new(Code::BadRequest, self.to_string())
            }
            _ => Refusal::new(Code::Internal, "the node's store failed"),
        }
    }
}
