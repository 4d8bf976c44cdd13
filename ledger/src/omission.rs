//! Omissions: a receipt that the ledger has promised to count, and has not (spec §25).

use proofs::canonical::{self, CanonicalError};
use protocol::{
    DeliveryReceipt, NetworkId, Promise, PublicKey, RecordError, SessionGrant, Signed, Unverified,
};
use serde::{Deserialize, Serialize};

use crate::{Acknowledged, ListProof, ListRoot, Published, Summary};

/// Longest proof of an omission, in bytes.
pub const OMISSION_LEN_MAX: usize = 65_536;

/// Shows to anybody who knows the ledger's key that a settlement leaves out a receipt which the ledger has taken.
///
/// It needs nothing of the gateway: whoever watches for the sake of control, like everybody else, posts a receipt and keeps
/// the promise. The summary is one of the log, which its reader has to see to.
///
/// With what stands beside it, which the ledger shows to whoever was granted the session, nothing can be said against it. Where
/// the ledger shows nothing, the list of hashes in the log has to do: see [`Omission::verify_in`].
#[derive(Clone, PartialEq, Debug)]
pub struct Omission {
    /// What the session was granted, signed by the ledger.
    pub grant: Signed<SessionGrant>,
    /// That the receipt is in the journal, signed by the ledger.
    pub promise: Signed<Promise>,
    /// What was acknowledged.
    pub receipt: Signed<DeliveryReceipt>,
    /// The settlement of the grant's epoch.
    pub summary: Summary,
    /// What stands in its list where the receipt belongs, unless the ledger does not show it.
    pub beside: Option<Neighbours>,
}

/// The two items of the list of receipts between which a stream belongs; the first one may be of the stream itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbours {
    /// The one before it, unless the list begins here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<(Acknowledged, ListProof)>,
    /// The one after it, unless the list ends here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<(Acknowledged, ListProof)>,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum OmissionError {
    #[error("the proof is malformed: {0}")]
    Cbor(#[from] CanonicalError),
    #[error("a record of the proof: {0}")]
    Record(#[from] RecordError),
    #[error("grant, promise, receipt and summary are not about the same, or not signed by this ledger")]
    Unrelated,
    #[error("what stands in the list does not show that the receipt is missing")]
    NotMissing,
    #[error("it does not say what stands beside the receipt: the log has to be looked through")]
    NothingShown,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beside: Option<Neighbours>,
    grant: Unverified<SessionGrant>,
    promise: Unverified<Promise>,
    receipt: Unverified<DeliveryReceipt>,
    summary: Summary,
}

impl Neighbours {
    /// True when they show that the list has neither the receipt nor a later one of its stream with all that it acknowledges:
    /// an older one stands there, or one that says less, or what stands beside the stream stands beside each other.
    pub fn show_missing(&self, list: &ListRoot, receipt: &DeliveryReceipt) -> bool {
        let Self { before, after } = self;
        let place = (receipt.serial, receipt.stream);
        let is_there = |item: &Option<(Acknowledged, ListProof)>| {
            item.as_ref().is_none_or(|(item, proof)| list.has(item, proof))
        };
        if !is_there(before) || !is_there(after) {
            return false;
        }
        if let Some((item, _)) = before.as_ref().filter(|(item, _)| item.key() == place) {
            return !item.covers(receipt);
        }
        let is_between = before.as_ref().is_none_or(|(item, _)| item.key() < place)
            && after.as_ref().is_none_or(|(item, _)| item.key() > place);
        let next = before.as_ref().map_or(0, |(_, proof)| proof.index + 1);
        is_between && after.as_ref().map_or(list.count, |(_, proof)| proof.index) == next
    }
}

impl Omission {
    /// True to what it says: this ledger has promised to count the receipt, and the settlement does not.
    pub fn verify(&self, ledger: &PublicKey) -> Result<(), OmissionError> {
        self.check(ledger)?;
        let beside = self.beside.as_ref().ok_or(OmissionError::NothingShown)?;
        if beside.show_missing(&self.summary.receipts, self.receipt.body()) {
            Ok(())
        } else {
            Err(OmissionError::NotMissing)
        }
    }

    /// True when this ledger has promised to count the receipt, and the list in its log does not have it. Only the ledger can
    /// say more, with a later item of the same stream that covers it; one that shows none has left it out.
    pub fn verify_in(&self, ledger: &PublicKey, published: &Published) -> Result<(), OmissionError> {
        self.check(ledger)?;
        if self.summary != *published.summary() {
            return Err(OmissionError::Unrelated);
        }
        if published.lists(&Acknowledged::newest(self.receipt.body())) {
            return Err(OmissionError::NotMissing);
        }
        Ok(())
    }

    /// The records are about the same, and this ledger has signed what is its own.
    fn check(&self, ledger: &PublicKey) -> Result<(), OmissionError> {
        let (grant, receipt) = (self.grant.body(), self.receipt.body());
        let is_of_ledger = self.grant.by() == *ledger && self.promise.by() == *ledger;
        let is_of_session = self.receipt.by() == grant.session && receipt.serial == grant.serial;
        let is_promised = self.promise.body().name == self.receipt.name();
        if is_of_ledger && is_of_session && is_promised && grant.epoch == self.summary.epoch {
            Ok(())
        } else {
            Err(OmissionError::Unrelated)
        }
    }

    /// The proof as canonical CBOR.
    pub fn encode(&self) -> Vec<u8> {
        canonical::to_vec(&Wire {
            beside: self.beside.clone(),
            grant: (&self.grant).into(),
            promise: (&self.promise).into(),
            receipt: (&self.receipt).into(),
            summary: self.summary.clone(),
        })
    }

    /// Reads a proof, of which all signatures must be for this network, and verify.
    pub fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, OmissionError> {
        let Wire { beside, grant, promise, receipt, summary } =
            canonical::from_slice(bytes, OMISSION_LEN_MAX)?;
        let (grant, promise) = (grant.verify(network)?, promise.verify(network)?);
        Ok(Self { grant, promise, receipt: receipt.verify(network)?, summary, beside })
    }
}
