//! Which pages the ledger has vouched for. No money moves.

use std::collections::BTreeSet;

use protocol::{Digest, Signed};

use super::{Applied, ApplyError, Ledger, PaymentError};
use crate::{PageRelease, Remark};

/// Hash and name of each.
pub(super) type Pages = BTreeSet<(Digest, Remark)>;

impl Ledger {
    pub(super) fn release_page(&mut self, record: &Signed<PageRelease>) -> Result<Applied, ApplyError> {
        if record.by() != self.terms.issuer {
            return Err(PaymentError::NotTheLedger { by: record.by() }.into());
        }
        let PageRelease { hash, name, .. } = record.body();
        let is_new = self.pages.insert((*hash, name.clone()));
        Ok(if is_new { Applied::New(None) } else { Applied::Known })
    }
}
