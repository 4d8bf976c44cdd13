//! The root: which pages the index has, and where they are.

use proofs::Cid;
use proofs::canonical::{self, CanonicalError};
use protocol::{BoundedList, ListTooLong, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::page::BITS_MAX;
use super::{Entry, IndexPage, PageError, PagePrefix};
use crate::ContentHash;

/// Longest root, in bytes.
pub const INDEX_ROOT_LEN_MAX: usize = 8_388_608;
/// Most pages: one for every prefix of the longest kind.
const PAGES_MAX: usize = 1 << BITS_MAX;
/// The version of the format.
const VERSION: u8 = 1;

/// All pages of an index, in the order of their prefixes, which cover all places exactly once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexRoot {
    pages: Vec<PageRef>,
}

/// A page that is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRef {
    /// The prefix of all its entries.
    pub prefix: PagePrefix,
    /// BLAKE3 of its bytes.
    pub hash: ContentHash,
    /// The object that holds it.
    pub object: Cid,
    /// When its leases end.
    pub until: UnixSeconds,
}

/// Why something is no root.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum RootError {
    #[error("the root is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the root has version {found}, only {VERSION} is known")]
    Version { found: u8 },
    #[error("the root has a {0}")]
    List(#[from] ListTooLong),
    #[error("page {page} has a prefix of {bits} bits, which does not follow the one before")]
    Prefix { page: usize, bits: u8 },
    #[error("the pages end before all places are covered")]
    Gap,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    pages: BoundedList<PageFields, PAGES_MAX>,
    v: u8,
}

#[derive(Serialize, Deserialize)]
struct PageFields {
    bits: u8,
    hash: ContentHash,
    object: Cid,
    until: UnixSeconds,
}

impl IndexRoot {
    /// The root with these pages.
    pub fn new(pages: Vec<PageRef>) -> Result<Self, RootError> {
        let prefixes = prefixes(pages.iter().map(|page| page.prefix.bits()))?;
        match prefixes.iter().zip(&pages).position(|(prefix, page)| *prefix != page.prefix) {
            Some(page) => Err(RootError::Prefix { page, bits: pages[page].prefix.bits() }),
            None => Ok(Self { pages }),
        }
    }

    /// Its pages.
    pub fn pages(&self) -> &[PageRef] {
        &self.pages
    }

    /// The root as canonical CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let fields = self.pages.iter().map(|page| PageFields {
            bits: page.prefix.bits(),
            hash: page.hash,
            object: page.object,
            until: page.until,
        });
        let pages = BoundedList::new(fields.collect()).expect("prefixes that cover all places are not more");
        canonical::to_vec(&Fields { pages, v: VERSION })
    }

    /// Reads a root.
    pub fn decode(bytes: &[u8]) -> Result<Self, RootError> {
        let fields: Fields = canonical::from_slice(bytes, INDEX_ROOT_LEN_MAX)?;
        if fields.v != VERSION {
            return Err(RootError::Version { found: fields.v });
        }
        let fields = fields.pages.into_vec();
        let prefixes = prefixes(fields.iter().map(|page| page.bits))?;
        let pages = prefixes.into_iter().zip(fields).map(|(prefix, page)| PageRef {
            prefix,
            hash: page.hash,
            object: page.object,
            until: page.until,
        });
        Ok(Self { pages: pages.collect() })
    }
}

impl PageRef {
    /// The entries in these bytes, when they are this page.
    pub fn open(&self, bytes: &[u8]) -> Result<Vec<Entry>, PageError> {
        if ContentHash::of(bytes) != self.hash {
            return Err(PageError::Hash);
        }
        IndexPage::decode(bytes, self.prefix)
    }
}

/// The prefixes of these lengths, one after the other, which must cover all places.
fn prefixes(lens: impl Iterator<Item = u8>) -> Result<Vec<PagePrefix>, RootError> {
    const ALL: u64 = 1 << BITS_MAX;
    let (mut covered, mut prefixes) = (0_u64, Vec::new());
    for (page, bits) in lens.enumerate() {
        let width = if bits > BITS_MAX { 0 } else { ALL >> bits };
        if width == 0 || covered >= ALL || !covered.is_multiple_of(width) {
            return Err(RootError::Prefix { page, bits });
        }
        prefixes.push(PagePrefix::new(covered << (64 - BITS_MAX), bits));
        covered += width;
    }
    if covered == ALL { Ok(prefixes) } else { Err(RootError::Gap) }
}
