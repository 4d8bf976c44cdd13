//! Publications at a gateway: which there are, what they consist of, and what comes next.

mod ahead;
mod catalogue;
mod encoded;
mod lookups;
mod opened;
mod shows;
mod standing;
mod summary;

pub(crate) use ahead::Ahead;
pub use catalogue::CatalogueError;
pub(crate) use catalogue::{Catalogue, Cursor, Ended, Kept, PaidFor, PaidKind, PaidTitle, keep_private};
pub(crate) use encoded::{BUNDLE_TYPE, PLAYLIST_TYPE};
pub(crate) use opened::Opened;
pub(crate) use publishing::playlists::{Form, master, media};
pub(crate) use shows::{Run, Show, derived, nothing};
pub(crate) use standing::{Publications, withdrawn};
pub(crate) use summary::{Details, Summary};
