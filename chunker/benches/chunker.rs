//! Encoding and decoding beside the sum of the primitives that they consist of, measured in the same run.
//!
//! One thread, data in memory. Every figure is the best of many short runs, in MB (10^6 bytes) of plaintext a second:
//! what else the machine does can only make a run slower.

#[path = "../src/gf_simd.rs"]
#[expect(dead_code, reason = "the kernel's own file, to measure it alone")]
mod gf_simd;

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce};
use chunker::{
    CellBytes, CellSize, Coding, Column, ContentKey, ControlKey, Encoder, Geometry, Manifest, ManifestParts,
    ObjectHeader, Opener, Padding, PlacementSeed, PlainBlock, RequiredTags, Salt, Verified, rebuild,
};
use gf_simd::{Factor, sum_of_products};
use proofs::{LeafSet, Root, ShardHasher, ShardInMemory, SliceDecoder, encode_slice};

const CELL: usize = 16_384;
const PLAIN: usize = CELL - 16;
/// Bytes of plaintext in one run: a block of every coding below. 1 ms is so short that some runs are not interrupted.
const RUN_LEN: usize = 64 * PLAIN;
const ROUNDS: usize = 1000;

fn main() {
    println!("MB/s of plaintext, one thread, best of {ROUNDS} runs of {} kB\n", RUN_LEN / 1000);
    for text in ["4+2", "8+3", "16+4"] {
        let coding: Coding = text.parse().expect("it is a coding");
        Bench::new(coding).print();
    }
}

/// One coding with an object of it.
struct Bench {
    coding: Coding,
    plaintext: Vec<u8>,
    geometry: Geometry,
    opener: Opener,
    /// The verified cells of each column, by row.
    columns: Vec<Vec<Verified>>,
}

impl Bench {
    fn new(coding: Coding) -> Self {
        let plaintext: Vec<u8> = (0..RUN_LEN).map(|i| ((i * 131) >> 7).to_le_bytes()[0]).collect();
        let (geometry, shards) = encode_whole(coding, &plaintext);
        let header = ObjectHeader::new(RUN_LEN as u64, None, None).expect("it is valid");
        let manifest = Manifest::new(ManifestParts {
            geometry,
            content_key: &key(),
            salt: Salt::from_bytes([2; 32]),
            seed: PlacementSeed::from_bytes([3; 32]),
            control: ControlKey::from_bytes([0; 32]).expect("y = 0 is on the curve"),
            roots: shards.iter().map(|shard| Root::of(shard)).collect(),
            required: RequiredTags::default(),
            header: &header,
        });
        let (_, opener) = manifest.expect("all parts fit").open(&key()).expect("it is the key");
        let columns = shards.iter().map(|shard| verified(shard)).collect();
        Self { coding, plaintext, geometry, opener, columns }
    }

    fn print(&self) {
        let lost = usize::from(self.coding.parity());
        // One long object: its blocks take turns with the same buffers.
        let mut encoder = Encoder::new(self.coding, Padding::None, key(), Salt::from_bytes([2; 32]));
        encode_block(&mut encoder, &self.plaintext);
        let runs: &mut [&mut dyn FnMut(); 5] = &mut [
            &mut || seal_cells(&self.plaintext),
            &mut || self.compute_parity(),
            &mut || encode_block(&mut encoder, &self.plaintext),
            &mut || self.decode(0),
            &mut || self.decode(lost),
        ];
        let mut times = [Duration::MAX; 5];
        // In turn, so that all of them meet the same disturbances.
        for _ in 0..ROUNDS {
            for (time, run) in times.iter_mut().zip(runs.iter_mut()) {
                let start = Instant::now();
                run();
                *time = (*time).min(start.elapsed());
            }
        }
        let [cipher, parity, encode, decode, decode_lost] = times;
        println!("{}", self.coding);
        line("  ChaCha20-Poly1305", cipher, None);
        line("  parity", parity, None);
        line("  encoding: push, seal", encode, Some(cipher + parity));
        line("  decoding: open", decode, Some(cipher));
        line("  decoding, m columns lost: rebuild, open", decode_lost, Some(cipher + parity));
        println!();
    }

    fn compute_parity(&self) {
        let data = usize::from(self.coding.data());
        let factors: Vec<Factor> = (0..self.coding.data()).map(|c| Factor::new(c + 2)).collect();
        let mut out = vec![0; CELL];
        for row in 0..self.columns[0].len() {
            let inputs: Vec<&[u8]> =
                self.columns[..data].iter().map(|column| &column[row].as_bytes()[..]).collect();
            for _ in 0..self.coding.parity() {
                black_box(sum_of_products(&factors, &inputs, &mut out));
            }
        }
    }

