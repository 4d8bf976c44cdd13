//! Whole objects through encoder, manifest, link, verified slices, rebuilding and opener, as their users take them.

#![expect(clippy::unwrap_used, reason = "in tests a panic is how failures are told")]

use chunker::{
    CellBytes, CellSize, Coding, Column, ContentKey, ControlKey, Encoder, Link, Manifest, ManifestParts,
    ObjectHeader, OpenManifestError, Opener, Padding, PlacementSeed, PlainBlock, RequiredTags, Salt, Segment,
    Verified, rebuild,
};
use proofs::{LeafSet, Outboard, Root, ShardHasher, ShardInMemory, SliceDecoder, encode_slice};
use proptest::prelude::*;

/// The encoding of Ed25519's base point (RFC 8032).
const BASE_POINT: [u8; 32] = {
    let mut bytes = [0x66; 32];
    bytes[0] = 0x58;
    bytes
};

struct Shard {
    bytes: Vec<u8>,
    outboard: Outboard,
}

/// An object as owner and nodes have it.
struct Stored {
    plaintext: Vec<u8>,
    manifest: Vec<u8>,
    link: String,
    /// By number.
    shards: Vec<Shard>,
}

fn plaintext(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(b"round trip").finalize_xof().fill(&mut bytes);
    bytes
}

fn store(coding: Coding, padding: Padding, len: usize) -> Stored {
    let (key, salt) = (ContentKey::from_bytes([1; 32]), Salt::from_bytes([2; 32]));
    let plaintext = plaintext(len);
    let mut encoder = Encoder::new(coding, padding, key.clone(), salt);
    let mut input = plaintext.as_slice();
    let mut blocks = Vec::new();
    while let Some(block) = encoder.push(&mut input).unwrap() {
        blocks.push(block.seal());
    }
    let ending = encoder.finish().unwrap();
    let geometry = *ending.geometry();
    blocks.extend(ending.map(PlainBlock::seal));

    let (mut shards, mut roots) = (Vec::new(), Vec::new());
    for column in geometry.segment(0).unwrap().stored_columns() {
        let bytes: Vec<u8> =
            blocks.iter().filter_map(|block| block.column(column)).flatten().copied().collect();
        let mut hashing = ShardHasher::new();
        hashing.push(&bytes);
        let hashed = hashing.finish().unwrap();
        roots.push(hashed.root);
        shards.push(Shard { bytes, outboard: hashed.outboard });
    }
    let header = ObjectHeader::new(len as u64, Some("scan".to_owned()), None).unwrap();
    let manifest = Manifest::new(ManifestParts {
        geometry,
        content_key: &key,
        salt,
        seed: PlacementSeed::from_bytes([3; 32]),
        control: ControlKey::from_bytes(BASE_POINT).unwrap(),
        roots,
        required: RequiredTags::default(),
        header: &header,
    })
    .unwrap();
    let link = Link::new(manifest.cid(), key).to_string();
    Stored { plaintext, manifest: manifest.encode(), link, shards }
}

impl Stored {
    /// Reads the object with the shards whose numbers `is_left` lets through; `None` when they are too few.
    fn read(&self, is_left: impl Fn(usize) -> bool) -> Option<Vec<u8>> {
        let link: Link = self.link.parse().unwrap();
        let manifest = Manifest::decode(&self.manifest).unwrap();
        assert_eq!(manifest.cid(), link.cid());
        let (header, opener) = manifest.open(link.key()).unwrap();
        assert_eq!(header.object_len(), self.plaintext.len() as u64);

        let segment = manifest.geometry().segment(0).unwrap();
        let columns: Vec<(Column, Vec<Verified>)> = segment
            .stored_columns()
            .zip(&self.shards)
            .enumerate()
            .filter(|&(number, _)| is_left(number))
            .map(|(_, (column, shard))| {
                (column, verified(manifest.root(0, column).unwrap(), &segment, shard))
            })
            .collect();
        let mut out = Vec::new();
        for row in 0..segment.rows() {
            read_row(&segment, row, &columns, &opener, &mut out)?;
        }
        Some(out)
    }
}

