//! Objects with known content, made by the real encoder.

use std::collections::BTreeMap;

use bytes::Bytes;
use chunker::{
    Block, Coding, Column, ContentKey, ControlKey, Encoder, Geometry, Manifest, ManifestParts, ObjectHeader,
    Opener, Padding, PlacementSeed, Salt,
};
use proofs::{HashedShard, ShardHasher};
use protocol::SecretKey;

use super::dice::Dice;

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
    pub(crate) control: SecretKey,
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
        let control = SecretKey::from_bytes(&dice.array());
        let header = ObjectHeader::new(len as u64, None, None).expect("a length alone is a header");
        let parts = ManifestParts {
            geometry,
            content_key: &key,
            salt,
            seed: PlacementSeed::from_bytes(dice.array()),
            control: ControlKey::from_bytes(*control.public().as_bytes()).expect("a public key is a point"),
            roots: (0..geometry.shards()).map(root).collect(),
            header: &header,
        };
        let manifest = Manifest::new(parts).expect("the encoder made all of its shards");
        let (_, opener) = manifest.open(&key).expect("it was sealed with this key");
        Self { plaintext, manifest, opener, control, shards }
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        self.manifest.geometry()
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
        let mut hasher = ShardHasher::new();
        hasher.push(&bytes);
        Self { hashed: hasher.finish().expect("no stored column is empty"), bytes: bytes.into() }
    }
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
