//! What devices without a program of ours send, as a gateway keeps it and an owner opens it (spec §32).

mod append;
mod kept;
mod number;
mod readings;
mod records;

pub use append::{AppendSignature, AppendSignatureError, STREAM_BATCH_LEN_MAX, StreamToken, signed_text};
pub use kept::{
    KeptBatch, KeptBatches, KeptBatchesError, STREAM_ANSWER_LEN_MAX, STREAM_BATCHES_MAX, STREAM_BYTES_MAX,
    STREAM_NUMBER_AHEAD_MAX,
};
pub use number::{BatchNumber, BatchNumberError};
pub use readings::{ReadingsError, STREAM_NAME_LEN_MAX, readings};
pub use records::{DeviceStream, DeviceStreamEnd, StreamInquiry};
