//! Objects with known content, made by the real encoder.

use std::collections::BTreeMap;

use bytes::Bytes;
use chunker::{
    Block, Coding, Column, ContentKey, ControlKey, Encoder, Geometry, Manifest, ManifestParts, ObjectHeader,
    Opener, Padding, PlacementSeed, RequiredTags, Salt,
};
use proofs::{HashedShard, Root, ShardHasher, ShardLenError};
use protocol::HeldShard;

use super::dice::Dice;
use super::storing::Owner;

/// A shard of an object, as it was put.
#[derive(Debug, Clone)]
pub(crate) struct Shard {
    pub(crate) bytes: Bytes,
    pub(crate) hashed: HashedShard,
}

/// An object and everything that its owner knows about it.
pub(crate) struct Object {
    pub(crate) plaintext: Vec<u8>,
    pub(crate) manifest: Manifest,
    pub(crate) opener: Opener,
    pub(crate) owner: Owner,
    pub(crate) shards: BTreeMap<(u32, Column), Shard>,
}

impl Object {
    pub(crate) fn drawn(coding: Coding, len: usize, padding: Padding, dice: &mut Dice) -> Self {
        let plaintext = dice.bytes(len);
        let (key, salt) = (ContentKey::from_bytes(dice.array()), Salt::from_bytes(dice.array()));
        let (geometry, columns) = encode(&plaintext, coding, padding, &key, salt);
        let shards: BTreeMap<_, _> =
            columns.into_iter().map(|(place, bytes)| (place, Shard::of(bytes))).collect();
        let root = |number| shards[&geometry.shard_at(number).expect("a stored shard")].hashed.root;
        let owner = Owner::drawn(dice);
        let control = owner.control.public();
        let header = ObjectHeader::new(len as u64, None, None).expect("a length alone is a header");
        let parts = ManifestParts {
            geometry,
            content_key: &key,
            salt,
            seed: PlacementSeed::from_bytes(dice.array()),
            control: ControlKey::from_bytes(*control.as_bytes()).expect("a public key is a point"),
            roots: (0..geometry.shards()).map(root).collect(),
            required: RequiredTags::default(),
            header: &header,
        };
        let manifest = Manifest::new(parts).expect("the encoder made all of its shards");
        let (_, opener) = manifest.open(&key).expect("it was sealed with this key");
        Self { plaintext, manifest, opener, owner, shards }
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        self.manifest.geometry()
    }

    /// The roots of a segment's shards, in order.
    pub(crate) fn roots(&self, segment: u32) -> Vec<Root> {
        let columns = self.geometry().segment(segment).expect("a segment that exists").stored_columns();
        columns.filter_map(|column| self.manifest.root(segment, column)).collect()
    }

    /// The columns that an answer about [`Self::roots`] claims, with the right lengths; `None` when it answers something else.
    pub(crate) fn claimed(&self, segment: u32, shards: &[Option<HeldShard>]) -> Option<Vec<Column>> {
        let segment = self.geometry().segment(segment).expect("it was asked about");
        let columns: Vec<_> = segment.stored_columns().collect();
        let is_held = |(column, held): (Column, &Option<HeldShard>)| {
            let held = held.filter(|held| segment.shard_len(column) == Some(held.len));
            held.map(|_| column)
        };
        (columns.len() == shards.len()).then(|| columns.into_iter().zip(shards).filter_map(is_held).collect())
    }

    /// The plaintext of a cell.
    pub(crate) fn plain_cell(&self, cell: u64) -> &[u8] {
        let plain = self.geometry().cell_size().plain_bytes() as u64;
        let at = |cell: u64| usize::try_from(cell * plain).expect("a small object").min(self.plaintext.len());
        &self.plaintext[at(cell)..at(cell + 1)]
    }
}

impl Shard {
    fn of(bytes: Vec<u8>) -> Self {
        Self { hashed: hash(&bytes).expect("no stored column is empty"), bytes: bytes.into() }
    }
}

/// Root, length and outboard of bytes that can be a shard.
pub(crate) fn hash(bytes: &[u8]) -> Result<HashedShard, ShardLenError> {
    let mut hasher = ShardHasher::new();
    hasher.push(bytes);
    hasher.finish()
}

type Columns = BTreeMap<(u32, Column), Vec<u8>>;

fn encode(
    plaintext: &[u8],
    coding: Coding,
    padding: Padding,
    key: &ContentKey,
    salt: Salt,
) -> (Geometry, Columns) {
    let mut encoder = Encoder::new(coding, padding, key.clone(), salt);
    let mut columns = Columns::new();
    let mut add = |block: &Block| {
        for column in coding.columns() {
            if let Some(bytes) = block.column(column) {
                columns.entry((block.segment(), column)).or_default().extend_from_slice(bytes);
            }
        }
    };
    let mut rest = plaintext;
    while let Some(block) = encoder.push(&mut rest).expect("a small object") {
        add(&block.seal());
    }
    let ending = encoder.finish().expect("a small object");
    let geometry = *ending.geometry();
    ending.for_each(|block| add(&block.seal()));
    (geometry, columns)
}
