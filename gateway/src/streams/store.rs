//! What is asked of a store of batches.

use async_trait::async_trait;
use protocol::Digest;
use sharing::{BatchNumber, KeptBatch, LinkId, STREAM_NUMBER_AHEAD_MAX};

use crate::links::LinkStoreError;

/// Bytes of all batches of all streams that wait for their owners.
pub const STREAMS_BYTES_MAX: u64 = 4 << 30;

/// Batches that last until their owner has them. What a method has done is durable when it returns.
#[async_trait]
pub trait BatchStore: std::fmt::Debug + Send + Sync {
    /// Keeps a batch whose number is greater than every one before it in its stream, by [`STREAM_NUMBER_AHEAD_MAX`] at most.
    async fn append(&self, stream: LinkId, batch: KeptBatch) -> Result<Appended, LinkStoreError>;

    /// Batches that wait with a number above `after`, ascending: as many as have `len_max` bytes together, one of them at least.
    async fn waiting(
        &self,
        stream: LinkId,
        after: Option<BatchNumber>,
        len_max: u64,
    ) -> Result<Vec<KeptBatch>, LinkStoreError>;

    /// Forgets the batches up to this number: their owner keeps them.
    async fn forget(&self, stream: LinkId, upto: BatchNumber) -> Result<(), LinkStoreError>;
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is kept.
    New,
    /// It was kept before, byte for byte.
    Known,
    /// Its number is not above all others, and what was kept under it is not this.
    Settled {
        /// The greatest number so far.
        last: BatchNumber,
    },
    /// Its number is further ahead of all others than a device counts.
    Ahead {
        /// The number that is expected.
        next: BatchNumber,
    },
    /// As many batches or bytes of the stream wait as are kept.
    StreamFull,
    /// As many bytes of all streams wait as are kept.
    Full,
}

/// What is remembered of a stream besides its batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// The greatest number, and the hash of the batch under it.
    pub(super) last: Option<(BatchNumber, Digest)>,
    /// Batches that wait, and their bytes.
    pub(super) waiting: u64,
    pub(super) bytes: u64,
}

impl Standing {
    /// What follows for a batch from what its stream and all others have: `under` is the hash of what waits under its number.
    pub(super) fn judge(&self, batch: &KeptBatch, under: Option<Digest>, bytes_of_all: u64) -> Appended {
        let (digest, len) = (Digest::of(&batch.batch), batch.batch.len() as u64);
        if let Some((last, digest_of_last)) = self.last
            && batch.number <= last
        {
            let kept = if batch.number == last { Some(digest_of_last) } else { under };
            return if kept == Some(digest) { Appended::Known } else { Appended::Settled { last } };
        }
        let last = self.last.map_or(0, |(last, _)| last.get());
        if batch.number.get() - last > STREAM_NUMBER_AHEAD_MAX
            && let Ok(next) = BatchNumber::try_from(last + 1)
        {
            return Appended::Ahead { next };
        }
        if self.waiting >= sharing::STREAM_BATCHES_MAX as u64 || self.bytes + len > sharing::STREAM_BYTES_MAX
        {
            Appended::StreamFull
        } else if bytes_of_all + len > STREAMS_BYTES_MAX {
            Appended::Full
        } else {
            Appended::New
        }
    }
}
