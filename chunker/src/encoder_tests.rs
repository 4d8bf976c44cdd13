use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit};
use proptest::prelude::*;

use super::*;
use crate::erasure::galois_8::ReedSolomon;
use crate::seal::Opener;
use crate::{Block, CellBytes, Column, ObjectHeader, Verified};

fn key() -> ContentKey {
    ContentKey::from_bytes([7; 32])
}

fn salt() -> Salt {
    Salt::from_bytes([9; 32])
}

fn plaintext(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(b"plaintext").finalize_xof().fill(&mut bytes);
    bytes
}

/// The shards of a one-segment object, made column by column from the whole plaintext as spec §2 to §4 say.
fn reference(coding: Coding, padding: Padding, plaintext: &[u8]) -> Vec<Vec<u8>> {
    let sealed_len = usize::try_from(padding.sealed_len(plaintext.len() as u64).unwrap()).unwrap();
    let data = usize::from(coding.data());
    let log2 = (10..14).find(|log2| sealed_len <= data * ((1 << log2) - 16)).unwrap_or(14);
    let cell_size = CellSize::from_log2(log2).unwrap();
    let keys = ObjectKeys::derive(&key(), &salt(), cell_size);

    let mut padded = plaintext.to_vec();
    padded.resize(sealed_len.max(1).next_multiple_of((1 << log2) - 16), 0);
    let cells = padded.chunks((1 << log2) - 16);
    let last = cells.len() - 1;
    let sealed = cells.enumerate().map(|(number, plain)| {
        let mut nonce = u128::from(u64::try_from(number).unwrap()) << 8 | u128::from(number == last);
        nonce &= (1 << 96) - 1;
        let nonce: [u8; 12] = nonce.to_be_bytes()[4..].try_into().unwrap();
        let mut cell = plain.to_vec();
        let cipher = ChaCha20Poly1305::new(keys.cell().into());
        let tag = cipher.encrypt_inout_detached(&nonce.into(), b"", cell.as_mut_slice().into()).unwrap();
        cell.extend_from_slice(&tag);
        cell
    });

    let mut columns = vec![Vec::new(); coding.total().into()];
    for (number, cell) in sealed.enumerate() {
        columns[number % data].extend_from_slice(&cell);
    }
    let lens: Vec<usize> = columns[..data].iter().map(Vec::len).collect();
    for column in &mut columns {
        column.resize(lens[0], 0);
    }
    ReedSolomon::new(data, coding.parity().into()).unwrap().encode(&mut columns).unwrap();
    columns.iter_mut().zip(lens).for_each(|(column, len)| column.truncate(len));
    columns.retain(|column| !column.is_empty());
    columns
}

/// All blocks of an object that comes in pieces of `piece` bytes.
fn blocks(coding: Coding, padding: Padding, plaintext: &[u8], piece: usize) -> (Vec<Block>, Geometry) {
    let mut encoder = Encoder::new(coding, padding, key(), salt());
    let mut blocks = Vec::new();
    for mut piece in plaintext.chunks(piece) {
        while let Some(block) = encoder.push(&mut piece).unwrap() {
            blocks.push(block.seal());
        }
    }
    let ending = encoder.finish().unwrap();
    assert_eq!(ending.object_len(), plaintext.len() as u64);
    let geometry = *ending.geometry();
    blocks.extend(ending.map(PlainBlock::seal));
    (blocks, geometry)
}

fn check(coding: Coding, padding: Padding, len: usize, piece: usize) {
    let plaintext = plaintext(len);
    let (blocks, geometry) = blocks(coding, padding, &plaintext, piece);
    let segment = geometry.segment(0).unwrap();

    let mut row = 0;
    for block in &blocks {
        assert_eq!((block.segment(), block.first_row()), (0, row));
        row += block.rows();
        assert_eq!(block.is_end_of_segment(), row == segment.rows());
    }
    assert_eq!(row, segment.rows());
    let shards: Vec<Vec<u8>> = segment
        .stored_columns()
        .map(|column| blocks.iter().filter_map(|block| block.column(column)).flatten().copied().collect())
        .collect();
    assert!(
        shards == reference(coding, padding, &plaintext),
        "{coding} {padding:?} {len} in pieces of {piece}"
    );
    let lens = segment.stored_columns().map(|column| segment.shard_len(column).unwrap().get());
    assert!(lens.eq(shards.iter().map(|shard| shard.len() as u64)));
}

