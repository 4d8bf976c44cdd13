//! What is said and signed between clients and nodes of a Headwater network.
//!
//! * **Records** ([`Signed`], [`AnyRecord`] and one type per record: [`Lease`], [`Mandate`], …) are
//!   canonical CBOR with an Ed25519 signature; holding a [`Signed`] means that the signature was verified.
//! * **Messages** ([`Request`], [`Response`]) are the headers of a stream; [`frame`] turns them into bytes
//!   and back. What a header carries but cannot vouch for stays [`Unverified`].
//! * **Payments** ([`SessionGrant`], [`DeliveryReceipt`], [`Voucher`] and what they are made of) are the part of what `ledger`
//!   counts that gateways and nodes sign and check, too.
//! * **Audits** ([`PlannedAudit`] and what follows from it) lead step by step to a [`Transcript`] that anybody can check.
//! * **Tickets** ([`Ticket`]) are the one text with which somebody joins a network.
//! * **Codes and limits** ([`Code`], [`limits`]) are the numbers that both sides agree on.
//!
//! The crate is pure: it opens no socket, reads no clock and draws no random number. It does not know how
//! shards are stored, who is admitted, or what a shard contains. The bytes are specified in `docs/spec.md`,
//! sections 10, 11, 13, 14, 15, 22, 23 and 25.

mod any;
mod audit;
mod bounded;
mod code;
mod digest;
pub mod frame;
mod ids;
pub mod keys;
pub mod limits;
mod pay;
mod records;
mod request;
mod response;
mod signed;
mod ticket;
mod time;

pub use any::AnyRecord;
pub use audit::{
    AUDIT_LOG_MAGIC, AcknowledgedAudit, AnswerError, AuditAnswer, AuditCommitment, AuditLogHead, AuditPicks,
    AuditPicksError, AuditReceipt, AuditRequest, AuditSecret, AuditTerms, AuditTermsError, AuditVerdict,
    AuditWish, Beacon, DrandRound, DrandRoundError, DrandSignature, DrawnAudit, Draws, DrawsError, Ending,
    FailedPick, FailedPicks, FailedPicksError, Fault, LogEntry, LogEntryError, NotAcknowledged, Outcome,
    OutcomeError, Pick, PlannedAudit, ReceiptError, Reveal, RevealError, SelectionError, Timing, Transcript,
    TranscriptError, Unanswered, UnsignedTranscript, digest_of_slices,
};
pub use bounded::{BoundedList, ListTooLong};
pub use code::{Code, Refusal, Retry, UnknownCode};
pub use digest::Digest;
pub use ids::{LeaseId, NetworkId, ParseNetworkIdError, Sequence, Slot};
pub use iroh_base::{PublicKey, SecretKey, Signature};
pub use pay::{
    AgreementId, Alias, Allocation, Amount, AmountError, Counted, Delivered, DeliveryReceipt, Epoch,
    LaneNumber, Paid, PayLane, Payment, PaymentError, Per, Ppm, PpmError, PricedBytes, Promise, Quantity,
    QuantityError, ReadCost, ReadPrice, STREAMS_MAX, Serial, SessionGrant, StreamNumber, StreamNumberError,
    TitlePrice, Usage, VerifiedPayment, Voucher,
};
pub use records::{
    Addresses, AddressesError, Admission, AdmissionError, ByteHours, CapacityClass, CapacityClassError,
    DomainName, DomainNameError, FormerIdentities, FormerIdentitiesError, Lease, LeaseEnd, LeaseError,
    LeaseTerms, Mandate, MandateError, NodeRecord, Pointer, PointerValue, PointerValueError, Price, RelayUrl,
    RelayUrlError, Release, ReleaseError, Renewal, RenewalError, Successor, Tag, TagError, Tags, TagsError,
};
pub use request::{PageLimit, PageLimitError, Request};
pub use response::{HeldShard, NodeStatus, Response, VersionText, VersionTextError, WholeLen, WholeLenError};
pub use signed::{Record, RecordError, RecordHeading, Signed, Unverified};
pub use ticket::{Contact, ParseTicketError, TICKET_PREFIX, Ticket, TicketError};
pub use time::UnixSeconds;

/// The protocol's name in the TLS handshake (spec §13).
pub const ALPN: &[u8] = b"headwater/1";
