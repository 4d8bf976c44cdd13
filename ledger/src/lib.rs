//! Who is owed what, and why, so that anybody can compute it again.
//!
//! ```text
//! records → Entry → Journal (append_if, read)       bytes that are kept, each head over all before it
//!           Entry → Ledger::apply → Transaction      the state of all accounts: a fold, and nothing besides
//! Ledger::settlement → Summary → Entry               an epoch, settled once
//! Settlement → LogEntry → tlog                       what anybody can check: lines, totals, payouts
//! ```
//!
//! * A [`SplitAgreement`] says who shares in a title, and what it costs. All who share have signed a [`Consent`].
//! * What happens is said by **records**, signed as those of `protocol` are: a [`Deposit`] by the depositor and the ledger, a
//!   [`SessionRequest`] by the viewer, a [`DeliveryReceipt`](protocol::DeliveryReceipt) by the viewer's session key, a
//!   [`Voucher`](protocol::Voucher) by the gateway.
//! * An [`Entry`] is what the ledger took; [`Ledger`] folds entries into [`Balances`], where nothing is lost or made.
//! * Beside what is watched, a [`Prepayment`] pays nodes for what auditors report that they keep ([`StorageReport`]), and a
//!   [`Purchase`] buys a licence from an [`Offer`]; it is paid when its key is there, and can be passed on.
//! * A [`Settlement`] divides what was paid. Rounding is by the largest remainder ([`apportion`]).
//!
//! The crate is pure: it keeps no journal on a disk, reads no clock, draws no random number and opens no socket. It does not
//! know how money comes in or goes out. The bytes are specified in `docs/spec.md`, sections 11 and 25.

mod account;
mod agreement;
mod any;
mod apportion;
mod attested;
mod disputes;
mod entry;
mod fold;
mod hledger;
mod identifiers;
mod ids;
mod journal;
mod log_entry;
mod omission;
mod payout;
mod records;
mod sealed_key;
mod settlement;
mod shortfall;
mod text;
pub mod tlog;
mod top_up;
mod transaction;

pub use account::{Account, ParseAccountError};
pub use agreement::{
    AGREEMENT_LEN_MAX, AgreementError, AgreementParts, Consent, Fees, GENERATIONS_MAX, PARENTS_MAX,
    PARTIES_MAX, Parent, Party, Role, SplitAgreement,
};
pub use any::LedgerRecord;
pub use apportion::apportion;
pub use attested::{Attested, AttestedError, Commitment, Committing, Nonce, NotAttested, Proved};
pub use disputes::{Disputed, HOLD_EPOCHS_MAX};
pub use entry::{
    Agreed, CONSENTS_MAX, Deposited, ENTRY_LEN_MAX, Entry, EntryError, Granted, Transferred, What,
};
pub use fold::{
    Applied, ApplyError, ClaimError, DELIVERY_TERM_MAX_S, DISPUTES_OF_KEY_MAX, DISPUTES_OF_STRANGERS_MAX,
    Division, GRANT_BYTES_MAX, GRANT_DURATION_MAX_S, GRANT_MS_MAX, GrantError, HeldLicence, HoldError,
    INTRODUCED_MAX, KnownBy, LaneError, Ledger, LicenceError, OPEN_EPOCHS_MAX, PaymentError, RECEIPT_GRACE_S,
    REPORT_HOURS_MAX, ReceiptError, RegisterError, STORAGE_GRACE_S, STORAGE_NODES_MAX, SettleError,
    StorageError,
};
pub use hledger::HledgerJournal;
pub use identifiers::{Ipi, Iscc, Isrc, Iswc};
pub use ids::{Blind, PaymentId, PayoutAddress};
pub use journal::{Head, Journal, NotAtHead, Terms};
pub use log_entry::LogEntry;
pub use omission::{Neighbours, OMISSION_LEN_MAX, Omission, OmissionError};
pub use payout::{Payout, PayoutHash, PayoutTree};
pub use protocol::{Per, Quantity, QuantityError, TitlePrice as Price};
pub use records::{
    Acceptance, Attestation, AttestedKind, BUDGET_VIEWERS_MAX, Budget, BudgetRef, Deposit, Dispute, Hold,
    Inquired, Inquiry, KeyDelivery, LicenceTransfer, Offer, PageRelease, Payee, PayoutClaim, Prepayment,
    Purchase, Rail, Resolution, Reversal, SessionRequest, StorageReport, Viewers, ViewersError,
};
pub use sealed_key::{NotSealedToThis, SOLD_LEN_MAX, SealedKey, SoldLenError};
pub use settlement::{
    Acknowledged, Carrier, Counted, Divisions, GatewayTotal, Keeper, LEAVES_MAX, Line, LineBudget, ListProof,
    ListRoot, LogAudit, LogAuditError, NotPublished, PayoutRoot, Pool, Published, Resale, Rule, Sale,
    Settlement, Shown, Subscription, Summary, Totals,
};
pub use shortfall::{Listed, SHORTFALL_GRANTS_MAX, SHORTFALL_LEN_MAX, Shortfall, ShortfallError};
pub use text::{LedgerHost, Remark, TextError, Unit};
pub use top_up::{TopUpCode, TopUpCodeError};
pub use transaction::{Balances, Overdrawn, Posting, Transaction};
