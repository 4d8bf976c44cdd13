//! Plaintext to sealed cells, stripes and shards, and back; the manifest that names them.
//!
//! ```text
//! put   bytes → Encoder → PlainBlock → seal() → Block → one run of bytes per column      roots → Manifest, Link
//! get   Link → Manifest → open(key) → Opener        verified cells (→ rebuild) → Opener::open → bytes
//! ```
//!
//! [`Geometry`] says where every cell lies. A cell is opened only as [`CellBytes`]: [`Verified`] against the root of its
//! shard, [`Rebuilt`] from verified ones, or [`Claimed`] by somebody else to be so.
//!
//! ```
//! use chunker::{Coding, ContentKey, Encoder, Padding, Salt};
//!
//! let coding: Coding = "5+3".parse()?;
//! let (key, salt) = (ContentKey::from_bytes([1; 32]), Salt::from_bytes([2; 32])); // random ones, of course
//! let mut encoder = Encoder::new(coding, Padding::Padme, key, salt);
//! let mut input: &[u8] = b"what a reader gives, piece by piece";
//! while let Some(block) = encoder.push(&mut input)? {
//!     let _sealed = block.seal(); // on any thread
//! }
//! let ending = encoder.finish()?;
//! assert_eq!((ending.object_len(), ending.geometry().shards()), (35, 4));
//! for block in ending {
//!     let block = block.seal();
//!     for column in coding.columns().filter(|&column| block.column(column).is_some()) {
//!         // the next bytes of the shard of this segment and column
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate does not hash shards, choose nodes, draw keys, or do any input or output: bytes and randomness are handed
//! in, and what it returns depends on nothing else. The formats are those of `docs/spec.md`, sections 2 to 4, 7 to 9 and 27.

mod batches;
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
mod required_tags;
mod seal;
mod sealed_encoder;
mod secret_type;
#[cfg(test)]
mod vector_tests;

pub use batches::{SEALED_BATCH_ROWS, SealedBatch, SealedBatches, SealedRun};
pub use block::{Block, PlainBlock};
pub use cell_bytes::{CellBytes, Claimed, Rebuilt, Verified};
pub use coding::{COLUMNS_MAX, Coding, CodingError, Column};
pub use encoder::{Encoder, Ending};
pub use erasure::{RebuildError, rebuild};
pub use geometry::{
    CELLS_MAX, CellSize, Geometry, GeometryError, Location, SEGMENT_LEN_MAX, SHARDS_MAX, Segment,
};
pub use header::{HeaderError, MEDIA_TYPE_LEN_MAX, NAME_LEN_MAX, ObjectHeader};
pub use keys::{
    AccountSecret, Commitment, ContentKey, FileMark, IndexKey, KeySeed, ObjectKeys, OwnKey, Salt,
};
pub use link::{Link, LinkError};
pub use manifest::{
    ControlKey, MANIFEST_LEN_MAX, Manifest, ManifestError, ManifestParts, OpenManifestError, PlacementSeed,
    SEALED_HEADER_LEN, SealedManifest,
};
pub use padme::Padding;
pub use required_tags::{REQUIRED_TAGS_LEN_MAX, REQUIRED_TAGS_MAX, RequiredTags, RequiredTagsError};
pub use seal::{OpenError, Opener};
pub use sealed_encoder::SealedEncoder;
#[doc(hidden)]
pub use secret_type::{is_same_secret, wipe_secret};
