//! A signed record of whatever type, for people who hold a file and want to know what it is.

use std::fmt;

use iroh_base::PublicKey;

use crate::{
    Admission, Lease, Mandate, NetworkId, NodeRecord, Pointer, Record, RecordError, RecordHeading, Release,
    Renewal, Signed, Successor,
};

/// A verified record of one of the types of spec §11. Its `Display` tells what it says.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "each variant is named as its record")]
pub enum AnyRecord {
    Admission(Signed<Admission>),
    Lease(Signed<Lease>),
    Mandate(Signed<Mandate>),
    Node(Signed<NodeRecord>),
    Pointer(Signed<Pointer>),
    Release(Signed<Release>),
    Renewal(Signed<Renewal>),
    Successor(Signed<Successor>),
}

impl AnyRecord {
    /// The record in these bytes, when its signature verifies for the network that it names itself:
    /// whether that is the right one is for the caller to say ([`Self::network`]).
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let heading = RecordHeading::decode(bytes)?;
        let net = heading.network();
        match heading.kind() {
            Admission::TYPE => Signed::decode(bytes, &net).map(Self::Admission),
            Lease::TYPE => Signed::decode(bytes, &net).map(Self::Lease),
            Mandate::TYPE => Signed::decode(bytes, &net).map(Self::Mandate),
            NodeRecord::TYPE => Signed::decode(bytes, &net).map(Self::Node),
            Pointer::TYPE => Signed::decode(bytes, &net).map(Self::Pointer),
            Release::TYPE => Signed::decode(bytes, &net).map(Self::Release),
            Renewal::TYPE => Signed::decode(bytes, &net).map(Self::Renewal),
            Successor::TYPE => Signed::decode(bytes, &net).map(Self::Successor),
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
            Self::Admission(record) => of(record),
            Self::Lease(record) => of(record),
            Self::Mandate(record) => of(record),
            Self::Node(record) => of(record),
            Self::Pointer(record) => of(record),
            Self::Release(record) => of(record),
            Self::Renewal(record) => of(record),
            Self::Successor(record) => of(record),
        }
    }
}

impl fmt::Display for AnyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, signature verified", self.kind())?;
        writeln!(f, "network     {}", self.network())?;
        writeln!(f, "signed by   {}", self.by())?;
        match self {
            Self::Admission(record) => record.body().fmt(f),
            Self::Lease(record) => record.body().fmt(f),
            Self::Mandate(record) => record.body().fmt(f),
            Self::Node(record) => record.body().fmt(f),
            Self::Pointer(record) => record.body().fmt(f),
            Self::Release(record) => record.body().fmt(f),
            Self::Renewal(record) => record.body().fmt(f),
            Self::Successor(record) => record.body().fmt(f),
        }
    }
}

const EVERY_TYPE: &str = "admission, lease, mandate, node, pointer, release, renewal or successor";