/// The cells of a shard by row, by way of its slice.
fn verified(root: Root, segment: &Segment, shard: &Shard) -> Vec<Verified> {
    let source = ShardInMemory { bytes: &shard.bytes, outboard: &shard.outboard };
    let leaves = LeafSet::whole(proofs::ShardLen::new(shard.bytes.len() as u64).unwrap());
    let mut slice = encode_slice(root, &leaves, &source).unwrap();
    let mut decoder = SliceDecoder::new(root, leaves);
    let mut cells = Vec::new();
    while let Some(run) = decoder.decode(&mut slice).unwrap() {
        for (row, cell) in Verified::cells_in(&run, segment.cell_size()) {
            assert_eq!(row as usize, cells.len());
            cells.push(cell);
        }
    }
    decoder.finish().unwrap();
    cells
}

fn read_row(
    segment: &Segment,
    row: u32,
    columns: &[(Column, Vec<Verified>)],
    opener: &Opener,
    out: &mut Vec<u8>,
) -> Option<()> {
    let present: Vec<(Column, Verified)> = columns
        .iter()
        .filter_map(|(column, cells)| Some((*column, cells.get(row as usize)?.clone())))
        .collect();
    for column in segment.coding().data_columns() {
        let Some(number) = segment.cell(column, row) else { continue };
        let cell: CellBytes = match present.iter().find(|(other, _)| *other == column) {
            Some((_, cell)) => cell.clone().into(),
            None => rebuild(segment, row, &present, &[column]).ok()?.remove(0).into(),
        };
        opener.open(number, &cell, out).unwrap();
    }
    Some(())
}

#[test]
fn every_loss_at_every_boundary() {
    for (data, parity) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        let stripe = usize::from(data) * 16_368;
        for len in
            [0, 1, 1008, 1009, 16_367, 16_368, 16_369, stripe - 1, stripe, stripe + 1, 3 * stripe - 20_000]
        {
            let stored = store(Coding::new(data, parity).unwrap(), Padding::None, len);
            let needed = stored.shards.len() - usize::from(parity);
            for left in 0..1u32 << stored.shards.len() {
                let read = stored.read(|number| left >> number & 1 == 1);
                if left.count_ones() as usize >= needed {
                    assert!(
                        read.as_ref() == Some(&stored.plaintext),
                        "{data}+{parity}, {len} bytes, {left:b} left"
                    );
                } else {
                    assert!(read.is_none() || read.as_ref() == Some(&stored.plaintext));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_object(data in 1u8..20, parity in 1u8..8, len in 0usize..1_500_000, is_padded: bool, lost: u64) {
        let padding = if is_padded { Padding::Padme } else { Padding::None };
        let stored = store(Coding::new(data, parity).unwrap(), padding, len);
        let count = stored.shards.len();
        let first = usize::try_from(lost % count as u64).unwrap();
        let is_left = |number: usize| (number + count - first) % count >= usize::from(parity);
        prop_assert!(stored.read(is_left) == Some(stored.plaintext));
    }
}

#[test]
fn a_wrong_key_opens_nothing() {
    let stored = store(Coding::new(2, 1).unwrap(), Padding::None, 100);
    let manifest = Manifest::decode(&stored.manifest).unwrap();
    let wrong = manifest.open(&ContentKey::from_bytes([9; 32]));
    assert_eq!(wrong.unwrap_err(), OpenManifestError::WrongKey);
}

#[test]
fn only_whole_cells_are_taken_from_a_run() {
    let bytes = plaintext(3 * 16_384);
    let mut hashing = ShardHasher::new();
    hashing.push(&bytes);
    let hashed = hashing.finish().unwrap();
    let source = ShardInMemory { bytes: &bytes, outboard: &hashed.outboard };
    for (leaves, rows) in
        [(0..48, vec![0, 1, 2]), (5..40, vec![1]), (16..47, vec![1]), (17..32, vec![]), (32..48, vec![2])]
    {
        let leaves = LeafSet::new(hashed.len, &[leaves]).unwrap();
        let mut slice = encode_slice(hashed.root, &leaves, &source).unwrap();
        let mut decoder = SliceDecoder::new(hashed.root, leaves);
        let mut found = Vec::new();
        while let Some(run) = decoder.decode(&mut slice).unwrap() {
            for (row, cell) in Verified::cells_in(&run, CellSize::LARGEST) {
                assert_eq!(cell.as_bytes(), &bytes[row as usize * 16_384..][..16_384]);
                found.push(row);
            }
        }
        assert_eq!(found, rows);
    }
}
