//! The time on this machine.

use std::time::{Duration, SystemTime};

use protocol::UnixSeconds;
use s3s::dto::{Timestamp, TimestampFormat};

pub(crate) fn now() -> UnixSeconds {
    UnixSeconds::from(SystemTime::now())
}

/// A time as S3 has it.
pub(crate) fn timestamp(at: UnixSeconds) -> Timestamp {
    Timestamp::from(SystemTime::UNIX_EPOCH + Duration::from_secs(at.get()))
}

/// A time that a client gives, in whole seconds; one before 1970 counts as 1970.
pub(crate) fn seconds(at: &Timestamp) -> UnixSeconds {
    let mut text = Vec::new();
    let written = at.format(TimestampFormat::EpochSeconds, &mut text).is_ok();
    let text = String::from_utf8(text).unwrap_or_default();
    let whole = text.split('.').next().filter(|_| written).and_then(|text| text.parse().ok());
    UnixSeconds::new(whole.unwrap_or(0))
}
