//! What sealed links and health links have in common: an id at their gateway, and what happened to them there (spec §27).

mod event;
mod id;
mod inquiry;
mod reader;

pub use event::{LinkEvent, LinkEventKind};
pub use id::{LinkId, LinkIdError};
pub use inquiry::LinkInquiry;
pub use reader::{READER_CHARS_MAX, Reader};
