//! What of the ledger is public: the entries of the transparency log (spec §25).

use proofs::canonical::{self, CanonicalError};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::tlog::LogBytes;
use crate::{AgreementError, Carrier, GatewayTotal, Line, Payout, SplitAgreement, Summary};

/// One entry of the log. Viewers stand in it under aliases; grants, receipts and deposits do not stand in it at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogEntry {
    /// An agreement was registered.
    Agreement(Box<SplitAgreement>),
    /// What a node has carried in the epoch whose settlement follows.
    Carrier(Carrier),
    /// What a gateway has carried in it.
    Gateway(GatewayTotal),
    /// What was delivered and paid in it.
    Line(Line),
    /// What contracts owe after it.
    Payout(Payout),
    /// An epoch was settled: the summary of all since the settlement before.
    Settlement(Box<Summary>),
}

/// Why bytes are no entry of the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LogEntryError {
    #[error("the log entry is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("the agreement of a log entry: {0}")]
    Agreement(#[from] AgreementError),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    Agreement(ByteBuf),
    Carrier(Carrier),
    Gateway(GatewayTotal),
    Line(Line),
    Payout(Payout),
    Settlement(Box<Summary>),
}

impl LogEntry {
    /// Reads an entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, LogEntryError> {
        Ok(match canonical::from_slice(bytes, u16::MAX.into())? {
            Wire::Agreement(bytes) => Self::Agreement(Box::new(SplitAgreement::decode(&bytes)?)),
            Wire::Carrier(carrier) => Self::Carrier(carrier),
            Wire::Gateway(gateway) => Self::Gateway(gateway),
            Wire::Line(line) => Self::Line(line),
            Wire::Payout(payout) => Self::Payout(payout),
            Wire::Settlement(summary) => Self::Settlement(summary),
        })
    }

    /// The entry as canonical CBOR; an agreement is the longest.
    pub fn encode(&self) -> LogBytes {
        let wire = match self {
            Self::Agreement(agreement) => Wire::Agreement(ByteBuf::from(agreement.encode())),
            Self::Carrier(carrier) => Wire::Carrier(*carrier),
            Self::Gateway(gateway) => Wire::Gateway(*gateway),
            Self::Line(line) => Wire::Line(*line),
            Self::Payout(payout) => Wire::Payout(*payout),
            Self::Settlement(summary) => Wire::Settlement(summary.clone()),
        };
        LogBytes::new(canonical::to_vec(&wire)).expect("an entry is bounded far below 65 535 bytes")
    }
}
