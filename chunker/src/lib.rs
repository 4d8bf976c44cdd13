//! Plaintext to sealed cells, stripes and shards, and back; the manifest that names them.
//!
//! ```text
//! put   bytes → Encoder → PlainBlock → seal() → Block → one run of bytes per column      roots → Manifest, Link
//! get   Link → Manifest → open(key) → Opener        verified cells (→ rebuild) → Opener::open → bytes
//! ```
//!
//! [`Geometry`] says where every cell lies. A cell is opened only as [`CellBytes`]: [`Verified`] against the root of its
//! shard, or [`Rebuilt`] from verified ones.
//!
//! This crate does not hash shards, choose nodes, draw keys, or do any input or output: bytes and randomness are handed
//! in, and what it returns depends on nothing else. The formats are those of `docs/spec.md`, sections 2 to 4 and 7 to 9.

mod block;
mod buffers;
mod cell_bytes;
mod coding;
mod encoder;
mod erasure;
mod geometry;
mod gf_simd;
mod header;
mod keys;
mod link;
mod manifest;
mod padme;
mod seal;
#[cfg(test)]
mod vector_tests;

pub use block::{Block, PlainBlock};
pub use cell_bytes::{CellBytes, Rebuilt, Verified};
pub use coding::{COLUMNS_MAX, Coding, CodingError, Column};
pub use encoder::{Encoder, Ending};
pub use erasure::{RebuildError, rebuild};
pub use geometry::{
    CELLS_MAX, CellSize, Geometry, GeometryError, Location, SEGMENT_LEN_MAX, SHARDS_MAX, Segment,
};
pub use header::{HeaderError, MEDIA_TYPE_LEN_MAX, NAME_LEN_MAX, ObjectHeader};
pub use keys::{AccountSecret, Commitment, ContentKey, KeySeed, ObjectKeys, Salt};
pub use link::{Link, LinkError};
pub use manifest::{
    ControlKey, MANIFEST_LEN_MAX, Manifest, ManifestError, ManifestParts, OpenManifestError, PlacementSeed,
};
pub use padme::Padding;
pub use seal::{OpenError, Opener};
