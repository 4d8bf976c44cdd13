//! How an entry is written: `{ at, what: { name: … } }`, records as byte strings.

use proofs::canonical;
use protocol::{
    Allocation, BoundedList, DeliveryReceipt, NetworkId, Record, RecordError, SessionGrant, Signed,
    UnixSeconds, Unverified, Voucher,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{Agreed, CONSENTS_MAX, Deposited, ENTRY_LEN_MAX, Entry, EntryError, Granted, Transferred, What};
use crate::{
    Acceptance, Attestation, Blind, Budget, Consent, Deposit, Dispute, Hold, KeyDelivery, LicenceTransfer,
    Offer, PageRelease, Payee, PayoutClaim, Prepayment, Purchase, Resolution, Reversal, SessionRequest,
    SplitAgreement, StorageReport, Summary,
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEntry {
    at: UnixSeconds,
    what: WireWhat,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum WireWhat {
    Agreement(WireAgreed),
    Allocation(Unverified<Allocation>),
    Attestation(Unverified<Attestation>),
    Budget(Unverified<Budget>),
    Claim(Unverified<PayoutClaim>),
    Deposit { acceptance: Unverified<Acceptance>, deposit: Unverified<Deposit> },
    Delivery(Unverified<KeyDelivery>),
    Dispute(Unverified<Dispute>),
    Grant { blind: Blind, grant: Unverified<SessionGrant>, request: Unverified<SessionRequest> },
    Hold(Unverified<Hold>),
    Offer(Unverified<Offer>),
    Page(Unverified<PageRelease>),
    Payee(Unverified<Payee>),
    Prepayment(Unverified<Prepayment>),
    Purchase(Unverified<Purchase>),
    Receipt(Unverified<DeliveryReceipt>),
    Report(Unverified<StorageReport>),
    Resolution(Unverified<Resolution>),
    Reversal(Unverified<Reversal>),
    Settlement(Box<Summary>),
    Transfer { acceptance: Unverified<Acceptance>, transfer: Unverified<LicenceTransfer> },
    Voucher(Unverified<Voucher>),
}

/// An agreement and the records of those who have signed it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireAgreed {
    agreement: ByteBuf,
    consents: BoundedList<Unverified<Consent>, CONSENTS_MAX>,
}

impl WireAgreed {
    pub(crate) fn verify(&self, network: &NetworkId) -> Result<Agreed, EntryError> {
        self.read(Records { network, were_verified: false })
    }

    fn read(&self, records: Records<'_>) -> Result<Agreed, EntryError> {
        let agreement = SplitAgreement::decode(&self.agreement)?;
        let consents = self.consents.iter().map(|consent| records.read(consent)).collect::<Result<_, _>>()?;
        Ok(Agreed { agreement, consents })
    }
}

impl From<&Agreed> for WireAgreed {
    fn from(agreed: &Agreed) -> Self {
        let consents = agreed.consents.iter().map(Unverified::from).collect();
        Self {
            agreement: ByteBuf::from(agreed.agreement.encode()),
            consents: BoundedList::new(consents).expect("an agreement has no more signatories"),
        }
    }
}

/// How the records of an entry are read.
#[derive(Clone, Copy)]
pub(super) struct Records<'a> {
    pub(super) network: &'a NetworkId,
    /// Their signatures were verified before, and are not looked at again.
    pub(super) were_verified: bool,
}

impl Records<'_> {
    fn read<T: Record>(self, record: &Unverified<T>) -> Result<Signed<T>, RecordError> {
        if self.were_verified { record.verified_before(self.network) } else { record.verify(self.network) }
    }
}

pub(super) fn decode(bytes: &[u8], records: Records<'_>) -> Result<Entry, EntryError> {
    let WireEntry { at, what } = canonical::from_slice(bytes, ENTRY_LEN_MAX)?;
    Ok(Entry { at, what: read(what, records)? })
}

