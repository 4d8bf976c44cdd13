//! How far the signatures of a journal were verified here, so that a start does not verify all of them again.
//!
//! The hash of a head is over every byte before it. So whoever has verified a journal up to a head, and finds that head again,
//! knows its signatures. The head stands in a file, under a key that follows from the ledger's secret.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::Head;
use proofs::canonical;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{LedgerKeys, durable};

/// The file is written anew after so many entries.
const MARK_EVERY_ENTRIES: u64 = 65_536;
const MARK_LEN_MAX: usize = 256;

/// The file, and the head that stands in it.
#[derive(Debug)]
pub(crate) struct Verified {
    path: PathBuf,
    keys: LedgerKeys,
    head: Option<Head>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    head: Head,
    mac: ByteArray<32>,
}

impl Verified {
    /// What the file in this folder says; one that is missing, or that this ledger has not written, says nothing.
    pub(crate) fn open(folder: &Path, keys: &LedgerKeys) -> Self {
        let path = folder.join("verified");
        let head = fs::read(&path).ok().and_then(|bytes| {
            let Mark { head, mac } = canonical::from_slice(&bytes, MARK_LEN_MAX).ok()?;
            (blake3::Hash::from_bytes(*mac) == keys.mac(&canonical::to_vec(&head))).then_some(head)
        });
        Self { path, keys: keys.clone(), head }
    }

    /// Up to where everything was verified; `None` where nothing is known.
    pub(crate) const fn head(&self) -> Option<Head> {
        self.head
    }

    /// Whether so much was verified since that it is worth a write.
    pub(crate) fn is_due(&self, head: Head) -> bool {
        head.count >= self.head.map_or(0, |known| known.count) + MARK_EVERY_ENTRIES
    }

    /// Everything up to this head was verified. A mark that cannot be written costs time at the next start, and nothing else.
    pub(crate) fn mark(&mut self, head: Head) {
        if self.head == Some(head) {
            return;
        }
        let mac = ByteArray::new(*self.keys.mac(&canonical::to_vec(&head)).as_bytes());
        let bytes = canonical::to_vec(&Mark { head, mac });
        match durable::replace(&self.path, &bytes).and_then(|()| durable::sync_name(&self.path)) {
            Ok(()) => self.head = Some(head),
            Err(error) => tracing::warn!(path = %self.path.display(), %error, "cannot be written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::tlog::KeyName;
    use protocol::Digest;

    use super::*;
    use crate::LedgerSecret;

    fn keys(seed: u8) -> LedgerKeys {
        LedgerKeys::new(&LedgerSecret::from_bytes([seed; 32]), KeyName::new("ledger.example").unwrap())
    }

    #[test]
    fn a_mark_of_somebody_else_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let head = Head { count: 7, hash: Digest::from_bytes([1; 32]) };
        Verified::open(folder.path(), &keys(1)).mark(head);
        let open = |seed| Verified::open(folder.path(), &keys(seed)).head();
        assert_eq!((open(1), open(2)), (Some(head), None));
        let path = folder.path().join("verified");
        let mut bytes = fs::read(&path).unwrap();
        let count = bytes.iter().position(|byte| *byte == 7).unwrap();
        bytes[count] = 8;
        fs::write(&path, bytes).unwrap();
        assert_eq!(open(1), None);
    }
}
