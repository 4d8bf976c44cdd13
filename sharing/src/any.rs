//! A signed record about publications, of whatever type.

use std::fmt;

use protocol::{NetworkId, PublicKey, Record, RecordError, RecordHeading, Signed};

use crate::{Denial, Live, LiveEnd, LiveSegment, Publication, Withdrawal};

/// A verified record of one of the types of spec §11 that concern publications. Its `Display` tells what it says.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "each variant is named as its record")]
pub enum SharingRecord {
    Denial(Signed<Denial>),
    Live(Signed<Live>),
    LiveEnd(Signed<LiveEnd>),
    LiveSegment(Signed<LiveSegment>),
    Publication(Signed<Publication>),
    Withdrawal(Signed<Withdrawal>),
}

impl SharingRecord {
    /// The record in these bytes, when its signature verifies for the network that it names itself:
    /// whether that is the right one is for the caller to say ([`Self::network`]).
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let heading = RecordHeading::decode(bytes)?;
        let net = heading.network();
        match heading.kind() {
            Denial::TYPE => Signed::decode(bytes, &net).map(Self::Denial),
            Live::TYPE => Signed::decode(bytes, &net).map(Self::Live),
            LiveEnd::TYPE => Signed::decode(bytes, &net).map(Self::LiveEnd),
            LiveSegment::TYPE => Signed::decode(bytes, &net).map(Self::LiveSegment),
            Publication::TYPE => Signed::decode(bytes, &net).map(Self::Publication),
            Withdrawal::TYPE => Signed::decode(bytes, &net).map(Self::Withdrawal),
            other => Err(RecordError::Type { expected: EVERY_TYPE, found: other.to_owned() }),
        }
    }

    /// The name of the record's type.
    pub fn kind(&self) -> &'static str {
        self.heading().0
    }

    /// Who signed the record.
    pub fn by(&self) -> PublicKey {
        self.heading().1
    }

    /// The network for which it was signed.
    pub fn network(&self) -> NetworkId {
        self.heading().2
    }

    fn heading(&self) -> (&'static str, PublicKey, NetworkId) {
        fn of<T: Record>(record: &Signed<T>) -> (&'static str, PublicKey, NetworkId) {
            (T::TYPE, record.by(), record.network())
        }
        match self {
            Self::Denial(record) => of(record),
            Self::Live(record) => of(record),
            Self::LiveEnd(record) => of(record),
            Self::LiveSegment(record) => of(record),
            Self::Publication(record) => of(record),
            Self::Withdrawal(record) => of(record),
        }
    }
}

impl fmt::Display for SharingRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, signature verified", self.kind())?;
        writeln!(f, "network     {}", self.network())?;
        writeln!(f, "signed by   {}", self.by())?;
        match self {
            Self::Denial(record) => record.body().fmt(f),
            Self::Live(record) => record.body().fmt(f),
            Self::LiveEnd(record) => record.body().fmt(f),
            Self::LiveSegment(record) => record.body().fmt(f),
            Self::Publication(record) => record.body().fmt(f),
            Self::Withdrawal(record) => record.body().fmt(f),
        }
    }
}

const EVERY_TYPE: &str = "denial, live, live_end, live_segment, publication or withdrawal";
