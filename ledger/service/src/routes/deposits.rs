//! Money that comes in: accepted by the operator, or paid for with a code before.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use ledger::{Acceptance, ApplyError, Deposit, Deposited, TopUpCode, What};
use proofs::canonical;
use protocol::{Amount, Signed, Unverified};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::batches::{Outcome, list, take_all};
use super::operator::check;
use super::records::{admit, allow, promise};
use super::{RECORD_BODY_LEN_MAX, body};
use crate::problem::{Code, Problem};
use crate::rates::Whose;
use crate::sequencer::{Answer, Redeemed};
use crate::service::{Service, now};

/// Longest body of `/v1/deposits`, in bytes.
const DEPOSITS_LEN_MAX: usize = 4 << 20;

/// `POST /v1/deposits`: deposits signed by those whose money came in; the operator says by its token that it did.
pub(crate) async fn accept(
    State(service): State<Service>,
    headers: HeaderMap,
    request: Body,
) -> Result<Json<Outcome>, Problem> {
    check(&service, &headers)?;
    let bytes = body(request, DEPOSITS_LEN_MAX).await?;
    let network = service.terms().signed_for();
    let decode = |record: &ByteBuf| {
        let deposit = Signed::<Deposit>::decode(record, &network)?;
        Ok(What::Deposit(Box::new(accepted(&service, deposit))))
    };
    let handed = list(&bytes)?.iter().map(decode).collect();
    take_all(&service, handed).await.map(Json)
}

/// The deposit with the word of the ledger that it has come.
fn accepted(service: &Service, deposit: Signed<Deposit>) -> Deposited {
    let body = Acceptance { issued: now(), name: deposit.name() };
    let acceptance = Signed::sign(service.keys().issuer(), &service.terms().signed_for(), body);
    Deposited { acceptance, deposit }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopUp {
    code: ByteArray<16>,
    deposit: Unverified<Deposit>,
}

/// `POST /v1/top-ups`: a code, and the deposit by which it is redeemed.
pub(crate) async fn top_up(State(service): State<Service>, request: Body) -> Result<Response, Problem> {
    let bytes = body(request, RECORD_BODY_LEN_MAX).await?;
    let TopUp { code, deposit } = canonical::from_slice(&bytes, RECORD_BODY_LEN_MAX)
        .map_err(|error| Problem::bad_request(format!("not a code and a deposit: {error}")))?;
    let deposit = deposit.verify(&service.terms().signed_for())?;
    let code = TopUpCode::from_bytes(code.into_array());
    let Some(worth) = service.keys().worth(&code) else {
        admit(&service, deposit.by())?;
        return Err(Problem::new(Code::WorthNothing, "it is not one of this ledger"));
    };
    check_deposit(&code, worth, &deposit)?;
    allow(&service, Whose::TopUps, 1)?;
    let name = deposit.name();
    match service.writer().redeem(Box::new(accepted(&service, deposit))).await? {
        // Another deposit of the same key, with this code: it was redeemed by the first one.
        Redeemed::By(Answer::Refused(ApplyError::Conflict(_))) => {
            service.metrics().refused(1);
            Err(Problem::new(Code::Redeemed, "you have used it already"))
        }
        Redeemed::By(answer) => promise(&service, name, answer, None),
        Redeemed::Before => {
            service.metrics().refused(1);
            Err(Problem::new(Code::Redeemed, "somebody has used it already"))
        }
    }
}

fn check_deposit(code: &TopUpCode, worth: Amount, deposit: &Signed<Deposit>) -> Result<(), Problem> {
    if deposit.body().amount == worth && deposit.body().id == code.payment_id() {
        Ok(())
    } else {
        let why = "the deposit has another amount than the code is worth, or another id";
        Err(Problem::new(Code::WorthNothing, why))
    }
}
