//! What of the ledger is public: the entries of the transparency log (spec §25).

use proofs::canonical;
use protocol::{NetworkId, Signed, Unverified};
use serde::{Deserialize, Serialize};

use crate::entry::WireAgreed;
use crate::tlog::LogBytes;
use crate::{
    Agreed, Attestation, Carrier, Disputed, EntryError, GatewayTotal, Hold, Keeper, Line, PageRelease,
    Payout, Resolution, Sale, Subscription, Summary,
};

/// One entry of the log. Viewers stand in it under aliases; grants, receipts and deposits do not stand in it at all.
#[derive(Clone, PartialEq, Debug)]
pub enum LogEntry {
    /// An agreement was registered, and who has signed it.
    Agreement(Box<Agreed>),
    /// Somebody attests to a document that nobody sees here; the whole record, so that anybody can verify it.
    Attestation(Signed<Attestation>),
    /// What a node has carried in the epoch whose settlement follows.
    Carrier(Carrier),
    /// Somebody disputes what a party has.
    Dispute(Disputed),
    /// What a gateway has carried in it.
    Gateway(GatewayTotal),
    /// The ledger holds something back for a dispute.
    Hold(Signed<Hold>),
    /// What a node has kept until then.
    Keeper(Keeper),
    /// What was delivered and paid in it.
    Line(Line),
    /// The page that is served from now on.
    Page(PageRelease),
    /// What contracts owe after it.
    Payout(Payout),
    /// A hold has ended, and who has what was held.
    Resolution(Signed<Resolution>),
    /// What was paid for a licence until then.
    Sale(Sale),
    /// An epoch was settled: the summary of all since the settlement before.
    Settlement(Box<Summary>),
    /// What a budget of one viewer has paid in it.
    Subscription(Subscription),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wire {
    Agreement(WireAgreed),
    Attestation(Unverified<Attestation>),
    Carrier(Carrier),
    Dispute(Disputed),
    Gateway(GatewayTotal),
    Hold(Unverified<Hold>),
    Keeper(Keeper),
    Line(Line),
    Page(PageRelease),
    Payout(Payout),
    Resolution(Unverified<Resolution>),
    Sale(Sale),
    Settlement(Box<Summary>),
    Subscription(Subscription),
}

impl LogEntry {
    /// Reads an entry. All signatures in it must be for this network, and verify.
    pub fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, EntryError> {
        Ok(match canonical::from_slice(bytes, u16::MAX.into())? {
            Wire::Agreement(agreed) => Self::Agreement(Box::new(agreed.verify(network)?)),
            Wire::Attestation(record) => Self::Attestation(record.verify(network)?),
            Wire::Carrier(carrier) => Self::Carrier(carrier),
            Wire::Dispute(disputed) => Self::Dispute(disputed),
            Wire::Gateway(gateway) => Self::Gateway(gateway),
            Wire::Hold(record) => Self::Hold(record.verify(network)?),
            Wire::Keeper(keeper) => Self::Keeper(keeper),
            Wire::Line(line) => Self::Line(line),
            Wire::Page(page) => Self::Page(page),
            Wire::Payout(payout) => Self::Payout(payout),
            Wire::Resolution(record) => Self::Resolution(record.verify(network)?),
            Wire::Sale(sale) => Self::Sale(sale),
            Wire::Settlement(summary) => Self::Settlement(summary),
            Wire::Subscription(subscription) => Self::Subscription(subscription),
        })
    }

    /// The entry as canonical CBOR; an agreement is the longest.
    pub fn encode(&self) -> LogBytes {
        let wire = match self {
            Self::Agreement(agreed) => Wire::Agreement(WireAgreed::from(&**agreed)),
            Self::Attestation(record) => Wire::Attestation(record.into()),
            Self::Carrier(carrier) => Wire::Carrier(*carrier),
            Self::Dispute(disputed) => Wire::Dispute(*disputed),
            Self::Gateway(gateway) => Wire::Gateway(*gateway),
            Self::Hold(record) => Wire::Hold(record.into()),
            Self::Keeper(keeper) => Wire::Keeper(*keeper),
            Self::Line(line) => Wire::Line(*line),
            Self::Page(page) => Wire::Page(page.clone()),
            Self::Payout(payout) => Wire::Payout(*payout),
            Self::Resolution(record) => Wire::Resolution(record.into()),
            Self::Sale(sale) => Wire::Sale(*sale),
            Self::Settlement(summary) => Wire::Settlement(summary.clone()),
            Self::Subscription(subscription) => Wire::Subscription(*subscription),
        };
        LogBytes::new(canonical::to_vec(&wire)).expect("an entry is at most an agreement and 130 consents")
    }
}
