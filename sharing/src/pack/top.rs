//! The top of a pack: which names each index block begins with.

use std::ops::Range;

use proofs::canonical;
use serde::{Deserialize, Serialize};

use super::error::check_len;
use super::seal::{self, Sealed, TAG_LEN};
use super::{PACK_BLOCK_LEN_MAX, PACK_RECORDS_LEN_MAX, PackError, PackRef};
use crate::IndexPath;

/// Longest top, sealed, in bytes.
pub const PACK_TOP_LEN_MAX: usize = 2_097_152;

/// Where the parts of a pack lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackTop {
    records_len: u64,
    blocks: Vec<BlockPlace>,
}

/// Where an index block lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockPlace {
    /// Its number, from 0.
    pub number: u32,
    /// The first name in it.
    pub first: IndexPath,
    /// Its sealed bytes in the pack.
    pub range: Range<u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Fields {
    pub(super) blocks: Vec<(String, u32)>,
    pub(super) records: u64,
}

impl PackTop {
    /// Bytes of all sealed records together: they lie at the start of the pack.
    pub const fn records_len(&self) -> u64 {
        self.records_len
    }

    /// The index blocks, ascending by name.
    pub fn blocks(&self) -> &[BlockPlace] {
        &self.blocks
    }

    /// All index blocks, which follow each other.
    pub fn index_range(&self) -> Range<u64> {
        self.records_len..self.blocks.last().map_or(self.records_len, |last| last.range.end)
    }

    /// The one block in which this name can be.
    pub fn block_of(&self, name: &IndexPath) -> Option<&BlockPlace> {
        let after = self.blocks.partition_point(|block| block.first <= *name);
        self.blocks.get(after.checked_sub(1)?)
    }
}

impl PackRef {
    /// Opens the top, as its bytes were read from [`PackRef::top_range`].
    pub fn open_top(&self, sealed: &[u8]) -> Result<PackTop, PackError> {
        check_len(sealed, &self.top_range())?;
        let plain = seal::open(&self.key().index_key(), Sealed::Top, sealed).ok_or(PackError::Key)?;
        let Fields { blocks, records } = canonical::from_slice(&plain, PACK_TOP_LEN_MAX)?;
        let top = self.top_range().start;
        if records > PACK_RECORDS_LEN_MAX {
            return Err(PackError::Extent { end: records, top });
        }
        let blocks = placed(blocks, records)?;
        let first = blocks.first().ok_or(PackError::Empty)?;
        if first.first != *self.first() {
            return Err(PackError::First { found: first.first.clone(), expected: self.first().clone() });
        }
        match blocks.last() {
            Some(last) if last.range.end != top => Err(PackError::Extent { end: last.range.end, top }),
            _ => Ok(PackTop { records_len: records, blocks }),
        }
    }
}

fn placed(fields: Vec<(String, u32)>, records_len: u64) -> Result<Vec<BlockPlace>, PackError> {
    let mut blocks: Vec<BlockPlace> = Vec::with_capacity(fields.len());
    let mut begin = records_len;
    for (number, (name, len)) in (0_u32..).zip(fields) {
        let place = number as usize;
        let first = IndexPath::new(name).map_err(|source| PackError::Name { number: place, source })?;
        if blocks.last().is_some_and(|last| last.first >= first) {
            return Err(PackError::Order { number: place });
        }
        if !(TAG_LEN..=PACK_BLOCK_LEN_MAX).contains(&(len as usize)) {
            return Err(PackError::Block { number: place, len: len.into() });
        }
        let end = begin + u64::from(len);
        blocks.push(BlockPlace { number, first, range: begin..end });
        begin = end;
    }
    Ok(blocks)
}
