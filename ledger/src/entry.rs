//! Entries of the journal: whatever changes what somebody has, in the order in which the ledger took it (spec §25).

mod wire;

pub(crate) use self::wire::WireAgreed;

use protocol::{
    Allocation, DeliveryReceipt, NetworkId, RecordError, SessionGrant, Signed, UnixSeconds, Voucher,
};

use crate::{
    Acceptance, AgreementError, Attestation, Blind, Budget, Consent, Deposit, Dispute, Hold, KeyDelivery,
    LicenceTransfer, Offer, PageRelease, Payee, PayoutClaim, Prepayment, Purchase, Resolution, Reversal,
    SessionRequest, SplitAgreement, StorageReport, Summary,
};
use proofs::canonical::{self, CanonicalError};

/// Longest entry, in bytes.
pub const ENTRY_LEN_MAX: usize = 131_072;
/// Most signatures under one agreement: its own and those of the version before.
pub const CONSENTS_MAX: usize = 130;

/// One entry, of which every signature was verified.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// When the ledger took it; never before the entry before it.
    pub at: UnixSeconds,
    /// What it is.
    pub what: What,
}

/// What an entry says.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// A title has an agreement, or a new version of it.
    Agreement(Box<Agreed>),
    /// A gateway has set money aside for a lane.
    Allocation(Signed<Allocation>),
    /// Somebody attests to a document that they do not show.
    Attestation(Signed<Attestation>),
    /// Somebody has set money aside for what viewers watch.
    Budget(Signed<Budget>),
    /// A party is paid out.
    Claim(Signed<PayoutClaim>),
    /// Money has come in.
    Deposit(Box<Deposited>),
    /// Somebody contradicts.
    Dispute(Signed<Dispute>),
    /// A key was sealed to a buyer.
    Delivery(Signed<KeyDelivery>),
    /// A viewer may watch.
    Grant(Box<Granted>),
    /// Money is kept back.
    Hold(Signed<Hold>),
    /// A licence can be bought.
    Offer(Signed<Offer>),
    /// The page is another one from now on.
    Page(Signed<PageRelease>),
    /// A party is paid by contracts from now on.
    Payee(Signed<Payee>),
    /// Somebody has set money aside for storage.
    Prepayment(Signed<Prepayment>),
    /// A licence is bought.
    Purchase(Signed<Purchase>),
    /// A viewer has acknowledged deliveries.
    Receipt(Signed<DeliveryReceipt>),
    /// An auditor has seen what a node keeps.
    Report(Signed<StorageReport>),
    /// Money is kept back no more.
    Resolution(Signed<Resolution>),
    /// An entry is taken back.
    Reversal(Signed<Reversal>),
    /// An epoch is settled.
    Settlement(Box<Summary>),
    /// A licence changes hands.
    Transfer(Box<Transferred>),
    /// A gateway owes a node.
    Voucher(Signed<Voucher>),
}

/// An agreement and those who have signed it.
#[derive(Clone, PartialEq, Debug)]
pub struct Agreed {
    /// What is agreed.
    pub agreement: SplitAgreement,
    /// By whom.
    pub consents: Vec<Signed<Consent>>,
}

/// A deposit, and that the ledger has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Deposited {
    /// Signed by the ledger: nothing is credited that it has not received.
    pub acceptance: Signed<Acceptance>,
    /// Signed by the depositor: nothing is credited that nobody has paid.
    pub deposit: Signed<Deposit>,
}

/// A grant and the request that it answers.
#[derive(Clone, PartialEq, Debug)]
pub struct Granted {
    /// What the alias is made with.
    pub blind: Blind,
    /// Signed by the ledger.
    pub grant: Signed<SessionGrant>,
    /// Signed by the viewer.
    pub request: Signed<SessionRequest>,
}

/// A licence that changes hands.
#[derive(Clone, PartialEq, Debug)]
pub struct Transferred {
    /// Signed by who receives it, and pays.
    pub acceptance: Signed<Acceptance>,
    /// Signed by who held it.
    pub transfer: Signed<LicenceTransfer>,
}

/// Why bytes are no entry.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum EntryError {
    #[error("the entry is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("a record of the entry: {0}")]
    Record(#[from] RecordError),
    #[error("the entry's agreement: {0}")]
    Agreement(#[from] AgreementError),
}

impl Agreed {
    /// What is posted to a ledger and shown by it, canonical CBOR; every signature must be for this network and verify.
    pub fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, EntryError> {
        canonical::from_slice::<WireAgreed>(bytes, ENTRY_LEN_MAX)?.verify(network)
    }

    /// The agreement and its consents as canonical CBOR, at most [`ENTRY_LEN_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        canonical::to_vec(&WireAgreed::from(self))
    }
}

impl What {
    /// The key under which an entry says it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Agreement(_) => "agreement",
            Self::Allocation(_) => "allocation",
            Self::Attestation(_) => "attestation",
            Self::Budget(_) => "budget",
            Self::Claim(_) => "claim",
            Self::Deposit(_) => "deposit",
            Self::Delivery(_) => "delivery",
            Self::Dispute(_) => "dispute",
            Self::Grant(_) => "grant",
            Self::Hold(_) => "hold",
            Self::Offer(_) => "offer",
            Self::Page(_) => "page",
            Self::Payee(_) => "payee",
            Self::Prepayment(_) => "prepayment",
            Self::Purchase(_) => "purchase",
            Self::Receipt(_) => "receipt",
            Self::Report(_) => "report",
            Self::Resolution(_) => "resolution",
            Self::Reversal(_) => "reversal",
            Self::Settlement(_) => "settlement",
            Self::Transfer(_) => "transfer",
            Self::Voucher(_) => "voucher",
        }
    }
}

impl Entry {
    /// The entry in these bytes, when all its records are for this network and their signatures verify.
    pub fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, EntryError> {
        wire::decode(bytes, wire::Records { network, were_verified: false })
    }

    /// The entry in these bytes, when all its records are for this network; their signatures are **not** looked at.
    ///
    /// Only below a [`Head`](crate::Head) up to which they were verified before: its hash is over all their bytes.
    pub fn decode_verified_before(bytes: &[u8], network: &NetworkId) -> Result<Self, EntryError> {
        wire::decode(bytes, wire::Records { network, were_verified: true })
    }

    /// The entry as canonical CBOR, at most [`ENTRY_LEN_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }
}
