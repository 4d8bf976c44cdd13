//! The index of an account: what it has put and published, by name (spec §24).

mod entry;
mod export;
mod fields;
mod header_fields;
mod hold;
mod index;
mod name;
mod page;
mod pointer_value;
mod root;
mod seal;
mod stamp;

pub use entry::{Entry, EntryError, FileEntry, StoredPublishingIndex, What};
pub use export::{Export, ExportError, INDEX_EXPORT_LEN_MAX, INDEX_NAMES_MAX};
pub use header_fields::{HEADER_FIELDS_LEN_MAX, HEADER_FIELDS_MAX, HeaderFields, HeaderFieldsError};
pub use hold::{Hold, HoldError};
pub use index::{AccountIndex, Displaced, IndexFull, TOMBSTONE_KEPT_S};
pub use name::{EntryName, INDEX_PATH_LEN_MAX, IndexPath, NameError};
pub use page::{INDEX_PAGE_ENTRIES_MAX, INDEX_PAGE_LEN_MAX, IndexPage, PageError, PagePrefix};
pub use pointer_value::{PointerContents, PointerContentsError};
pub use root::{INDEX_ROOT_LEN_MAX, IndexRoot, PageRef, RootError};
pub use stamp::{Clock, ClockError, DEVICES_SEEN_MAX, DeviceId, Seen, SeenError, Stamp};
