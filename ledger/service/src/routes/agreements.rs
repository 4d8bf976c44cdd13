//! Agreements: registered when everybody has signed, and shown to whoever asks.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use data_encoding::{BASE64, HEXLOWER};
use ledger::{Agreed, Ledger, Per, SplitAgreement, What};
use proofs::Cid;
use protocol::{AgreementId, Digest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::keys::{parse_32, parse_key};
use super::records::admit;
use super::{RECORD_BODY_LEN_MAX, body, cbor};
use crate::problem::{Code, Problem};
use crate::sequencer::Answer;
use crate::service::Service;

/// `POST /v1/agreements`: `{ agreement, consents }`.
pub(crate) async fn register(State(service): State<Service>, request: Body) -> Result<Response, Problem> {
    let bytes = body(request, RECORD_BODY_LEN_MAX).await?;
    let network = service.terms().signed_for();
    let agreed = tokio::task::block_in_place(|| Agreed::decode(&bytes, &network))?;
    let (id, creator) = (agreed.agreement.id(), agreed.agreement.parts().creator);
    admit(&service, creator)?;
    let at = match service.writer().take(vec![What::Agreement(Box::new(agreed))]).await?.pop() {
        Some(Answer::Taken(at) | Answer::Known(at)) => at,
        Some(Answer::Refused(error)) => {
            service.metrics().refused(1);
            return Err(error.into());
        }
        None => return Err(Problem::new(Code::Internal, "the agreement was lost on its way")),
    };
    let promise = service.promise(Digest::from_bytes(*id.as_bytes()), at, None);
    let answer = json!({ "id": id.to_string(), "promise": BASE64.encode(&promise.encode()) });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// `GET /v1/agreements/{id}`: as it was posted.
pub(crate) async fn agreement(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = parse_32(&id).ok_or_else(|| Problem::bad_request("an id has 64 hexadecimal digits"))?;
    let state = service.state();
    let registered = state.registered(AgreementId::from_bytes(id));
    let registered = registered.ok_or_else(|| Problem::new(Code::NoAgreement, "no agreement has this id"))?;
    let mut response = cbor(StatusCode::OK, registered.bytes.clone());
    response.headers_mut().insert("headwater-log-index", registered.index.into());
    Ok(response)
}

#[derive(Debug, Deserialize)]
pub(crate) struct Title {
    creator: String,
}

/// `GET /v1/titles/{publication}?creator=…`: the agreement that holds.
pub(crate) async fn title(
    State(service): State<Service>,
    Path(publication): Path<String>,
    Query(title): Query<Title>,
) -> Result<Response, Problem> {
    let content: Cid = publication.parse().map_err(|_| Problem::bad_request("this is no publication id"))?;
    let creator = parse_key(&title.creator)?;
    let state = service.state();
    let found = state.ledger().holding(&creator, &content);
    let found = found.ok_or_else(|| Problem::new(Code::NoAgreement, "this title has no agreement"))?;
    let answer = json!({
        "id": found.id().to_string(),
        "agreement": Readable::of(state.ledger(), found),
        "cbor": BASE64.encode(&found.encode()),
    });
    Ok(Json(answer).into_response())
}

/// An agreement for people and pages; the CBOR beside it is what counts.
#[derive(Debug, Serialize)]
struct Readable {
    content: String,
    creator: String,
    unit: String,
    price: ReadablePrice,
    fees: ReadableFees,
    parties: Vec<ReadableParty>,
    /// Everything that this work was made from, near or far, with what each has of all that parties share.
    ancestors: Vec<Ancestor>,
    version: u32,
    supersedes: Option<String>,
    secondary_ppm: Option<u32>,
    issued: u64,
    isrc: Option<String>,
    iswc: Option<String>,
    iscc: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReadablePrice {
    micro: String,
    of: u64,
    per: &'static str,
}

#[derive(Debug, Serialize)]
struct ReadableFees {
    gateway: u32,
    network: u32,
    node: u32,
}

#[derive(Debug, Serialize)]
struct ReadableParty {
    party: String,
    role: ledger::Role,
    ppm: u32,
    ipi: Option<String>,
}

#[derive(Debug, Serialize)]
struct Ancestor {
    agreement: String,
    ppm: u32,
}

impl Readable {
    fn of(ledger: &Ledger, agreement: &SplitAgreement) -> Self {
        let parts = agreement.parts();
        let ancestor =
            |(id, ppm): (AgreementId, protocol::Ppm)| Ancestor { agreement: id.to_string(), ppm: ppm.get() };
        Self {
            content: parts.content.to_string(),
            creator: HEXLOWER.encode(parts.creator.as_bytes()),
            unit: parts.unit.to_string(),
            price: ReadablePrice {
                micro: parts.price.micro.get().to_string(),
                of: parts.price.of.get(),
                per: match parts.price.per {
                    Per::Byte => "byte",
                    Per::Second => "second",
                    Per::View => "view",
                },
            },
            fees: ReadableFees {
                gateway: parts.fees.gateway.get(),
                network: parts.fees.network.get(),
                node: parts.fees.node.get(),
            },
            parties: parts.parties.iter().map(ReadableParty::of).collect(),
            ancestors: ledger.ancestors(agreement.id()).map(ancestor).collect(),
            version: parts.version,
            supersedes: parts.supersedes.map(|id| id.to_string()),
            secondary_ppm: parts.secondary.map(protocol::Ppm::get),
            issued: parts.issued.get(),
            isrc: parts.isrc.as_ref().map(ToString::to_string),
            iswc: parts.iswc.as_ref().map(ToString::to_string),
            iscc: parts.iscc.as_ref().map(ToString::to_string),
        }
    }
}

impl ReadableParty {
    fn of(party: &ledger::Party) -> Self {
        Self {
            party: HEXLOWER.encode(party.party.as_bytes()),
            role: party.role,
            ppm: party.ppm.get(),
            ipi: party.ipi.as_ref().map(ToString::to_string),
        }
    }
}
