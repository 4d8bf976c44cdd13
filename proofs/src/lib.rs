//! What a shard is, and how little of it proves that all of it is there.
//!
//! A **shard** is a string of 1 to 2^28 bytes; its BLAKE3 hash is its [`Root`] and its only name. This crate
//! computes roots and [`Outboard`]s in one pass ([`ShardHasher`]), cuts verified **slices** out of shards
//! ([`SliceEncoder`], [`SliceDecoder`]), and draws, answers and checks **challenges** ([`Challenge`]), alone or
//! out of a set that was committed to ([`AuditedSet`]). It also holds what every stored format is made of: [`Cid`] and strict [`canonical`] CBOR.
//!
//! The formats are `docs/spec.md` sections 1, 5, 6, 8 and 23. Slices are the encoding of bao-tree with chunk groups
//! of 16 KiB, without a length prefix.
//!
//! This crate reads no file, no socket and no clock, draws no randomness, and knows nothing of keys,
//! objects or erasure codes.

mod audited_set;
pub mod canonical;
mod challenge;
mod cid;
mod decoder;
mod encoder;
mod hasher;
mod leaves;
mod outboard;
mod root;
mod set_path;
mod shard_len;
mod tree;

#[cfg(test)]
mod reference;

pub use audited_set::{
    AUDITED_SHARDS_MAX, AuditedSet, AuditedSetError, AuditedShard, Selection, SetCommitment, SetPathError,
    leaf_at,
};
pub use challenge::{CHALLENGE_LEAVES_MAX, Challenge, ChallengeError, Proven};
pub use cid::{CID_LEN, Cid, CidError};
pub use decoder::{DecodeSliceError, SliceDecoder, VerifiedBytes};
pub use encoder::{EncodeSliceError, ReadShard, ShardInMemory, SliceEncoder, encode_slice};
pub use hasher::{HashedShard, ShardHasher};
pub use leaves::{LeafSet, LeafSetError};
pub use outboard::{Outboard, OutboardError};
pub use root::{Root, RootError};
pub use set_path::{DecodeSetPathError, SetPath};
pub use shard_len::{GROUP_LEN, LEAF_LEN, SHARD_LEN_MAX, ShardLen, ShardLenError};
