//! From a file to a publication.
//!
//! ```text
//! file → hash → known already? → packaged, one rendition per track → stored, one object each → bundle → stored → signed record
//! ```
//!
//! [`publish`] does all of it and remembers in the creator's [`IndexFile`] what is finished, so that what was interrupted
//! goes on and what was published costs no second upload. Offering the record to gateways is left to the caller.
//! [`fetch_bundle`] brings back what a record is about; [`download`] reads all of it out of gateways that nobody has to trust,
//! and [`playlists`] are what players read it by.
//! [`record_live`] does the same with a stream that is still being made, segment by segment, and [`finish_live`] makes a
//! publication of what it has become.
//! [`encode`] turns what browsers do not play, or play only in one size, into what they do: it is everything here that
//! calls ffmpeg. A master that needs no encoding needs no ffmpeg either.

mod collection;
mod creator;
mod credentials;
mod describe;
pub mod download;
pub mod encode;
mod fetch;
mod files;
mod hashing;
mod index_file;
mod keeping;
mod live;
mod masters;
mod pictures;
pub mod playlists;
mod publish;
mod rendition;
mod request;
mod store;
mod subtitles;

pub use collection::{CollectionRequest, publish_collection};
pub use creator::Creator;
pub use credentials::carries_credentials;
pub use describe::UnfitTrack;
pub use fetch::{FetchBundleError, FetchPreludeError, fetch_bundle, fetch_prelude};
pub use files::AttachedFile;
pub use index_file::{IndexFile, IndexFileError};
pub use keeping::{Kept, KeptShort};
pub use live::{FinishLiveError, LiveProblem, LiveRequest, LiveStep, Recorded, finish_live, record_live};
pub use masters::MastersError;
pub use packager::LiveSeconds;
pub use publish::{PublishError, Published, publish};
pub use request::{Encoding, Progress, PublishRequest, SubtitleFile};
pub use store::{StoreError, Storing};
