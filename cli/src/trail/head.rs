//! Where a trail ended when it was last written to, in a file beside it: what lies before that is never cut off.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use protocol::{Digest, Sequence};
use sharing::TrailHead;

use crate::folders;

/// Bytes of the file: two numbers and a hash.
const LEN: usize = 8 + 8 + 32;

/// The end of a trail: what was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommittedEnd {
    /// Bytes of the trail.
    pub(super) bytes: u64,
    pub(super) head: TrailHead,
}

impl CommittedEnd {
    /// What stands beside the trail with this path; none where it was never written to.
    pub(super) fn read(trail: &Path) -> anyhow::Result<Option<Self>> {
        let path = beside(trail);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let Ok(bytes) = <[u8; LEN]>::try_from(bytes.as_slice()) else {
            bail!("{} has {} bytes, not {LEN}: it is damaged", path.display(), bytes.len());
        };
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let last = Digest::from_bytes(bytes[16..].try_into().expect("the rest has 32 bytes"));
        let head = TrailHead { entries: Sequence::new(number(8)), last };
        Ok(Some(Self { bytes: number(0), head }))
    }

    /// Puts it beside the trail; it is durable when this returns.
    pub(super) fn write(&self, trail: &Path) -> io::Result<()> {
        let entries = self.head.entries.get().to_le_bytes();
        let bytes = [&self.bytes.to_le_bytes()[..], &entries, self.head.last.as_bytes()].concat();
        folders::write_privately(&beside(trail), &bytes)?;
        folders::sync_folder_of(trail)
    }
}

fn beside(trail: &Path) -> PathBuf {
    trail.with_extension("head")
}
