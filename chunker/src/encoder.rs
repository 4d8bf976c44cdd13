//! Plaintext in, blocks of sealed cells and parity out: one pass, constant memory (spec §2 to §4).

use std::fmt;
use std::mem;
use std::sync::Arc;

use bytes::Buf;

use crate::block::{Coder, PlainBlock};
use crate::{CellSize, Coding, ContentKey, Geometry, GeometryError, ObjectKeys, Padding, Salt};

/// Cuts a plaintext of unknown length into blocks of about 1 MiB.
///
/// ```text
/// push(bytes) → PlainBlock …  finish() → Ending → PlainBlock …       cheap, in order
///                    └─ seal() → Block                               the work: many at once, on any thread
/// ```
pub struct Encoder {
    coding: Coding,
    padding: Padding,
    key: ContentKey,
    salt: Salt,
    filling: PlainBlock,
    len: u64,
}

impl Encoder {
    /// An encoder of one object. `key` and `salt` MUST never have been used for another one.
    pub fn new(coding: Coding, padding: Padding, key: ContentKey, salt: Salt) -> Self {
        // Whether the object is small enough for smaller cells is known at the end of its first stripe at the earliest;
        // until then it is laid out like any other.
        let coder = Coder::new(coding, &ObjectKeys::derive(&key, &salt, CellSize::LARGEST));
        Self { coding, padding, key, salt, filling: PlainBlock::first(Arc::new(coder)), len: 0 }
    }

    /// Takes bytes from `input` until it is empty (`None`), or until a block is complete: then call again with the rest.
    ///
    /// A full block is held back until there is a byte after it, since the last cell of an object is sealed as such.
    pub fn push(&mut self, input: &mut impl Buf) -> Result<Option<PlainBlock>, GeometryError> {
        self.len += self.filling.fill(input);
        if !input.has_remaining() {
            return Ok(None);
        }
        let next = self.filling.successor();
        Geometry::new(self.coding, CellSize::LARGEST, next.end_cell() + 1)?;
        Ok(Some(mem::replace(&mut self.filling, next)))
    }

    /// Ends the object; what is left of it comes out of the [`Ending`].
    pub fn finish(self) -> Result<Ending, GeometryError> {
        let geometry = Geometry::for_len(self.coding, self.len, self.padding)?;
        let mut block = self.filling;
        if geometry.cell_size() < CellSize::LARGEST {
            let keys = ObjectKeys::derive(&self.key, &self.salt, geometry.cell_size());
            block = block.laid_out_again(Arc::new(Coder::new(self.coding, &keys)));
        }
        Ok(Ending { geometry, len: self.len, block: Some(block) })
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("coding", &self.coding)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// The last blocks of an object: what was not full yet, and then the padding, which is made as it is asked for.
#[derive(Debug)]
pub struct Ending {
    geometry: Geometry,
    len: u64,
    block: Option<PlainBlock>,
}

impl Ending {
    /// The shape of the whole object.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// `L`: the exact length of the object in bytes.
    pub const fn object_len(&self) -> u64 {
        self.len
    }
}

impl Iterator for Ending {
    type Item = PlainBlock;

    fn next(&mut self) -> Option<PlainBlock> {
        let mut block = self.block.take()?;
        block.fill_with_zeros(self.geometry.cells());
        if block.end_cell() == self.geometry.cells() {
            block.close();
        } else {
            self.block = Some(block.successor());
        }
        Some(block)
    }
}

#[cfg(test)]
#[path = "encoder_tests.rs"]
mod tests;
