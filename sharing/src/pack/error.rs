//! Why a part of a pack says nothing.

use std::ops::Range;

use proofs::canonical::CanonicalError;

use crate::{IndexPath, NameError};

/// Why a part of a pack is not what its catalogue says.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PackError {
    #[error("{len} bytes of the pack were read, {expected} are expected")]
    Length { len: usize, expected: u64 },
    #[error("this part of the pack does not open with its key")]
    Key,
    #[error("the index of the pack is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the index of the pack has no entry where it must have one")]
    Empty,
    #[error("name {number} in the index of the pack: {source}")]
    Name { number: usize, source: NameError },
    #[error("name {number} in the index of the pack does not follow the one before")]
    Order { number: usize },
    #[error("block {number} of the pack has {len} bytes, which no block has")]
    Block { number: usize, len: u64 },
    #[error("the index of the pack ends at {end}, and its top begins at {top}")]
    Extent { end: u64, top: u64 },
    #[error("a part of the index begins with {found}, {expected} is expected")]
    First { found: IndexPath, expected: IndexPath },
    #[error("a part of the index ends with {found}, which is not what follows it")]
    Last { found: IndexPath },
    #[error("record {number} of a block lies outside of the records of the pack")]
    Place { number: usize },
}

/// Fails unless there are as many bytes as were to be read.
pub(super) fn check_len(bytes: &[u8], range: &Range<u64>) -> Result<(), PackError> {
    let expected = range.end - range.start;
    if bytes.len() as u64 == expected {
        Ok(())
    } else {
        Err(PackError::Length { len: bytes.len(), expected })
    }
}
