//! What a steward's audits say of nodes, reported to a ledger, so that they are paid by the hour for what they keep (spec §25).

mod intervals;
mod prepaid;
mod reporter;

use std::path::Path;

use anyhow::{Context, bail};
use ledger::Prepayment;
use protocol::{PublicKey, RecordHeading, Signed};

pub(crate) use reporter::Reporter;

use crate::record_file;

/// Longest file with a prepayment, in bytes: a short record, or the same as text.
const FILE_LEN_MAX: u64 = 4096;

/// The prepayment in a file that its payer has given to this auditor.
pub(crate) fn read_prepayment(path: &Path, auditor: PublicKey) -> anyhow::Result<Signed<Prepayment>> {
    let shown = path.display();
    let bytes = record_file::bytes(record_file::read(path, FILE_LEN_MAX)?);
    // For which ledger it is, it says itself; whoever hands it in, or reports for it, compares.
    let network = RecordHeading::decode(&bytes).map(|heading| heading.network());
    let prepayment = network.and_then(|network| Signed::<Prepayment>::decode(&bytes, &network));
    let prepayment = prepayment.with_context(|| format!("{shown} is no prepayment"))?;
    if prepayment.body().auditor != auditor {
        bail!("{shown} names the auditor {}, this is {auditor}", prepayment.body().auditor);
    }
    Ok(prepayment)
}
