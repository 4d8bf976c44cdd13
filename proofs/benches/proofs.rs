//! What proofs cost, each figure beside its limit in the same run: `blake3::hash` of the same bytes. bao-tree, whose
//! encoding this is, runs beside them.
//!
//! `cargo bench -p proofs`. One thread; the cases take turns, and the quickest round of each counts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bao_tree::io::outboard::PostOrderMemOutboard;
use bao_tree::io::sync::{DecodeResponseIter, encode_ranges_validated};
use bao_tree::{BlockSize, ChunkRanges};
use bytes::Bytes;
use proofs::{
    Challenge, HashedShard, LeafSet, Root, ShardHasher, ShardInMemory, SliceDecoder, SliceEncoder,
    encode_slice,
};

const BLOCK_SIZE: BlockSize = BlockSize::from_chunk_log(4);
const SHARD_LEN: usize = 64 << 20;
/// What a node reads from a socket or a file at once.
const PIECE_LEN: usize = 256 << 10;
/// What a QUIC stream hands over when packets are small.
const PACKET_LEN: usize = 1400;
const ROUNDS: usize = 15;
const PROOFS_PER_ROUND: u32 = 2000;

fn main() {
    let bytes = Bytes::from(sample(SHARD_LEN));
    let hashed = hash(&bytes, PIECE_LEN);
    let shard = ShardInMemory { bytes: &bytes, outboard: &hashed.outboard };
    let whole = LeafSet::whole(hashed.len);
    let slice = encode_slice(hashed.root, &whole, &shard).expect("the shard is sound");

    let theirs = PostOrderMemOutboard::create(&bytes, BLOCK_SIZE);
    let mut out = Vec::new();

    println!("{} MiB, pieces of {} KiB, best of {ROUNDS} rounds", SHARD_LEN >> 20, PIECE_LEN >> 10);
    let table = measure(&mut [
        ("blake3::hash", &mut || _ = black_box(Root::of(&bytes))),
        ("root and outboard", &mut || drop(black_box(hash(&bytes, PIECE_LEN)))),
        ("root and outboard, packets", &mut || drop(black_box(hash(&bytes, PACKET_LEN)))),
        ("encode whole, validated", &mut || encode(&hashed, &whole, &shard)),
        ("decode whole", &mut || decode(&hashed, &whole, &slice, PIECE_LEN)),
        ("decode whole, packets", &mut || decode(&hashed, &whole, &slice, PACKET_LEN)),
        ("bao-tree: root and outboard", &mut || {
            black_box(PostOrderMemOutboard::create(&bytes, BLOCK_SIZE));
        }),
        ("bao-tree: encode, validated", &mut || encode_with_bao_tree(&bytes, &theirs, &mut out)),
        ("bao-tree: decode", &mut || decode_with_bao_tree(&theirs, &slice)),
    ]);
    for (name, time) in &table {
        let per_gib = time.as_secs_f64() * f64::from(1 << 30) / f64::from(1 << 26);
        println!(
            "{name:28} {per_gib:6.3} s/GiB   ratio {:5.3}",
            time.as_secs_f64() / table[0].1.as_secs_f64()
        );
    }
    measure_proofs(&hashed, &shard);
}

fn measure_proofs(hashed: &HashedShard, shard: &ShardInMemory<'_>) {
    let challenges: Vec<Challenge> = (0..PROOFS_PER_ROUND)
        .map(|i| {
            let seed = *blake3::hash(&i.to_le_bytes()).as_bytes();
            Challenge::draw(hashed.root, hashed.len, seed, 1).expect("one leaf may be asked for")
        })
        .collect();
    let proofs: Vec<Bytes> =
        challenges.iter().map(|challenge| challenge.prove(shard).expect("the shard is sound")).collect();
    let chunk = &shard.bytes[..1024];
    let table = measure(&mut [
        ("blake3::hash of 1 KiB", &mut || {
            for _ in 0..PROOFS_PER_ROUND {
                black_box(Root::of(black_box(chunk)));
            }
        }),
        ("prove one leaf", &mut || {
            for challenge in &challenges {
                black_box(challenge.prove(shard).expect("the shard is sound"));
            }
        }),
        ("verify one leaf", &mut || {
            for (challenge, proof) in challenges.iter().zip(&proofs) {
                black_box(challenge.verify(proof).expect("the proof is sound"));
            }
        }),
    ]);
    for (name, time) in &table {
        println!("{name:28} {:6.2} µs", time.as_secs_f64() * 1e6 / f64::from(PROOFS_PER_ROUND));
    }
    println!("proof of one leaf            {:6} bytes", proofs[0].len());
}

type Case<'a> = (&'static str, &'a mut dyn FnMut());

/// The quickest round of each case: whatever else runs on the machine only makes rounds slower.
fn measure(cases: &mut [Case<'_>]) -> Vec<(&'static str, Duration)> {
    let mut table: Vec<_> = cases.iter().map(|(name, _)| (*name, Duration::MAX)).collect();
    for _ in 0..ROUNDS {
        for ((_, best), (_, run)) in table.iter_mut().zip(cases.iter_mut()) {
            let start = Instant::now();
            run();
            *best = start.elapsed().min(*best);
        }
    }
    table
}

fn hash(bytes: &[u8], piece_len: usize) -> HashedShard {
    let mut hasher = ShardHasher::new();
    for piece in bytes.chunks(piece_len) {
        hasher.push(piece);
    }
    hasher.finish().expect("64 MiB are a shard")
}

fn encode(hashed: &HashedShard, leaves: &LeafSet, shard: &ShardInMemory<'_>) {
    let mut encoder = SliceEncoder::new(hashed.root, leaves.clone(), shard);
    while let Some(part) = encoder.next_part(PIECE_LEN).expect("the shard is sound") {
        black_box(part);
    }
}

fn decode(hashed: &HashedShard, leaves: &LeafSet, slice: &Bytes, piece_len: usize) {
    let mut decoder = SliceDecoder::new(hashed.root, leaves.clone());
    let mut rest = slice.clone();
    while !rest.is_empty() {
        let mut piece = rest.split_to(piece_len.min(rest.len()));
        while let Some(run) = decoder.decode(&mut piece).expect("the slice is sound") {
            black_box(run);
        }
    }
    decoder.finish().expect("the slice is whole");
}

/// Into memory that has been used before.
fn encode_with_bao_tree(bytes: &[u8], outboard: &PostOrderMemOutboard, out: &mut Vec<u8>) {
    out.clear();
    encode_ranges_validated(bytes, outboard, &ChunkRanges::all(), &mut *out).expect("the shard is sound");
    black_box(out);
}

fn decode_with_bao_tree(outboard: &PostOrderMemOutboard, slice: &[u8]) {
    for item in DecodeResponseIter::new(outboard.root, outboard.tree, slice, &ChunkRanges::all()) {
        black_box(item.expect("the slice is sound"));
    }
}

fn sample(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(b"sample").finalize_xof().fill(&mut bytes);
    bytes
}
