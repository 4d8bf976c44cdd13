//! Receipts of a settlement: what it has counted, so that everybody can see whether theirs is among it.

use proofs::canonical;
use protocol::{DeliveryReceipt, Digest, Sequence, Serial, StreamNumber, Usage};
use serde::{Deserialize, Serialize};

use super::ListProof;
use crate::ids::digest_of;
use crate::tlog::TreeHash;
use crate::{Neighbours, Settlement};

/// The newest receipt of one stream. Ascending by serial and stream, each once: what is not there can be shown by its
/// neighbours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    /// The hash of the receipt's body.
    pub receipt: Digest,
    /// Its number.
    pub seq: Sequence,
    /// Under which grant.
    pub serial: Serial,
    /// On which stream.
    pub stream: StreamNumber,
    /// What all receipts of the stream together acknowledge: the most bytes and the most milliseconds of any.
    pub usage: Usage,
}

impl Acknowledged {
    /// The item of a stream whose newest receipt this is, and which none has acknowledged more of.
    pub fn newest(receipt: &DeliveryReceipt) -> Self {
        let DeliveryReceipt { seq, serial, stream, usage, .. } = *receipt;
        Self { receipt: digest_of(receipt), seq, serial, stream, usage }
    }

    /// Its hash in the list (RFC 6962), which says nothing to whoever does not know the receipt.
    pub fn leaf(&self) -> TreeHash {
        TreeHash::of_leaf(&canonical::to_vec(self))
    }

    /// Where it stands in the list.
    pub(crate) const fn key(&self) -> (Serial, StreamNumber) {
        (self.serial, self.stream)
    }

    /// True when this is the receipt, or a later one of its stream, with all that it acknowledges: a number alone, however
    /// great, covers nothing.
    pub fn covers(&self, receipt: &DeliveryReceipt) -> bool {
        let is_later = self.key() == (receipt.serial, receipt.stream) && self.seq >= receipt.seq;
        is_later && receipt.usage.is_within(self.usage)
    }
}

impl Settlement {
    /// What stands where a stream belongs: the last receipt that is not after it, and the next one.
    pub fn neighbours(&self, serial: Serial, stream: StreamNumber) -> Neighbours {
        let at = self.receipts.partition_point(|item| item.key() <= (serial, stream));
        let proved = |at: usize| Some((*self.receipts.get(at)?, ListProof::of(&self.receipts, at)?));
        Neighbours { before: at.checked_sub(1).and_then(proved), after: proved(at) }
    }

    /// The newest receipt of a stream and the proof that it was counted; `None` when none was.
    pub fn acknowledged(&self, serial: Serial, stream: StreamNumber) -> Option<(Acknowledged, ListProof)> {
        let at = self.receipts.binary_search_by_key(&(serial, stream), Acknowledged::key).ok()?;
        Some((self.receipts[at], ListProof::of(&self.receipts, at)?))
    }
}
