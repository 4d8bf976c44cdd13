//! Sealed answers (spec §27): how a gateway sends cells that it cannot open, and how a reader checks them.

mod frame;
mod reader;
mod upload;

pub use frame::{FRAME_HEAD_LEN, FrameKind, frame_head};
pub use reader::{ReceivedBatch, ReceivedCell, SealedReadError, SealedReader};
pub use upload::{SEALED_UPLOAD_HEAD_LEN_MAX, SealedUpload, SealedUploadError};
