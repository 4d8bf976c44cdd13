//! The catalogue of a folder of records: its packs, from the oldest to the newest.

use std::collections::HashSet;
use std::ops::Range;

use chunker::Link;
use proofs::Cid;
use proofs::canonical::{self, CanonicalError};
use protocol::{BoundedList, ListTooLong, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::seal::TAG_LEN;
use super::{
    PACK_RECORDS_LEN_MAX, PACK_RECORDS_MAX, PACK_TOP_LEN_MAX, PackKey, PackSummary, RecordLink, RecordPlace,
};
use crate::{ContentHash, IndexPath, NameError};

/// Most packs of a catalogue.
pub const CATALOGUE_PACKS_MAX: usize = 16_384;
/// Longest catalogue, in bytes.
pub const CATALOGUE_LEN_MAX: usize = 8_388_608;
/// Longest pack, in bytes.
pub const PACK_LEN_MAX: u64 = 100_663_296;
/// Most packs that a catalogue remembers as gone. What would be more is forgotten as a whole, and its hash kept.
pub const CATALOGUE_GONE_MAX: usize = 1024;
/// The version of the format.
const VERSION: u8 = 1;

/// The packs of a folder. Of records with one name the one in the newest pack is meant.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Catalogue {
    packs: Vec<PackRef>,
    gone: Vec<GonePack>,
    forgotten: Option<ContentHash>,
}

/// A pack that a folder had once: so a device that does not know it yet still learns that it is to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GonePack {
    /// The first of those that took its place, if any did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Cid>,
    /// The pack.
    pub object: Cid,
}

/// What a catalogue says of one pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackRef {
    object: Cid,
    until: UnixSeconds,
    summary: PackSummary,
}

/// Why bytes are no catalogue.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum CatalogueError {
    #[error("the catalogue is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the catalogue has a {0}")]
    List(#[from] ListTooLong),
    #[error("a catalogue of {len} bytes, at most {CATALOGUE_LEN_MAX} are allowed")]
    TooLong { len: usize },
    #[error("the catalogue has version {found}, only {VERSION} is known")]
    Version { found: u8 },
    #[error("a name of pack {number}: {source}")]
    Name { number: usize, source: NameError },
    #[error("pack {number} of the catalogue begins after its end")]
    Order { number: usize },
    #[error("pack {number} of the catalogue has {what}, which no pack has")]
    Bounds { number: usize, what: String },
    #[error("the catalogue has an empty list of packs that are gone")]
    NoneGone,
    #[error("pack {object} is gone twice, or in the catalogue all the same")]
    Gone { object: Cid },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten: Option<ContentHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<BoundedList<GonePack, CATALOGUE_GONE_MAX>>,
    packs: BoundedList<PackFields, CATALOGUE_PACKS_MAX>,
    v: u8,
}

/// What the hash is of by which a catalogue knows what it has forgotten.
#[derive(Serialize)]
struct Forgotten<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    forgotten: Option<ContentHash>,
    gone: &'a [GonePack],
}

#[derive(Serialize, Deserialize)]
struct PackFields {
    bytes: u64,
    count: u32,
    first: String,
    key: ByteArray<32>,
    last: String,
    len: u64,
    object: Cid,
    top: u32,
    until: UnixSeconds,
}

impl Catalogue {
    /// A catalogue of these packs, from the oldest to the newest.
    pub fn new(packs: Vec<PackRef>) -> Result<Self, ListTooLong> {
        let packs = BoundedList::<_, CATALOGUE_PACKS_MAX>::new(packs)?.into_vec();
        Ok(Self { packs, ..Self::default() })
    }

    /// The catalogue of these packs that remembers these as gone, of which none is among them, and has forgotten what was before. Where they
    /// are too many, all of them are forgotten.
    pub(super) fn with_gone(
        packs: Vec<PackRef>,
        gone: Vec<GonePack>,
        forgotten: Option<ContentHash>,
    ) -> Result<Self, ListTooLong> {
        let this = Self::new(packs)?;
        if gone.len() <= CATALOGUE_GONE_MAX {
            return Ok(Self { gone, forgotten, ..this });
        }
        let all = canonical::to_vec(&Forgotten { forgotten, gone: &gone });
        Ok(Self { forgotten: Some(ContentHash::of(&all)), ..this })
    }

    /// The packs, from the oldest to the newest.
    pub fn packs(&self) -> &[PackRef] {
        &self.packs
    }

    /// The packs that it had once, from the first that went to the last.
    pub fn gone(&self) -> &[GonePack] {
        &self.gone
    }

    /// The hash of those that it had once and does not remember; none where it remembers all.
    pub const fn forgotten(&self) -> Option<ContentHash> {
        self.forgotten
    }

    /// When the first leases of its packs end; none when it has none.
    pub fn until(&self) -> Option<UnixSeconds> {
        self.packs.iter().map(PackRef::until).min()
    }

