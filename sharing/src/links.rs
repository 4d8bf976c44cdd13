//! What sealed links and health links have in common: an id at their gateway, and what happened to them there (spec §27).

/// How far off the end of a link may be that a gateway keeps without its upload token, in seconds (spec §27).
pub const GUEST_LINK_S: u64 = 31 * 86_400;

mod event;
mod id;
mod inquiry;
mod reader;

pub use event::{LinkEvent, LinkEventKind};
pub use id::{LinkId, LinkIdError};
pub use inquiry::LinkInquiry;
pub use reader::{READER_CHARS_MAX, Reader};
