//! What somebody has attested to. No money moves.

use std::collections::BTreeSet;

use protocol::{Digest, Signed};

use super::{Applied, Ledger};
use crate::Attestation;

/// The name of each.
pub(super) type Attestations = BTreeSet<Digest>;

impl Ledger {
    pub(super) fn attest(&mut self, record: &Signed<Attestation>) -> Applied {
        if self.attestations.insert(record.name()) { Applied::New(None) } else { Applied::Known }
    }
}
