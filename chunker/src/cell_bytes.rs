//! Sealed cells that may be opened: verified against a root, rebuilt from verified ones, or claimed to be rebuilt.

use bytes::Bytes;
use proofs::VerifiedBytes;

use crate::CellSize;

/// One sealed cell, and what is known of it before its tag is checked.
#[derive(Clone, Debug)]
pub enum CellBytes {
    /// It was proved against the root of its shard.
    Verified(Verified),
    /// It was computed from verified cells of its stripe; whether their author coded it honestly, its tag tells.
    Rebuilt(Rebuilt),
    /// Somebody else says that it was rebuilt: nothing but its tag vouches for it.
    Claimed(Claimed),
}

/// A cell that was proved against the root of its shard.
#[derive(Clone, Debug)]
pub struct Verified(Bytes);

/// A cell that was computed from verified ones by [`crate::rebuild`].
#[derive(Clone, Debug)]
pub struct Rebuilt(pub(crate) Bytes);

/// A cell as a gateway says that it rebuilt it (spec §27). Whoever lacks the content key can make none that opens.
#[derive(Clone, Debug)]
pub struct Claimed(Bytes);

impl Claimed {
    /// The bytes, of which nothing is known.
    pub const fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl CellBytes {
    /// Its bytes.
    pub fn as_bytes(&self) -> &Bytes {
        match self {
            Self::Verified(cell) => cell.as_bytes(),
            Self::Rebuilt(cell) => cell.as_bytes(),
            Self::Claimed(Claimed(bytes)) => bytes,
        }
    }
}

impl Verified {
    /// The cells that lie in a verified run of a shard entirely, each with its row, ascending. No byte is copied.
    pub fn cells_in(run: &VerifiedBytes, size: CellSize) -> impl Iterator<Item = (u32, Self)> {
        let cell = size.bytes();
        let bytes = run.bytes().clone();
        let first_row = run.offset().div_ceil(cell as u64);
        let skipped = usize::try_from(first_row * cell as u64 - run.offset()).expect("below a cell's length");
        let starts = (skipped..).step_by(cell).take_while({
            let len = bytes.len();
            move |start| start + cell <= len
        });
        (first_row..).zip(starts).map(move |(row, start)| {
            let row = u32::try_from(row).expect("a shard of 2^28 bytes has at most 2^18 rows");
            (row, Self(bytes.slice(start..start + cell)))
        })
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl Rebuilt {
    /// Its bytes.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl From<Verified> for CellBytes {
    fn from(cell: Verified) -> Self {
        Self::Verified(cell)
    }
}

impl From<Rebuilt> for CellBytes {
    fn from(cell: Rebuilt) -> Self {
        Self::Rebuilt(cell)
    }
}

impl From<Claimed> for CellBytes {
    fn from(cell: Claimed) -> Self {
        Self::Claimed(cell)
    }
}

#[cfg(test)]
impl Verified {
    /// A cell that claims to be verified.
    pub(crate) fn for_tests(bytes: Vec<u8>) -> Self {
        Self(Bytes::from(bytes))
    }
}
