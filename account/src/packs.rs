//! Folders of many small records on the network: put as packs, read through their catalogue (spec §30).

mod feed;
mod put;
mod read;

pub use put::{BoxError, PackPut, Packed, PutPacksError};
pub use read::{ReadRecordsError, RecordFolder, read_record};
