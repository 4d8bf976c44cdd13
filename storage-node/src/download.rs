//! Slices and proofs on their way out: read and verified beside the network, piece by piece.

use std::sync::Arc;

use bytes::Bytes;
use proofs::{EncodeSliceError, LeafSet, Root, SliceEncoder};
use protocol::limits::MANIFEST_LEN_MAX;
use protocol::{Code, Refusal};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::store::{HeldShard, Lookup, Store, Verdict, shows_corruption};

/// Length of the pieces in which a slice is read and sent, in bytes (and up to 16 KiB more).
const PIECE_LEN: usize = 128 * 1024;
/// Pieces that may wait for the network.
const PIECES_AHEAD: usize = 2;

/// The pieces of a slice; after an error no more come.
pub(crate) type Pieces = mpsc::Receiver<Result<Bytes, Refusal>>;

/// Reads the slice of `leaves`. Every piece was verified against the root.
pub(crate) fn slice(store: Arc<Store>, root: Root, leaves: LeafSet) -> Pieces {
    let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
    spawn_blocking(move || {
        if let Err(refusal) = encode(&store, root, leaves, &pieces) {
            // Nobody listens any more when the client has left.
            drop(pieces.blocking_send(Err(refusal)));
        }
    });
    receiver
}

fn encode(
    store: &Store,
    root: Root,
    leaves: LeafSet,
    pieces: &mpsc::Sender<Result<Bytes, Refusal>>,
) -> Result<(), Refusal> {
    let mut shard = find(store, root)?;
    if shard.len != leaves.len() {
        return Err(Refusal::new(Code::NotHeld, "the shard has another length"));
    }
    shard.prepare(leaves.leaf_count()).map_err(|source| {
        let error = EncodeSliceError::ReadOutboard { offset: 0, source };
        failed(store, &shard, &error)
    })?;
    let mut encoder = SliceEncoder::new(root, leaves, &shard);
    loop {
        match encoder.next_part(PIECE_LEN) {
            Ok(Some(piece)) => {
                if pieces.blocking_send(Ok(piece)).is_err() {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => return Err(failed(store, &shard, &error)),
        }
    }
}

/// A whole shard of at most 1 MiB, verified.
pub(crate) fn whole(store: &Store, root: Root) -> Result<Bytes, Refusal> {
    let shard = find(store, root)?;
    if shard.len.get() > MANIFEST_LEN_MAX {
        return Err(Refusal::new(Code::BadRequest, "only shards of at most 1 MiB are sent whole"));
    }
    let bytes = shard
        .read_all()
        .map_err(|source| failed(store, &shard, &EncodeSliceError::ReadBytes { offset: 0, source }))?;
    if Root::of(&bytes) != root {
        let end = bytes.len() as u64;
        return Err(failed(store, &shard, &EncodeSliceError::RottenBytes { start: 0, end }));
    }
    Ok(bytes.into())
}

fn find(store: &Store, root: Root) -> Result<HeldShard, Refusal> {
    match store.find(&root) {
        Ok(Lookup::Held(shard)) => Ok(shard),
        Ok(Lookup::Corrupt) => Err(Refusal::new(Code::Corrupt, "the shard does not match its root")),
        Ok(Lookup::Lost) => Err(Refusal::new(Code::NotHeld, "the file of the shard is gone")),
        Ok(Lookup::NotHeld) => Err(Refusal::new(Code::NotHeld, "no such shard")),
        Err(error) => {
            tracing::error!(%root, %error, "cannot look up a shard");
            Err(error.refusal())
        }
    }
}

fn failed(store: &Store, shard: &HeldShard, error: &EncodeSliceError) -> Refusal {
    tracing::error!(root = %shard.root, %error, "cannot read a shard");
    if shows_corruption(error) {
        store.judge(&shard.root, shard.place, Verdict::Corrupt);
        Refusal::new(Code::Corrupt, "the shard does not match its root")
    } else {
        Refusal::new(Code::Internal, "the shard cannot be read")
    }
}
