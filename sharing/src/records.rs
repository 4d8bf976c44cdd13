//! The types of signed records about publications, one per file (spec §11).

mod denial;
mod health_link;
mod health_link_end;
mod live;
mod live_end;
mod live_segment;
mod publication;
mod share;
mod share_end;
mod share_reader;
mod withdrawal;

pub use denial::Denial;
pub use health_link::{HEALTH_FILES_MAX, HealthFile, HealthLink, HealthLinkFields, HealthLinkRecordError};
pub use health_link_end::HealthLinkEnd;
pub use live::Live;
pub use live_end::LiveEnd;
pub use live_segment::{LiveSegment, SegmentLen, SegmentNumber, SegmentNumberError};
pub use publication::Publication;
pub use share::{Share, ShareError};
pub use share_end::ShareEnd;
pub use share_reader::ShareReader;
pub use withdrawal::Withdrawal;
