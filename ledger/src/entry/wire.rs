//! How an entry is written: `{ at, what: { name: … } }`, records as byte strings.

use proofs::canonical;
use protocol::{
    Allocation, BoundedList, DeliveryReceipt, NetworkId, SessionGrant, UnixSeconds, Unverified, Voucher,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{Agreed, CONSENTS_MAX, Deposited, ENTRY_LEN_MAX, Entry, EntryError, Granted, Transferred, What};
use crate::{
    Acceptance, Blind, Budget, Consent, Deposit, Dispute, Hold, KeyDelivery, LicenceTransfer, Offer, Payee,
    PayoutClaim, Prepayment, Purchase, Resolution, Reversal, SessionRequest, SplitAgreement, StorageReport,
    Summary,
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
    Budget(Unverified<Budget>),
    Claim(Unverified<PayoutClaim>),
    Deposit { acceptance: Unverified<Acceptance>, deposit: Unverified<Deposit> },
    Delivery(Unverified<KeyDelivery>),
    Dispute(Unverified<Dispute>),
    Grant { blind: Blind, grant: Unverified<SessionGrant>, request: Unverified<SessionRequest> },
    Hold(Unverified<Hold>),
    Offer(Unverified<Offer>),
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
        let agreement = SplitAgreement::decode(&self.agreement)?;
        let consents =
            self.consents.iter().map(|consent| consent.verify(network)).collect::<Result<_, _>>()?;
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

pub(super) fn decode(bytes: &[u8], network: &NetworkId) -> Result<Entry, EntryError> {
    let WireEntry { at, what } = canonical::from_slice(bytes, ENTRY_LEN_MAX)?;
    Ok(Entry { at, what: verified(what, network)? })
}

fn verified(what: WireWhat, network: &NetworkId) -> Result<What, EntryError> {
    Ok(match what {
        WireWhat::Agreement(agreed) => What::Agreement(Box::new(agreed.verify(network)?)),
        WireWhat::Allocation(record) => What::Allocation(record.verify(network)?),
        WireWhat::Budget(record) => What::Budget(record.verify(network)?),
        WireWhat::Claim(record) => What::Claim(record.verify(network)?),
        WireWhat::Deposit { acceptance, deposit } => What::Deposit(Box::new(Deposited {
            acceptance: acceptance.verify(network)?,
            deposit: deposit.verify(network)?,
        })),
        WireWhat::Delivery(record) => What::Delivery(record.verify(network)?),
        WireWhat::Dispute(record) => What::Dispute(record.verify(network)?),
        WireWhat::Grant { blind, grant, request } => What::Grant(Box::new(Granted {
            blind,
            grant: grant.verify(network)?,
            request: request.verify(network)?,
        })),
        WireWhat::Hold(record) => What::Hold(record.verify(network)?),
        WireWhat::Offer(record) => What::Offer(record.verify(network)?),
        WireWhat::Payee(record) => What::Payee(record.verify(network)?),
        WireWhat::Prepayment(record) => What::Prepayment(record.verify(network)?),
        WireWhat::Purchase(record) => What::Purchase(record.verify(network)?),
        WireWhat::Receipt(record) => What::Receipt(record.verify(network)?),
        WireWhat::Report(record) => What::Report(record.verify(network)?),
        WireWhat::Resolution(record) => What::Resolution(record.verify(network)?),
        WireWhat::Reversal(record) => What::Reversal(record.verify(network)?),
        WireWhat::Settlement(summary) => What::Settlement(summary),
        WireWhat::Transfer { acceptance, transfer } => What::Transfer(Box::new(Transferred {
            acceptance: acceptance.verify(network)?,
            transfer: transfer.verify(network)?,
        })),
        WireWhat::Voucher(record) => What::Voucher(record.verify(network)?),
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
