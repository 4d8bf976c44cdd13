//! Walking through the entries of a shard file or pack.

use std::io;

use crate::disk::DiskFile;
use crate::entry::{Entry, HEADER_LEN, Header};
use crate::layout::PackId;
use crate::rows::Spot;

/// An entry and where it was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) entry: Entry,
    pub(crate) offset: u64,
    /// Length of the whole entry.
    pub(crate) len: u64,
}

impl Found {
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.len
    }

    pub(crate) fn spot(&self, pack: PackId) -> Spot {
        Spot { pack, offset: self.offset, len: self.len }
    }
}

/// The entry at `offset`; `None` where the entries end, or where one begins that does not match its check.
pub(crate) fn entry_at(file: &dyn DiskFile, offset: u64, file_len: u64) -> io::Result<Option<Found>> {
    if offset + HEADER_LEN as u64 > file_len {
        return Ok(None);
    }
    let mut header = [0; HEADER_LEN];
    file.read_at(offset, &mut header)?;
    let Ok(header) = Header::decode(&header) else { return Ok(None) };
    let len = header.entry_len();
    if offset + len > file_len {
        return Ok(None);
    }
    let mut head = vec![0; header.head_len()];
    file.read_at(offset + HEADER_LEN as u64, &mut head)?;
    Ok(header.decode_head(&head).ok().map(|entry| Found { entry, offset, len }))
}
