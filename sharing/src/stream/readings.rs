//! What is in a batch: records with their names, as a shell script can write them.

use std::collections::BTreeMap;

use crate::{IndexPath, NameError};

/// Bytes of the longest name of a record in a batch; before it comes the number of the batch.
pub const STREAM_NAME_LEN_MAX: usize = 1000;
/// Digits of a length: no batch is longer.
const LENGTH_DIGITS_MAX: usize = 7;

/// Why something is no batch of records.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ReadingsError {
    #[error("there is no record in it")]
    Empty,
    #[error("at byte {at} no line `length name` begins a record")]
    Head { at: usize },
    #[error("the record at byte {at} is to have {len} bytes, and {left} are left")]
    Length { at: usize, len: usize, left: usize },
    #[error("the name of the record at byte {at} is none: {source}")]
    Name { at: usize, source: NameError },
    #[error(
        "the name of the record at byte {at} has {len} bytes, at most {STREAM_NAME_LEN_MAX} are possible"
    )]
    LongName { at: usize, len: usize },
    #[error("{name} comes twice")]
    Twice { name: IndexPath },
}

/// The records in the plaintext of a batch, at least one: `length SP name LF bytes`, one after the other.
pub fn readings(bytes: &[u8]) -> Result<BTreeMap<IndexPath, &[u8]>, ReadingsError> {
    let (mut records, mut at) = (BTreeMap::new(), 0);
    while at < bytes.len() {
        let (len, name, head_len) = head(&bytes[at..], at)?;
        let rest = &bytes[at + head_len..];
        let record = rest.get(..len).ok_or(ReadingsError::Length { at, len, left: rest.len() })?;
        if records.contains_key(&name) {
            return Err(ReadingsError::Twice { name });
        }
        records.insert(name, record);
        at += head_len + len;
    }
    if records.is_empty() { Err(ReadingsError::Empty) } else { Ok(records) }
}

/// The line before a record: its length, its name, and how long the line is. `at` says where it is.
fn head(bytes: &[u8], at: usize) -> Result<(usize, IndexPath, usize), ReadingsError> {
    const LINE_LEN_MAX: usize = LENGTH_DIGITS_MAX + 1 + STREAM_NAME_LEN_MAX;
    let none = ReadingsError::Head { at };
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(none.clone())?;
    let line = str::from_utf8(&bytes[..end]).map_err(|_| none.clone())?;
    let (digits, name) = line.split_once(' ').ok_or(none.clone())?;
    if name.len() > STREAM_NAME_LEN_MAX || line.len() > LINE_LEN_MAX {
        return Err(ReadingsError::LongName { at, len: name.len() });
    }
    let is_plain = (1..=LENGTH_DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    let len = digits.parse().ok().filter(|_| is_plain).ok_or(none)?;
    let name = IndexPath::new(name).map_err(|source| ReadingsError::Name { at, source })?;
    Ok((len, name, end + 1))
}
