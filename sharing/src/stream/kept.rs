//! Batches that wait at a gateway, as it hands them to their owner.

use proofs::canonical;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{AppendSignature, BatchNumber, STREAM_BATCH_LEN_MAX};

/// Batches of one stream that wait for its owner.
pub const STREAM_BATCHES_MAX: usize = 1024;
/// How far the number of a batch may be above all before it: whoever counts leaves fewer out.
pub const STREAM_NUMBER_AHEAD_MAX: u64 = 1024;
/// Bytes of all batches of one stream that wait.
pub const STREAM_BYTES_MAX: u64 = 32 << 20;
/// Bytes of all batches in one answer.
pub const STREAM_ANSWER_LEN_MAX: usize = 8 << 20;
/// What numbers, signatures and keys add to the bytes of one batch, at most.
const ENTRY_LEN_MAX: usize = 256;
const VERSION: u8 = 1;

/// A batch as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptBatch {
    /// Its number.
    pub number: BatchNumber,
    /// The signature under it.
    pub signature: AppendSignature,
    /// The file of age.
    pub batch: Vec<u8>,
}

/// Batches in the order of their numbers. Nothing of them has been checked but that order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeptBatches {
    batches: Vec<KeptBatch>,
}

/// Why bytes are no answer to an inquiry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum KeptBatchesError {
    #[error("the list of batches is malformed: {0}")]
    Cbor(#[from] canonical::CanonicalError),
    #[error("the list of batches has version {found}, only {VERSION} is known")]
    Version { found: u8 },
    #[error("the list has {found} batches, at most {STREAM_BATCHES_MAX} are possible")]
    Count { found: usize },
    #[error("batch {number} has {len} bytes, 1 to {STREAM_BATCH_LEN_MAX} are possible")]
    Length { number: BatchNumber, len: usize },
    #[error("batch {number} does not follow the one before it")]
    Order { number: BatchNumber },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    batches: Vec<Entry>,
    v: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    batch: ByteBuf,
    number: BatchNumber,
    signature: AppendSignature,
}

impl KeptBatches {
    /// Bytes of the longest answer.
    pub const LEN_MAX: usize = STREAM_ANSWER_LEN_MAX + STREAM_BATCHES_MAX * ENTRY_LEN_MAX;

    /// These batches, which are in order.
    pub fn new(batches: Vec<KeptBatch>) -> Result<Self, KeptBatchesError> {
        if batches.len() > STREAM_BATCHES_MAX {
            return Err(KeptBatchesError::Count { found: batches.len() });
        }
        for KeptBatch { number, batch, .. } in &batches {
            if !(1..=STREAM_BATCH_LEN_MAX).contains(&batch.len()) {
                return Err(KeptBatchesError::Length { number: *number, len: batch.len() });
            }
        }
        match batches.windows(2).find(|pair| pair[0].number >= pair[1].number) {
            Some(pair) => Err(KeptBatchesError::Order { number: pair[1].number }),
            None => Ok(Self { batches }),
        }
    }

    /// What these bytes say.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeptBatchesError> {
        let fields: Fields = canonical::from_slice(bytes, Self::LEN_MAX)?;
        if fields.v != VERSION {
            return Err(KeptBatchesError::Version { found: fields.v });
        }
        let batches = fields.batches.into_iter().map(|Entry { batch, number, signature }| KeptBatch {
            number,
            signature,
            batch: batch.into_vec(),
        });
        Self::new(batches.collect())
    }

    /// Their bytes.
    pub fn encode(self) -> Vec<u8> {
        let batches = self.batches.into_iter().map(|KeptBatch { number, signature, batch }| Entry {
            batch: ByteBuf::from(batch),
            number,
            signature,
        });
        canonical::to_vec(&Fields { batches: batches.collect(), v: VERSION })
    }

    /// The batches.
    pub fn into_batches(self) -> Vec<KeptBatch> {
        self.batches
    }
}