    /// Opens all cells, after rebuilding those of the first `lost` columns.
    fn decode(&self, lost: usize) {
        let segment = self.geometry.segment(0).expect("there is one");
        let mut out = Vec::with_capacity(CELL);
        let missing: Vec<Column> = self.coding.columns().take(lost.min(self.coding.data().into())).collect();
        for row in 0..segment.rows() {
            let cell_at = |column: Column| (column, self.columns[column.index()][row as usize].clone());
            let mut cells: Vec<CellBytes> = Vec::new();
            if !missing.is_empty() {
                let present: Vec<_> = self.coding.columns().skip(lost).map(cell_at).collect();
                let rebuilt = rebuild(&segment, row, &present, &missing).expect("enough is left");
                cells.extend(rebuilt.into_iter().map(CellBytes::from));
            }
            cells.extend(self.coding.data_columns().skip(lost).map(|column| cell_at(column).1.into()));
            for (column, cell) in self.coding.data_columns().zip(&cells) {
                out.clear();
                let number = segment.cell(column, row).expect("all rows are full");
                self.opener.open(number, cell, &mut out).expect("it is intact");
                black_box(&out);
            }
        }
    }
}

fn line(what: &str, time: Duration, limit: Option<Duration>) {
    let speed = f64::from(u32::try_from(RUN_LEN).expect("it is 1 MB")) / 1e6 / time.as_secs_f64();
    let share = limit.map(|limit| {
        format!("   {:.2} of the sum of its primitives", limit.as_secs_f64() / time.as_secs_f64())
    });
    println!("{what:<45}{speed:>8.0}{}", share.unwrap_or_default());
}

fn key() -> ContentKey {
    ContentKey::from_bytes([1; 32])
}

/// Sealing; opening does the same two passes in the other order.
fn seal_cells(plaintext: &[u8]) {
    let cipher = ChaCha20Poly1305::new(&[1; 32].into());
    let mut out = vec![0; PLAIN];
    for plain in plaintext.chunks_exact(PLAIN) {
        let buffer = InOutBuf::new(plain, &mut out).expect("both are as long");
        black_box(cipher.encrypt_inout_detached(&Nonce::default(), b"", buffer).expect("it is short"));
    }
}

/// Pushes about a block of plaintext in pieces, and seals the block that this completes.
fn encode_block(encoder: &mut Encoder, plaintext: &[u8]) {
    for mut piece in plaintext.chunks(1 << 16) {
        while let Some(block) = encoder.push(&mut piece).expect("it is short") {
            black_box(block.seal());
        }
    }
}

fn encode_whole(coding: Coding, plaintext: &[u8]) -> (Geometry, Vec<Vec<u8>>) {
    let mut encoder = Encoder::new(coding, Padding::None, key(), Salt::from_bytes([2; 32]));
    let mut input = plaintext;
    let mut blocks: Vec<PlainBlock> = Vec::new();
    while let Some(block) = encoder.push(&mut input).expect("it is short") {
        blocks.push(block);
    }
    let ending = encoder.finish().expect("it is short");
    let geometry = *ending.geometry();
    let mut shards = vec![Vec::new(); coding.total().into()];
    for block in blocks.into_iter().chain(ending).map(PlainBlock::seal) {
        for (column, shard) in coding.columns().zip(&mut shards) {
            shard.extend_from_slice(block.column(column).expect("all rows are full"));
        }
    }
    (geometry, shards)
}

fn verified(shard: &[u8]) -> Vec<Verified> {
    let mut hashing = ShardHasher::new();
    hashing.push(shard);
    let hashed = hashing.finish().expect("it is a shard");
    let leaves = LeafSet::whole(hashed.len);
    let source = ShardInMemory { bytes: shard, outboard: &hashed.outboard };
    let mut slice: Bytes = encode_slice(hashed.root, &leaves, &source).expect("it is intact");
    let mut decoder = SliceDecoder::new(hashed.root, leaves);
    let mut cells = Vec::new();
    while let Some(run) = decoder.decode(&mut slice).expect("it is intact") {
        cells.extend(Verified::cells_in(&run, CellSize::LARGEST).map(|(_, cell)| cell));
    }
    cells
}