#[test]
fn every_boundary_in_one_segment() {
    for coding in ["1+1", "2+1", "5+3", "70+4"].map(|text| text.parse::<Coding>().unwrap()) {
        let data = usize::from(coding.data());
        let mut lens = vec![0, 1];
        for plain in (10..=14).map(|log2| (1 << log2) - 16) {
            lens.extend([plain - 1, plain, plain + 1]);
            lens.extend([data * plain - 1, data * plain, data * plain + 1]);
        }
        let block = data * (64 / data).max(1) * 16_368;
        lens.extend([
            block - 16_368,
            block - 1,
            block,
            block + 1,
            block + data * 16_368,
            2 * block,
            2 * block + 1,
        ]);
        for len in lens {
            check(coding, Padding::None, len, 1 << 20);
            check(coding, Padding::Padme, len, 10_000);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn agrees_with_the_reference(
        data in 1u8..12,
        parity in 1u8..5,
        is_padded: bool,
        len in prop_oneof![0usize..100_000, 0usize..3_000_000],
        piece in prop_oneof![1usize..5000, 10_000usize..3_000_000],
    ) {
        let padding = if is_padded { Padding::Padme } else { Padding::None };
        check(Coding::new(data, parity).unwrap(), padding, len, piece.max(len / 1000).max(1));
    }
}

/// Opens the cells of blocks as they come: nothing of a long object is kept.
struct Reader<'a> {
    geometry: Geometry,
    opener: Opener,
    /// The plaintext is this, again and again.
    pattern: &'a [u8],
    segment: u32,
    row: u32,
    cells: u64,
}

impl<'a> Reader<'a> {
    fn new(coding: Coding, len: u64, padding: Padding, pattern: &'a [u8]) -> Self {
        let geometry = Geometry::for_len(coding, len, padding).unwrap();
        let keys = ObjectKeys::derive(&key(), &salt(), geometry.cell_size());
        let opener = Opener::new(&keys, geometry, &ObjectHeader::new(len, None, None).unwrap());
        Self { geometry, opener, pattern, segment: 0, row: 0, cells: 0 }
    }

    fn read(&mut self, block: &Block) {
        assert_eq!((block.segment(), block.first_row()), (self.segment, self.row));
        let segment = self.geometry.segment(block.segment()).unwrap();
        for row in 0..block.rows() {
            for column in segment.coding().data_columns() {
                let Some(cell) = segment.cell(column, self.row + row) else { continue };
                assert_eq!(cell, self.cells);
                let bytes =
                    block.column(column).unwrap().slice(row as usize * 16_384..(row as usize + 1) * 16_384);
                self.open(cell, bytes.to_vec());
                self.cells += 1;
            }
        }
        self.row += block.rows();
        assert_eq!(block.is_end_of_segment(), self.row == segment.rows());
        if block.is_end_of_segment() {
            (self.segment, self.row) = (self.segment + 1, 0);
        }
    }

    fn open(&self, cell: u64, bytes: Vec<u8>) {
        let mut plain = Vec::new();
        self.opener.open(cell, &CellBytes::Verified(Verified::for_tests(bytes)), &mut plain).unwrap();
        let start = cell * 16_368;
        let content = usize::try_from(self.opener.object_len().saturating_sub(start).min(16_368)).unwrap();
        let offset = usize::try_from(start % self.pattern.len() as u64).unwrap();
        assert!(plain == self.pattern[offset..][..content], "cell {cell}");
    }
}

/// A pattern in whole cells, so that no cell passes its end.
fn read_back(len: u64, padding: Padding) -> u64 {
    let coding = "254+1".parse().unwrap();
    let pattern = plaintext(254 * 16_368);
    let mut reader = Reader::new(coding, len, padding, &pattern);
    let mut encoder = Encoder::new(coding, padding, key(), salt());
    let mut left = len;
    while left > 0 {
        let mut piece = &pattern[..usize::try_from(left.min(pattern.len() as u64)).unwrap()];
        left -= piece.len() as u64;
        while let Some(block) = encoder.push(&mut piece).unwrap() {
            reader.read(&block.seal());
        }
    }
    let ending = encoder.finish().unwrap();
    assert_eq!(ending.geometry(), &reader.geometry);
    ending.for_each(|block| reader.read(&block.seal()));
    assert_eq!(reader.cells, reader.geometry.cells());
    u64::from(reader.segment)
}

#[test]
fn segment_boundaries() {
    let segment = 254 * 64 * 16_368;
    assert_eq!(read_back(segment, Padding::None), 1);
    assert_eq!(read_back(segment + 1, Padding::None), 2);
    // The padding alone fills the second segment: Padmé keeps six bits of a number of 28.
    let padded = (1 << 28) - (1 << 22) + 1;
    assert!(padded <= segment && Padding::Padme.sealed_len(padded) == Some(1 << 28));
    assert_eq!(read_back(padded, Padding::Padme), 2);
}

#[test]
fn an_empty_object_is_one_cell() {
    let (blocks, geometry) = blocks("5+3".parse().unwrap(), Padding::None, &[], 1);
    assert_eq!((blocks.len(), geometry.cells(), geometry.shards()), (1, 1, 4));
    let columns: Vec<bool> = (0..9).map(|column| blocks[0].column(Column::new(column)).is_some()).collect();
    assert_eq!(columns, [true, false, false, false, false, true, true, true, false]);
}

#[test]
fn a_block_shows_no_plaintext_when_printed() {
    let mut encoder = Encoder::new("2+1".parse().unwrap(), Padding::None, key(), salt());
    encoder.push(&mut &b"a diagnosis"[..]).unwrap();
    assert!(format!("{encoder:?}").len() < 100);
    let block = encoder.finish().unwrap().next().unwrap();
    assert_eq!(format!("{block:?}"), "PlainBlock { segment: 0, first_row: 0, .. }");
    assert!(format!("{:?}", block.seal()).len() < 100);
}
