//! A signed record about publications, of whatever type.

use crate::{Denial, Live, LiveEnd, LiveSegment, Publication, Share, ShareEnd, ShareReader, Withdrawal};

protocol::any_record! {
    /// A verified record of one of the types of spec §11 that concern publications. Its `Display` tells what it says.
    SharingRecord, "denial, live, live_end, live_segment, publication or withdrawal",
    Denial(Denial),
    Live(Live),
    LiveEnd(LiveEnd),
    LiveSegment(LiveSegment),
    Publication(Publication),
    Withdrawal(Withdrawal),
}

protocol::any_record! {
    /// A verified record of one of the types of spec §27. Its `Display` tells what it says.
    ShareRecord, "share, share_end or share_reader",
    Share(Share),
    ShareEnd(ShareEnd),
    ShareReader(ShareReader),
}
