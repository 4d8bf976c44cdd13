//! The types of signed records about publications, one per file (spec §11).

mod denial;
mod live;
mod live_end;
mod live_segment;
mod publication;
mod share;
mod share_end;
mod withdrawal;

pub use denial::Denial;
pub use live::Live;
pub use live_end::LiveEnd;
pub use live_segment::{LiveSegment, SegmentLen, SegmentNumber, SegmentNumberError};
pub use publication::Publication;
pub use share::{Share, ShareError};
pub use share_end::ShareEnd;
pub use withdrawal::Withdrawal;
