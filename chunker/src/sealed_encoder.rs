//! Sealed cells in, blocks with parity out: what codes an object for whoever has sealed it elsewhere. No key is needed.

use std::fmt;

use bytes::Buf;

use crate::block::BLOCK_CELLS;
use crate::buffers::Buffers;
use crate::erasure::ParityCoder;
use crate::{Block, Geometry};

/// Cuts the sealed cells of one object, in the order of their numbers, into blocks of about 1 MiB.
pub struct SealedEncoder {
    geometry: Geometry,
    parity: ParityCoder,
    buffers: Buffers,
    /// The first cell of the block that is being filled.
    first_cell: u64,
    /// Bytes that it has.
    filled: usize,
    columns: Vec<Vec<u8>>,
}

impl SealedEncoder {
    /// An encoder of an object of this shape.
    pub fn new(geometry: Geometry) -> Self {
        let coding = geometry.coding();
        let columns = vec![Vec::new(); coding.data().into()];
        let (parity, buffers) = (ParityCoder::new(coding), Buffers::default());
        Self { geometry, parity, buffers, first_cell: 0, filled: 0, columns }
    }

    /// Bytes of sealed cells that have not come yet.
    pub fn missing(&self) -> u64 {
        let size = self.geometry.cell_size().bytes() as u64;
        (self.geometry.cells() - self.first_cell) * size - self.filled as u64
    }

    /// Takes bytes from `input` until it is empty (`None`), or until a block is complete: then call again with the rest. After the last
    /// cell it takes nothing more.
    pub fn push(&mut self, input: &mut impl Buf) -> Option<Block> {
        let block_len = self.block_cells() * self.geometry.cell_size().bytes();
        while input.has_remaining() && self.filled < block_len {
            self.fill(input);
        }
        (self.filled == block_len && block_len > 0).then(|| self.take_block())
    }

    /// Takes bytes of one cell.
    fn fill(&mut self, input: &mut impl Buf) {
        let size = self.geometry.cell_size().bytes();
        let bytes = input.chunk();
        let bytes = &bytes[..bytes.len().min(size - self.filled % size)];
        let data = self.columns.len();
        let column = &mut self.columns[self.filled / size % data];
        column.extend_from_slice(bytes);
        self.filled += bytes.len();
        let len = bytes.len();
        input.advance(len);
    }

    /// The cells of the block that is being filled: whole rows, none of the next segment, none after the last.
    fn block_cells(&self) -> usize {
        let Some(place) = self.geometry.locate(self.first_cell) else { return 0 };
        let segment = self.geometry.segment(place.segment).expect("a located segment exists");
        let data = u32::from(self.geometry.coding().data());
        let rows = (BLOCK_CELLS / data).clamp(1, segment.rows() - place.row);
        (rows * data).min(segment.cells() - place.row * data) as usize
    }

    fn take_block(&mut self) -> Block {
        let place = self.geometry.locate(self.first_cell).expect("a block that is full has cells");
        let segment = self.geometry.segment(place.segment).expect("a located segment exists");
        let size = self.geometry.cell_size().bytes();
        let cells = self.filled / size;
        let rows = cells.div_ceil(self.columns.len());
        let mut parity: Vec<Vec<u8>> = (0..segment.coding().parity()).map(|_| vec![0; rows * size]).collect();
        for row in 0..rows {
            let here = row * size..(row + 1) * size;
            let data: Vec<&[u8]> = self.columns.iter().map_while(|column| column.get(here.clone())).collect();
            self.parity.encode(&data, parity.iter_mut().map(|column| &mut column[here.clone()]));
        }
        let rows = u32::try_from(rows).expect("a block has few rows");
        let empty = vec![Vec::new(); self.columns.len()];
        let columns = std::mem::replace(&mut self.columns, empty).into_iter().chain(parity);
        let columns = columns.map(|column| self.buffers.lend(column)).collect();
        self.first_cell += cells as u64;
        self.filled = 0;
        Block::of_columns(segment.index(), place.row, rows, place.row + rows == segment.rows(), columns)
    }
}

impl fmt::Debug for SealedEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedEncoder").field("geometry", &self.geometry).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Coding, ContentKey, Encoder, Padding, Salt};

    /// What `Encoder` gives of a plaintext: its shape, its sealed cells in order, and the columns of each segment.
    fn sealed(coding: Coding, len: usize) -> (Geometry, Vec<u8>, Vec<Vec<u8>>) {
        let plaintext: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let (key, salt) = (ContentKey::from_bytes([1; 32]), Salt::from_bytes([2; 32]));
        let mut encoder = Encoder::new(coding, Padding::None, key, salt);
        let (mut input, mut blocks) = (plaintext.as_slice(), Vec::new());
        while let Some(block) = encoder.push(&mut input).unwrap() {
            blocks.push(block.seal());
        }
        let ending = encoder.finish().unwrap();
        let geometry = *ending.geometry();
        blocks.extend(ending.map(crate::PlainBlock::seal));
        let columns = columns_of(coding, &blocks);
        let size = geometry.cell_size().bytes();
        let cells = (0..geometry.cells()).flat_map(|cell| {
            let place = geometry.locate(cell).unwrap();
            assert_eq!(place.segment, 0, "the test stays in one segment");
            columns[place.column.index()][place.row as usize * size..][..size].to_vec()
        });
        (geometry, cells.collect(), columns)
    }

    fn columns_of(coding: Coding, blocks: &[Block]) -> Vec<Vec<u8>> {
        let of = |column| blocks.iter().filter_map(|block| block.column(column)).flatten().copied().collect();
        coding.columns().map(of).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whoever codes sealed cells gets the columns that whoever sealed them would have got.
        #[test]
        fn codes_as_the_owner_would(data in 1u8..6, parity in 1u8..4, len in 0usize..2_500_000, piece in 1usize..100_000) {
            let coding = Coding::new(data, parity).unwrap();
            let (geometry, cells, expected) = sealed(coding, len);
            let (mut encoder, mut blocks) = (SealedEncoder::new(geometry), Vec::new());
            prop_assert_eq!(encoder.missing(), cells.len() as u64);
            for mut piece in cells.chunks(piece) {
                while let Some(block) = encoder.push(&mut piece) {
                    blocks.push(block);
                }
                prop_assert!(piece.is_empty());
            }
            prop_assert_eq!(encoder.missing(), 0);
            prop_assert!(encoder.push(&mut [0_u8].as_slice()).is_none());
            prop_assert!(blocks.last().unwrap().is_end_of_segment());
            prop_assert_eq!(blocks.iter().map(Block::rows).sum::<u32>(), geometry.segment(0).unwrap().rows());
            prop_assert_eq!(columns_of(coding, &blocks), expected);
        }
    }
}