    /// The catalogue as canonical CBOR. The keys of all packs stand in it.
    pub fn encode(&self) -> Result<Vec<u8>, CatalogueError> {
        let packs = BoundedList::new(self.packs.iter().map(PackFields::from).collect())?;
        let gone = if self.gone.is_empty() { None } else { Some(BoundedList::new(self.gone.clone())?) };
        let bytes = canonical::to_vec(&Fields { forgotten: self.forgotten, gone, packs, v: VERSION });
        let len = bytes.len();
        if len <= CATALOGUE_LEN_MAX { Ok(bytes) } else { Err(CatalogueError::TooLong { len }) }
    }

    /// Reads a catalogue.
    pub fn decode(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let Fields { forgotten, gone, packs, v } = canonical::from_slice(bytes, CATALOGUE_LEN_MAX)?;
        if v != VERSION {
            return Err(CatalogueError::Version { found: v });
        }
        let packs = packs.into_vec().into_iter().enumerate();
        let packs = packs.map(|(number, fields)| checked(number, fields)).collect::<Result<Vec<_>, _>>()?;
        let gone = match gone.map(BoundedList::into_vec) {
            Some(gone) if gone.is_empty() => return Err(CatalogueError::NoneGone),
            gone => gone.unwrap_or_default(),
        };
        let mut known: HashSet<_> = packs.iter().map(PackRef::object).collect();
        match gone.iter().find(|pack| !known.insert(pack.object)) {
            Some(pack) => Err(CatalogueError::Gone { object: pack.object }),
            None => Ok(Self { packs, gone, forgotten }),
        }
    }
}

impl PackRef {
    /// The pack that was put as this object, and is kept until then.
    pub const fn new(summary: PackSummary, object: Cid, until: UnixSeconds) -> Self {
        Self { object, until, summary }
    }

    /// The object.
    pub const fn object(&self) -> Cid {
        self.object
    }

    /// The read capability of the object: it opens the cells, and no record.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key().content_key())
    }

    /// What opens all of it.
    pub const fn key(&self) -> &PackKey {
        &self.summary.key
    }

    /// Exact length of the object, in bytes.
    pub const fn len(&self) -> u64 {
        self.summary.len
    }

    /// Never: a pack has records.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// How many records are in it.
    pub const fn count(&self) -> u32 {
        self.summary.count
    }

    /// Bytes of the records together.
    pub const fn bytes(&self) -> u64 {
        self.summary.bytes
    }

    /// The first name in it.
    pub const fn first(&self) -> &IndexPath {
        &self.summary.first
    }

    /// The last name in it.
    pub const fn last(&self) -> &IndexPath {
        &self.summary.last
    }

    /// When its leases end.
    pub const fn until(&self) -> UnixSeconds {
        self.until
    }

    /// Whether a record with this name can be in it.
    pub fn spans(&self, name: &IndexPath) -> bool {
        self.first() <= name && name <= self.last()
    }

    /// The bytes of its sealed top.
    pub const fn top_range(&self) -> Range<u64> {
        self.summary.len - self.summary.top as u64..self.summary.len
    }

    /// The read capability of one record, which gives no other one away.
    pub fn record(&self, place: RecordPlace) -> RecordLink {
        let key = self.key().record_key(place.at);
        RecordLink::new(self.link(), key, place)
    }
}

impl From<&PackRef> for PackFields {
    fn from(pack: &PackRef) -> Self {
        let PackSummary { key, first, last, count, bytes, len, top } = &pack.summary;
        Self {
            bytes: *bytes,
            count: *count,
            first: first.as_str().to_owned(),
            key: ByteArray::new(*key.expose()),
            last: last.as_str().to_owned(),
            len: *len,
            object: pack.object,
            top: *top,
            until: pack.until,
        }
    }
}

fn checked(number: usize, fields: PackFields) -> Result<PackRef, CatalogueError> {
    let PackFields { bytes, count, first, key, last, len, object, top, until } = fields;
    let name = |text| IndexPath::new(text).map_err(|source| CatalogueError::Name { number, source });
    let (first, last) = (name(first)?, name(last)?);
    if first > last {
        return Err(CatalogueError::Order { number });
    }
    let wrong = |what: String| Err(CatalogueError::Bounds { number, what });
    if count == 0 || count as usize > PACK_RECORDS_MAX {
        return wrong(format!("{count} records"));
    }
    if bytes > PACK_RECORDS_LEN_MAX {
        return wrong(format!("{bytes} bytes of records"));
    }
    if !(TAG_LEN..=PACK_TOP_LEN_MAX).contains(&(top as usize)) {
        return wrong(format!("a top of {top} bytes"));
    }
    if len <= u64::from(top) || len > PACK_LEN_MAX {
        return wrong(format!("{len} bytes"));
    }
    let key = PackKey::from_bytes(key.into_array());
    Ok(PackRef::new(PackSummary { key, first, last, count, bytes, len, top }, object, until))
}