fn read(what: WireWhat, records: Records<'_>) -> Result<What, EntryError> {
    Ok(match what {
        WireWhat::Agreement(agreed) => What::Agreement(Box::new(agreed.read(records)?)),
        WireWhat::Allocation(record) => What::Allocation(records.read(&record)?),
        WireWhat::Attestation(record) => What::Attestation(records.read(&record)?),
        WireWhat::Budget(record) => What::Budget(records.read(&record)?),
        WireWhat::Claim(record) => What::Claim(records.read(&record)?),
        WireWhat::Deposit { acceptance, deposit } => What::Deposit(Box::new(Deposited {
            acceptance: records.read(&acceptance)?,
            deposit: records.read(&deposit)?,
        })),
        WireWhat::Delivery(record) => What::Delivery(records.read(&record)?),
        WireWhat::Dispute(record) => What::Dispute(records.read(&record)?),
        WireWhat::Grant { blind, grant, request } => What::Grant(Box::new(Granted {
            blind,
            grant: records.read(&grant)?,
            request: records.read(&request)?,
        })),
        WireWhat::Hold(record) => What::Hold(records.read(&record)?),
        WireWhat::Offer(record) => What::Offer(records.read(&record)?),
        WireWhat::Page(record) => What::Page(records.read(&record)?),
        WireWhat::Payee(record) => What::Payee(records.read(&record)?),
        WireWhat::Prepayment(record) => What::Prepayment(records.read(&record)?),
        WireWhat::Purchase(record) => What::Purchase(records.read(&record)?),
        WireWhat::Receipt(record) => What::Receipt(records.read(&record)?),
        WireWhat::Report(record) => What::Report(records.read(&record)?),
        WireWhat::Resolution(record) => What::Resolution(records.read(&record)?),
        WireWhat::Reversal(record) => What::Reversal(records.read(&record)?),
        WireWhat::Settlement(summary) => What::Settlement(summary),
        WireWhat::Transfer { acceptance, transfer } => What::Transfer(Box::new(Transferred {
            acceptance: records.read(&acceptance)?,
            transfer: records.read(&transfer)?,
        })),
        WireWhat::Voucher(record) => What::Voucher(records.read(&record)?),
    })
}

pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    let bytes = canonical::to_vec(&WireEntry { at: entry.at, what: written(&entry.what) });
    assert!(bytes.len() <= ENTRY_LEN_MAX, "an entry of {} bytes: its fields are bounded", bytes.len());
    bytes
}

fn written(what: &What) -> WireWhat {
    match what {
        What::Agreement(agreed) => WireWhat::Agreement(WireAgreed::from(&**agreed)),
        What::Allocation(record) => WireWhat::Allocation(record.into()),
        What::Attestation(record) => WireWhat::Attestation(record.into()),
        What::Budget(record) => WireWhat::Budget(record.into()),
        What::Claim(record) => WireWhat::Claim(record.into()),
        What::Deposit(deposited) => WireWhat::Deposit {
            acceptance: (&deposited.acceptance).into(),
            deposit: (&deposited.deposit).into(),
        },
        What::Delivery(record) => WireWhat::Delivery(record.into()),
        What::Dispute(record) => WireWhat::Dispute(record.into()),
        What::Grant(granted) => WireWhat::Grant {
            blind: granted.blind,
            grant: (&granted.grant).into(),
            request: (&granted.request).into(),
        },
        What::Hold(record) => WireWhat::Hold(record.into()),
        What::Offer(record) => WireWhat::Offer(record.into()),
        What::Page(record) => WireWhat::Page(record.into()),
        What::Payee(record) => WireWhat::Payee(record.into()),
        What::Prepayment(record) => WireWhat::Prepayment(record.into()),
        What::Purchase(record) => WireWhat::Purchase(record.into()),
        What::Receipt(record) => WireWhat::Receipt(record.into()),
        What::Report(record) => WireWhat::Report(record.into()),
        What::Resolution(record) => WireWhat::Resolution(record.into()),
        What::Reversal(record) => WireWhat::Reversal(record.into()),
        What::Settlement(summary) => WireWhat::Settlement(summary.clone()),
        What::Transfer(transferred) => WireWhat::Transfer {
            acceptance: (&transferred.acceptance).into(),
            transfer: (&transferred.transfer).into(),
        },
        What::Voucher(record) => WireWhat::Voucher(record.into()),
    }
}
