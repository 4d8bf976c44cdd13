//! Index blocks: names in order, and where their records lie.

use std::ops::Range;

use proofs::canonical;

use super::error::check_len;
use super::seal::{self, Sealed, TAG_LEN};
use super::{BlockPlace, PackError, PackRef, PackTop};
use crate::IndexPath;

/// Longest index block, sealed, in bytes.
pub const PACK_BLOCK_LEN_MAX: usize = 16_384;

/// Where a record lies in its pack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordPlace {
    /// The first byte of the sealed record.
    pub at: u64,
    /// Bytes of the record itself.
    pub len: u32,
}

/// The names and places in one block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexBlock(Vec<(IndexPath, RecordPlace)>);

/// An entry as CBOR has it.
pub(super) type Fields = (String, u64, u32);

impl RecordPlace {
    /// The bytes of the sealed record in the pack.
    pub const fn range(self) -> Range<u64> {
        self.at..self.at + self.len as u64 + TAG_LEN as u64
    }
}

impl IndexBlock {
    /// The entries, ascending by name.
    pub fn entries(&self) -> &[(IndexPath, RecordPlace)] {
        &self.0
    }

    /// The entries, to be kept.
    pub fn into_entries(self) -> Vec<(IndexPath, RecordPlace)> {
        self.0
    }

    /// Where the record with this name lies.
    pub fn find(&self, name: &IndexPath) -> Option<RecordPlace> {
        let place = self.0.binary_search_by(|(known, _)| known.cmp(name)).ok()?;
        Some(self.0[place].1)
    }
}

impl PackRef {
    /// Opens the index block that lies at `place`, as its bytes were read from there.
    pub fn open_block(
        &self,
        top: &PackTop,
        place: &BlockPlace,
        sealed: &[u8],
    ) -> Result<IndexBlock, PackError> {
        check_len(sealed, &place.range)?;
        let what = Sealed::Block(place.number);
        let plain = seal::open(&self.key().index_key(), what, sealed).ok_or(PackError::Key)?;
        let fields: Vec<Fields> = canonical::from_slice(&plain, PACK_BLOCK_LEN_MAX)?;
        let entries = checked(fields, top.records_len())?;
        self.check_bounds(top, place, &entries)?;
        Ok(IndexBlock(entries))
    }

    /// A block has the names from its own first one up to the next block's.
    fn check_bounds(
        &self,
        top: &PackTop,
        place: &BlockPlace,
        entries: &[(IndexPath, RecordPlace)],
    ) -> Result<(), PackError> {
        let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else {
            return Err(PackError::Empty);
        };
        if *first != place.first {
            return Err(PackError::First { found: first.clone(), expected: place.first.clone() });
        }
        let fits = match top.blocks().get(place.number as usize + 1) {
            Some(next) => *last < next.first,
            None => last == self.last(),
        };
        if fits { Ok(()) } else { Err(PackError::Last { found: last.clone() }) }
    }
}

fn checked(fields: Vec<Fields>, records_len: u64) -> Result<Vec<(IndexPath, RecordPlace)>, PackError> {
    let mut entries: Vec<(IndexPath, RecordPlace)> = Vec::with_capacity(fields.len());
    for (number, (name, at, len)) in fields.into_iter().enumerate() {
        let name = IndexPath::new(name).map_err(|source| PackError::Name { number, source })?;
        if entries.last().is_some_and(|(last, _)| *last >= name) {
            return Err(PackError::Order { number });
        }
        let end = at.checked_add(u64::from(len) + TAG_LEN as u64);
        if end.is_none_or(|end| end > records_len) {
            return Err(PackError::Place { number });
        }
        entries.push((name, RecordPlace { at, len }));
    }
    Ok(entries)
}
