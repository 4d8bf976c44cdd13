//! What has to stay: asked at the one place where the index is changed, so that nobody who changes it can forget.

use std::slice;

use protocol::UnixSeconds;
use sharing::{AccountIndex, EntryName, Hold, IndexPath};

use crate::local::Change;

/// A name that may not be taken away, and the hold that keeps it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} has to stay: {held} is held{}", words(hold))]
pub struct Held {
    /// What was to be removed, moved or replaced.
    pub path: IndexPath,
    /// What is held: this path, a folder that it is in, or something in it.
    pub held: IndexPath,
    /// Until when, and why.
    pub hold: Hold,
}

impl Held {
    /// Fails where one of these paths has to stay now.
    pub fn check<'a>(
        index: &AccountIndex,
        paths: impl IntoIterator<Item = &'a IndexPath>,
        now: UnixSeconds,
    ) -> Result<(), Self> {
        let mut refusals = paths.into_iter().filter_map(|path| {
            let found = index.hold_over(path, now)?;
            Some(Self { path: path.clone(), held: found.0.clone(), hold: found.1.clone() })
        });
        refusals.next().map_or(Ok(()), Err)
    }
}

impl Change {
    /// What has to be free for it: the names that stand for something else afterwards, or for nothing.
    pub(crate) fn takes<'a>(&'a self, index: &AccountIndex) -> &'a [IndexPath] {
        let (path, is_taken) = match self {
            Self::Records { taken, .. } => return taken,
            Self::File(path, new) => (path, index.file(path).is_some_and(|old| old.object != new.object)),
            Self::Gone(EntryName::File(path), _) => (path, index.file(path).is_some()),
            Self::Gone(EntryName::Folder(path), _) => (path, index.folder(path).is_some()),
            _ => return &[],
        };
        if is_taken { slice::from_ref(path) } else { &[] }
    }
}

fn words(hold: &Hold) -> String {
    let until = hold.until().map(|until| format!(" until {until}"));
    let legal = hold.legal().map(|reason| format!(" for a matter at law ({})", reason.as_str()));
    until.into_iter().chain(legal).collect()
}
