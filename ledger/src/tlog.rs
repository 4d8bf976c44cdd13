//! The transparency log, as C2SP specifies it: tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature, tlog-policy,
//! tlog-proof and tlog-witness. Everything about its formats is here, and nothing about money.

mod checkpoint;
mod note;
mod policy;
mod proof;
mod receipt;
mod text;
mod tile;
mod tree;
mod witness;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use note::{
    KeyKind, KeyName, NOTE_LEN_MAX, NOTE_SIGNATURES_MAX, NoteError, SignedNote, VerifierKey, VerifierKeyError,
};
pub use policy::{AcceptedCheckpoint, NotAccepted, POLICY_ITEMS_MAX, POLICY_LEN_MAX, Policy, PolicyError};
pub use proof::{
    ProofError, Subtree, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
pub use receipt::{LOG_PROOF_LEN_MAX, LogProof, LogProofError, NotProved};
pub use tile::{Bundle, BundleError, LogBytes, LogBytesError, TILE_WIDTH, Tile};
pub use tree::{Frontier, TreeHash};
pub use witness::{
    ADD_CHECKPOINT_LEN_MAX, AddCheckpoint, AddCheckpointError, Admitted, CONSISTENCY_LEN_MAX, Cosignable,
    NotCosigned, Witnessed, parse_conflict, with_cosignature,
};
