//! Pages: the entries whose names hash to one prefix.

use proofs::canonical::{self, CanonicalError};
use protocol::{BoundedList, ListTooLong};
use serde::{Deserialize, Serialize};

use super::fields::EntryFields;
use super::{AccountIndex, Entry, EntryError, EntryName, IndexFull};

/// Most entries of a page.
pub const INDEX_PAGE_ENTRIES_MAX: usize = 512;
/// Longest page, in bytes.
pub const INDEX_PAGE_LEN_MAX: usize = 262_144;
/// The longest prefix, in bits.
pub(super) const BITS_MAX: u8 = 16;
/// The version of the format.
const VERSION: u8 = 1;
/// Bytes of a page without its entries and the head of their list: a map of two, `v`, 1, `entries`.
const FRAME_LEN: usize = 1 + 2 + 1 + 8;

/// The first bits of the places of all names in a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PagePrefix {
    /// The first place that begins with it.
    start: u64,
    bits: u8,
}

/// A page that is to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexPage {
    /// Which.
    pub prefix: PagePrefix,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why bytes are not the page with a prefix.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PageError {
    #[error("the page is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the page has version {found}, only {VERSION} is known")]
    Version { found: u8 },
    #[error("entry {number} of the page: {source}")]
    Entry { number: usize, source: EntryError },
    #[error("entry {number} of the page does not follow the one before")]
    Order { number: usize },
    #[error("entry {number} belongs on another page")]
    Place { number: usize },
    #[error("it is not the page that the root names")]
    Hash,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    v: u8,
    entries: BoundedList<EntryFields, INDEX_PAGE_ENTRIES_MAX>,
}

impl PagePrefix {
    /// The empty prefix, with which all places begin.
    pub const ALL: Self = Self { start: 0, bits: 0 };

    pub(super) const fn new(start: u64, bits: u8) -> Self {
        Self { start, bits }
    }

    /// Its length.
    pub const fn bits(self) -> u8 {
        self.bits
    }

    fn contains(self, place: u64) -> bool {
        self.bits == 0 || (place ^ self.start) >> (64 - self.bits) == 0
    }

    /// The two prefixes that are one bit longer.
    const fn halves(self) -> [Self; 2] {
        let bits = self.bits + 1;
        [Self { start: self.start, bits }, Self { start: self.start | 1 << (64 - bits), bits }]
    }
}

impl AccountIndex {
    /// The index as pages in the order of their prefixes. Equal entries make equal pages.
    pub fn pages(&self) -> Result<Vec<IndexPage>, IndexFull> {
        let mut placed: Vec<_> = self.entries().map(Placed::new).collect();
        // Stable, so that names with equal places keep their order; the next sort is by name within a page.
        placed.sort_by_key(|placed| placed.place);
        let mut pages = Vec::new();
        split(&placed, PagePrefix::ALL, &mut pages)?;
        Ok(pages)
    }
}

impl IndexPage {
    /// The entries of a page with this prefix.
    pub fn decode(bytes: &[u8], prefix: PagePrefix) -> Result<Vec<Entry>, PageError> {
        let fields: Fields = canonical::from_slice(bytes, INDEX_PAGE_LEN_MAX)?;
        if fields.v != VERSION {
            return Err(PageError::Version { found: fields.v });
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(fields.entries.len());
        for (number, fields) in fields.entries.into_vec().into_iter().enumerate() {
            let entry = Entry::try_from(fields).map_err(|source| PageError::Entry { number, source })?;
            if entries.last().is_some_and(|last| last.name >= entry.name) {
                return Err(PageError::Order { number });
            }
            if !prefix.contains(place(&entry.name)) {
                return Err(PageError::Place { number });
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// An entry and where its name belongs.
struct Placed<'a> {
    place: u64,
    len: usize,
    entry: &'a Entry,
}

impl<'a> Placed<'a> {
    fn new(entry: &'a Entry) -> Self {
        Self { place: place(&entry.name), len: entry.encode().len(), entry }
    }
}

/// The first 8 bytes of the name's hash.
fn place(name: &EntryName) -> u64 {
    let hash = blake3::hash(name.to_string().as_bytes());
    u64::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

fn split(placed: &[Placed<'_>], prefix: PagePrefix, pages: &mut Vec<IndexPage>) -> Result<(), IndexFull> {
    let len = placed.iter().map(|placed| placed.len).sum::<usize>() + frame_len(placed.len());
    if placed.len() <= INDEX_PAGE_ENTRIES_MAX && len <= INDEX_PAGE_LEN_MAX {
        pages
            .push(IndexPage { prefix, bytes: encode(placed).expect("no more entries than a page may have") });
        return Ok(());
    }
    if prefix.bits >= BITS_MAX {
        return Err(IndexFull);
    }
    let [low, high] = prefix.halves();
    let (first, second) = placed.split_at(placed.partition_point(|placed| placed.place < high.start));
    split(first, low, pages)?;
    split(second, high, pages)
}

fn encode(placed: &[Placed<'_>]) -> Result<Vec<u8>, ListTooLong> {
    let mut entries: Vec<&Entry> = placed.iter().map(|placed| placed.entry).collect();
    entries.sort_by(|one, two| one.name.cmp(&two.name));
    let entries = BoundedList::new(entries.into_iter().map(EntryFields::from).collect())?;
    Ok(canonical::to_vec(&Fields { v: VERSION, entries }))
}

/// What a page of so many entries has besides them.
const fn frame_len(entries: usize) -> usize {
    FRAME_LEN
        + match entries {
            0..24 => 1,
            24..256 => 2,
            _ => 3,
        }
}
