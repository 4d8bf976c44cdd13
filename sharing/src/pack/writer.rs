//! Writing a pack in one pass: records come in any order and go out sealed, the index follows them.

use std::collections::BTreeMap;

use proofs::canonical;

use super::block::Fields as Entry;
use super::seal::{self, Sealed, TAG_LEN};
use super::top::Fields as Top;
use super::{PACK_BLOCK_LEN_MAX, PackKey, RecordPlace};
use crate::IndexPath;

/// Most bytes of sealed records in a pack.
pub const PACK_RECORDS_LEN_MAX: u64 = 67_108_864;
/// Most records in a pack.
pub const PACK_RECORDS_MAX: usize = 131_072;
/// Longest record, in bytes: one that fills a pack.
pub const RECORD_BYTES_MAX: usize = 67_108_848;
/// Most bytes of index entries that a writer holds: it ends the pack before.
const ENTRIES_LEN_MAX: usize = 1 << 24;
/// Most bytes of the head of a CBOR list in a block: a block has less than 65 536 entries.
const LIST_HEAD_LEN: usize = 3;

/// Seals records, and holds nothing of them but their names and places.
#[derive(Debug)]
pub struct PackWriter {
    key: PackKey,
    records: BTreeMap<IndexPath, RecordPlace>,
    /// Bytes of sealed records so far.
    position: u64,
    entries_len: usize,
}

/// What a catalogue has to say of a pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackSummary {
    pub(super) key: PackKey,
    pub(super) first: IndexPath,
    pub(super) last: IndexPath,
    pub(super) count: u32,
    pub(super) bytes: u64,
    pub(super) len: u64,
    pub(super) top: u32,
}

/// What follows the records.
#[derive(Debug)]
pub struct PackEnding {
    /// The last bytes of the pack: index and top.
    pub bytes: Vec<u8>,
    /// What the catalogue has to say of it.
    pub summary: PackSummary,
}

/// There is no room for this record: it belongs into the next pack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackFull;

/// Why a record cannot be in any pack, or not in this one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PushRecordError {
    #[error("{name} has {len} bytes, a record has {RECORD_BYTES_MAX} at most")]
    TooLong { name: IndexPath, len: usize },
    #[error("{name} comes twice")]
    Twice { name: IndexPath },
}

impl PackWriter {
    /// A pack without records.
    pub const fn new(key: PackKey) -> Self {
        Self { key, records: BTreeMap::new(), position: 0, entries_len: 0 }
    }

    /// Whether nothing is in it yet.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a record of `len` bytes still belongs into this pack. The first one always does.
    pub fn check_room(&self, name: &IndexPath, len: usize) -> Result<(), PackFull> {
        let fits = self.position + (len + TAG_LEN) as u64 <= PACK_RECORDS_LEN_MAX
            && self.records.len() < PACK_RECORDS_MAX
            && self.entries_len + name.as_str().len() <= ENTRIES_LEN_MAX;
        if fits || self.is_empty() { Ok(()) } else { Err(PackFull) }
    }

    /// Seals a record in place: `record` is then what follows in the pack.
    pub fn push(&mut self, name: IndexPath, record: &mut Vec<u8>) -> Result<(), PushRecordError> {
        let len = record.len();
        let Some(short) = u32::try_from(len).ok().filter(|_| len <= RECORD_BYTES_MAX) else {
            return Err(PushRecordError::TooLong { name, len });
        };
        if self.records.contains_key(&name) {
            return Err(PushRecordError::Twice { name });
        }
        let at = self.position;
        seal::seal(&self.key.record_key(at), Sealed::Record, record);
        self.position += record.len() as u64;
        let place = RecordPlace { at, len: short };
        self.entries_len += encoded(&name, place).len();
        self.records.insert(name, place);
        Ok(())
    }

    /// Index and top; none when there are no records.
    pub fn finish(self) -> Option<PackEnding> {
        let (first, last) = (self.records.keys().next()?.clone(), self.records.keys().next_back()?.clone());
        let (mut bytes, blocks) = self.index();
        let mut top = canonical::to_vec(&Top { blocks, records: self.position });
        seal::seal(&self.key.index_key(), Sealed::Top, &mut top);
        bytes.extend_from_slice(&top);
        let count = u32::try_from(self.records.len()).expect("a pack has at most 2^17 records");
        let summary = PackSummary {
            first,
            last,
            count,
            bytes: self.position - u64::from(count) * TAG_LEN as u64,
            len: self.position + bytes.len() as u64,
            top: u32::try_from(top.len()).expect("a top has at most 2 MiB"),
            key: self.key,
        };
        Some(PackEnding { bytes, summary })
    }

    /// The sealed blocks, and the first name and length of each.
    fn index(&self) -> (Vec<u8>, Vec<(String, u32)>) {
        let (mut bytes, mut blocks) = (Vec::new(), Vec::new());
        let mut block = Block::default();
        for (name, place) in &self.records {
            let entry = encoded(name, *place);
            if !block.has_room(entry.len()) {
                std::mem::take(&mut block).seal(&self.key, &mut bytes, &mut blocks);
            }
            block.push(name, &entry);
        }
        block.seal(&self.key, &mut bytes, &mut blocks);
        (bytes, blocks)
    }
}

/// An index block in the making.
#[derive(Default)]
struct Block {
    first: String,
    count: u16,
    entries: Vec<u8>,
}

impl Block {
    const fn has_room(&self, len: usize) -> bool {
        self.count == 0 || self.entries.len() + len + LIST_HEAD_LEN + TAG_LEN <= PACK_BLOCK_LEN_MAX
    }

    fn push(&mut self, name: &IndexPath, entry: &[u8]) {
        if self.count == 0 {
            name.as_str().clone_into(&mut self.first);
        }
        self.count += 1;
        self.entries.extend_from_slice(entry);
    }

    fn seal(self, key: &PackKey, bytes: &mut Vec<u8>, blocks: &mut Vec<(String, u32)>) {
        let number = u32::try_from(blocks.len()).expect("a pack has at most 2^17 blocks");
        let mut text = list_head(self.count);
        text.extend_from_slice(&self.entries);
        seal::seal(&key.index_key(), Sealed::Block(number), &mut text);
        blocks.push((self.first, u32::try_from(text.len()).expect("a block has at most 16 KiB")));
        bytes.extend_from_slice(&text);
    }
}

fn encoded(name: &IndexPath, place: RecordPlace) -> Vec<u8> {
    let entry: Entry = (name.as_str().to_owned(), place.at, place.len);
    canonical::to_vec(&entry)
}

/// The head of a CBOR list (RFC 8949 §3): its shortest form.
fn list_head(count: u16) -> Vec<u8> {
    const LIST: u8 = 0x80;
    const ONE_BYTE_FOLLOWS: u8 = 0x18;
    const TWO_BYTES_FOLLOW: u8 = 0x19;
    match u8::try_from(count) {
        Ok(count) if count < ONE_BYTE_FOLLOWS => vec![LIST | count],
        Ok(count) => vec![LIST | ONE_BYTE_FOLLOWS, count],
        Err(_) => [[LIST | TWO_BYTES_FOLLOW].as_slice(), &count.to_be_bytes()].concat(),
    }
}
