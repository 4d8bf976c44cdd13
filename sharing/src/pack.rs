//! Many small records in few objects: packs, and the catalogue that lists them (spec §30).

mod block;
mod catalogue;
mod error;
mod keys;
mod link;
mod merge;
mod seal;
mod search;
mod top;
mod writer;

pub use block::{IndexBlock, PACK_BLOCK_LEN_MAX, RecordPlace};
pub use catalogue::{
    CATALOGUE_GONE_MAX, CATALOGUE_LEN_MAX, CATALOGUE_PACKS_MAX, Catalogue, CatalogueError, GonePack,
    PACK_LEN_MAX, PackRef,
};
pub use error::PackError;
pub use keys::PackKey;
pub use link::{RecordLink, RecordLinkError};
pub use merge::MergeError;
pub use search::{Search, SearchStep};
pub use top::{BlockPlace, PACK_TOP_LEN_MAX, PackTop};
pub use writer::{
    PACK_RECORDS_LEN_MAX, PACK_RECORDS_MAX, PackEnding, PackFull, PackSummary, PackWriter, PushRecordError,
    RECORD_BYTES_MAX,
};

/// The media type of a pack.
pub const PACK_TYPE: &str = "application/vnd.headwater.pack";
/// The media type of a catalogue.
pub const CATALOGUE_TYPE: &str = "application/vnd.headwater.catalogue+cbor";
