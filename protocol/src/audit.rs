//! Audits: what auditor and node sign before, while and after shards are drawn and proved (spec §23).
//!
//! ```text
//! PlannedAudit  → commitment → node → receipt → AcknowledgedAudit
//!               → beacon → seed → picks        → DrawnAudit
//!               → node → answer and slices     → UnsignedTranscript → Transcript
//! ```
//!
//! Each step consumes the one before, and each can end in a transcript. None of them waits or sends: a driver does.

mod answer;
mod beacon;
mod check;
mod commitment;
mod encoding;
mod flow;
mod log;
mod outcome;
mod picks;
mod receipt;
mod selection;
mod transcript;
mod verdict;

pub use answer::{AnswerError, AuditAnswer, FailedPick, FailedPicks, FailedPicksError, digest_of_slices};
pub use beacon::{AuditSecret, Beacon, DrandRound, DrandRoundError, DrandSignature, Reveal, RevealError};
pub use commitment::{AuditCommitment, AuditTerms, AuditTermsError, Draws, DrawsError};
pub use flow::{AcknowledgedAudit, AuditRequest, AuditWish, DrawnAudit, NotAcknowledged, PlannedAudit};
pub use log::{AUDIT_LOG_MAGIC, AuditLogHead, LogEntry, LogEntryError};
pub use outcome::{Ending, Outcome, OutcomeError, Unanswered};
pub use picks::{AuditPicks, AuditPicksError};
pub use receipt::{AuditReceipt, ReceiptError};
pub use selection::SelectionError;
pub use transcript::{Pick, Timing, Transcript, TranscriptError, UnsignedTranscript};
pub use verdict::{AuditVerdict, Fault};
