//! `POST /v1/batches`: what gateways hand in, many receipts and vouchers at once.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use ledger::What;
use proofs::canonical;
use protocol::{BoundedList, NetworkId, RecordHeading};
use serde::Serialize;
use serde_bytes::ByteBuf;

use super::body;
use super::records::{Handed, allow, refusal};
use crate::problem::{Code, Problem};
use crate::rates::Whose;
use crate::sequencer::Answer;
use crate::service::Service;
use crate::spread::spread;

/// Most records of one batch.
const BATCH_RECORDS_MAX: usize = 4096;
/// Longest batch, in bytes.
const BATCH_LEN_MAX: usize = 4 << 20;

/// What became of a batch. What was taken is durable.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome {
    taken: usize,
    known: usize,
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Refused {
    at: usize,
    code: Code,
    detail: String,
}

pub(crate) async fn take(State(service): State<Service>, request: Body) -> Result<Json<Outcome>, Problem> {
    let bytes = body(request, BATCH_LEN_MAX).await?;
    let _place = service.places().batch()?;
    let (records, network) = (list(&bytes)?, service.terms().signed_for());
    allow(&service, Whose::Batches, records.len())?;
    let decoding = tokio::task::spawn_blocking(move || decode(&records, &network));
    let handed = decoding.await.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    take_all(&service, handed).await.map(Json)
}

/// Takes whatever of these is one, and says of each what became of it.
pub(crate) async fn take_all(
    service: &Service,
    handed: Vec<Result<What, Problem>>,
) -> Result<Outcome, Problem> {
    let (mut entries, mut places, mut taken) = (Vec::new(), Vec::new(), Outcome::default());
    for (at, what) in handed.into_iter().enumerate() {
        match what {
            Ok(what) => {
                entries.push(what);
                places.push(at);
            }
            Err(problem) => taken.refuse(at, problem),
        }
    }
    let answers = if entries.is_empty() { Vec::new() } else { service.writer().take(entries).await? };
    for (at, answer) in places.into_iter().zip(answers) {
        match answer {
            Answer::Taken(_) => taken.taken += 1,
            Answer::Known(_) => taken.known += 1,
            Answer::Refused(error) => taken.refuse(at, refusal(service, error)),
        }
    }
    taken.refused.sort_unstable_by_key(|refused| refused.at);
    service.metrics().refused(taken.refused.len() as u64);
    Ok(taken)
}

impl Outcome {
    fn refuse(&mut self, at: usize, problem: Problem) {
        let (code, detail) = problem.into_parts();
        self.refused.push(Refused { at, code, detail });
    }
}

/// Verifies all signatures, on all cores.
fn decode(records: &[ByteBuf], network: &NetworkId) -> Vec<Result<What, Problem>> {
    spread(records, |record| {
        let kind = RecordHeading::decode(record)?;
        match kind.kind() {
            "delivery_receipt" | "voucher" => Handed::decode(record, network).map(|handed| handed.what),
            other => Err(Problem::new(Code::BadRecord, format!("{other:?} is not taken in a batch"))),
        }
    })
}

/// The list of records that a body is.
pub(crate) fn list(bytes: &[u8]) -> Result<Vec<ByteBuf>, Problem> {
    let list: BoundedList<ByteBuf, BATCH_RECORDS_MAX> = canonical::from_slice(bytes, BATCH_LEN_MAX)
        .map_err(|error| Problem::bad_request(format!("not a list of records: {error}")))?;
    Ok(list.to_vec())
}
