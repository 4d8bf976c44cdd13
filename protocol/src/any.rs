//! A signed record of whatever type, for people who hold a file and want to know what it is.

use crate::{
    Admission, AuditAnswer, AuditCommitment, AuditReceipt, AuditVerdict, Lease, LeaseEnd, Mandate,
    NodeRecord, Pointer, Release, Renewal, Successor,
};

/// Declares an enum of verified records of several types, in the order of their names, and what they are called together.
///
/// The enum is read by [`RecordHeading`](crate::RecordHeading): whoever decodes it learns the type from the bytes.
#[macro_export]
macro_rules! any_record {
    ($(#[$docs:meta])* $any:ident, $every_type:literal, $($variant:ident($record:ty),)+) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Debug)]
        #[expect(missing_docs, reason = "each variant is named as its record")]
        pub enum $any {
            $($variant($crate::Signed<$record>),)+
        }

        impl $any {
            /// The record in these bytes, when its signature verifies for the network that it names itself:
            /// whether that is the right one is for the caller to say ([`Self::network`]).
            pub fn decode(bytes: &[u8]) -> Result<Self, $crate::RecordError> {
                let heading = $crate::RecordHeading::decode(bytes)?;
                let net = heading.network();
                match heading.kind() {
                    $(<$record as $crate::Record>::TYPE => {
                        $crate::Signed::decode(bytes, &net).map(Self::$variant)
                    })+
                    other => {
                        Err($crate::RecordError::Type { expected: $every_type, found: other.to_owned() })
                    }
                }
            }

            /// The name of the record's type.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$record as $crate::Record>::TYPE,)+
                }
            }

            /// Who signed the record.
            pub fn by(&self) -> $crate::PublicKey {
                match self {
                    $(Self::$variant(record) => record.by(),)+
                }
            }

            /// The network for which it was signed.
            pub fn network(&self) -> $crate::NetworkId {
                match self {
                    $(Self::$variant(record) => record.network(),)+
                }
            }
        }

        impl std::fmt::Display for $any {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                writeln!(f, "{}, signature verified", self.kind())?;
                writeln!(f, "network     {}", self.network())?;
                writeln!(f, "signed by   {}", self.by())?;
                match self {
                    $(Self::$variant(record) => record.body().fmt(f),)+
                }
            }
        }
    };
}

any_record! {
    /// A verified record of one of the types of spec §11. Its `Display` tells what it says.
    AnyRecord,
    "admission, audit_answer, audit_commitment, audit_receipt, audit_verdict, lease, lease_end, mandate, node, pointer, \
     release, renewal or successor",
    Admission(Admission),
    AuditAnswer(AuditAnswer),
    AuditCommitment(AuditCommitment),
    AuditReceipt(AuditReceipt),
    AuditVerdict(AuditVerdict),
    Lease(Lease),
    LeaseEnd(LeaseEnd),
    Mandate(Mandate),
    Node(NodeRecord),
    Pointer(Pointer),
    Release(Release),
    Renewal(Renewal),
    Successor(Successor),
}
