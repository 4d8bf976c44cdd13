//! `POST /v1/records`: one signed record, answered by a promise once it is durable.

use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use ledger::What;
use protocol::{Digest, Epoch, NetworkId, PublicKey, Record, RecordHeading, Signed};

use super::{RECORD_BODY_LEN_MAX, body, cbor};
use crate::problem::{Code, Problem};
use crate::rates::Whose;
use crate::sequencer::Answer;
use crate::service::Service;

/// A record as an entry, and what is needed to promise it.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) what: What,
    pub(crate) name: Digest,
    pub(crate) by: PublicKey,
}

pub(crate) async fn take(State(service): State<Service>, request: Body) -> Result<Response, Problem> {
    let bytes = body(request, RECORD_BODY_LEN_MAX).await?;
    let handed = Handed::decode(&bytes, &service.terms().signed_for())?;
    match &handed.what {
        What::Attestation(_) => admit_attesting(&service, handed.by)?,
        _ => admit(&service, handed.by)?,
    }
    promised(&service, handed).await
}

/// Takes a record, and answers with the promise.
pub(crate) async fn promised(service: &Service, handed: Handed) -> Result<Response, Problem> {
    let Handed { what, name, .. } = handed;
    let (epoch, is_next) = (epoch_of(service, &what), is_settled_next(&what));
    let answer = service.writer().take(vec![what]).await?.pop();
    let answer = answer.ok_or_else(|| Problem::new(Code::Internal, "the record was lost on its way"))?;
    // What belongs to no epoch was not settled before it was taken.
    let epoch = if is_next { Some(service.state().ledger().next_epoch()) } else { epoch };
    promise(service, name, answer, epoch)
}

/// The promise for what was taken; what follows from it is public with this epoch.
pub(crate) fn promise(
    service: &Service,
    name: Digest,
    answer: Answer,
    epoch: Option<Epoch>,
) -> Result<Response, Problem> {
    match answer {
        Answer::Taken(at) | Answer::Known(at) => {
            Ok(cbor(StatusCode::OK, service.promise(name, at, epoch).encode()))
        }
        Answer::Refused(error) => {
            service.metrics().refused(1);
            Err(error.into())
        }
    }
}

/// Takes one from the allowance of whoever has signed, or of whoever has brought them in.
pub(crate) fn admit(service: &Service, by: PublicKey) -> Result<(), Problem> {
    let known_by = service.state().known_by(&by);
    allow(service, known_by.map_or(Whose::Strangers, Whose::Known), 1)
}

/// What is attested to stays in the log for ever: keys that are not known here, which are free to make, have few together.
fn admit_attesting(service: &Service, by: PublicKey) -> Result<(), Problem> {
    let known_by = service.state().known_by(&by);
    allow(service, known_by.map_or(Whose::Attesting, Whose::Known), 1)
}

/// Takes so many from an allowance.
pub(crate) fn allow(service: &Service, whose: Whose, count: usize) -> Result<(), Problem> {
    if service.rates().admit(whose, count, Instant::now()) {
        Ok(())
    } else {
        Err(Problem::new(Code::TooManyRequests, "this key, or all that are not known here, write too often"))
    }
}

impl Handed {
    /// The record in these bytes, when it is one that anybody may hand in and its signature verifies.
    pub(crate) fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, Problem> {
        let heading = RecordHeading::decode(bytes)?;
        match heading.kind() {
            "allocation" => Self::of(bytes, network, What::Allocation),
            "attestation" => Self::of(bytes, network, What::Attestation),
            "budget" => Self::of(bytes, network, What::Budget),
            "delivery_receipt" => Self::of(bytes, network, What::Receipt),
            "dispute" => Self::of(bytes, network, What::Dispute),
            "key_delivery" => Self::of(bytes, network, What::Delivery),
            "offer" => Self::of(bytes, network, What::Offer),
            "prepayment" => Self::of(bytes, network, What::Prepayment),
            "purchase" => Self::of(bytes, network, What::Purchase),
            "storage_report" => Self::of(bytes, network, What::Report),
            "payee" => Self::of(bytes, network, What::Payee),
            "payout_claim" => Self::of(bytes, network, What::Claim),
            "voucher" => Self::of(bytes, network, What::Voucher),
            "deposit" => {
                Err(Problem::new(Code::NotAccepted, "hand it to the operator, or show a code with it"))
            }
            other => {
                Err(Problem::new(Code::BadRecord, format!("records of type {other:?} are not taken here")))
            }
        }
    }

    fn of<T: Record>(
        bytes: &[u8],
        network: &NetworkId,
        what: impl FnOnce(Signed<T>) -> What,
    ) -> Result<Self, Problem> {
        let record = Signed::<T>::decode(bytes, network)?;
        let (name, by) = (record.name(), record.by());
        Ok(Self { what: what(record), name, by })
    }
}

/// Whether the next settlement makes public what follows from this, whichever it is.
const fn is_settled_next(what: &What) -> bool {
    matches!(
        what,
        What::Delivery(_) | What::Payee(_) | What::Purchase(_) | What::Report(_) | What::Transfer(_)
    )
}

/// The epoch that this is for, whose settlement makes public what follows from it.
fn epoch_of(service: &Service, what: &What) -> Option<Epoch> {
    match what {
        What::Allocation(record) => Some(record.body().epoch),
        What::Budget(record) => Some(record.body().epoch),
        What::Receipt(record) => {
            service.state().ledger().grant_of(&record.body().serial).map(|grant| grant.epoch)
        }
        What::Voucher(record) => Some(record.body().epoch),
        _ => None,
    }
}
