//! What a ledger says over HTTP (spec §25): records are bodies in canonical CBOR, answers about them JSON.

mod agreements;
mod attestations;
mod batches;
mod claims;
mod corrections;
mod deposits;
mod disputes;
mod grants;
mod health;
mod inquiries;
mod keys;
mod log;
mod operator;
mod records;
mod settlements;
mod terms;
mod transfers;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt as _;

use crate::problem::{Code, Problem};
use crate::service::Service;

/// What one body of one record may have, in bytes: an entry of the journal is the longest.
const RECORD_BODY_LEN_MAX: usize = ledger::ENTRY_LEN_MAX;
/// How many bytes of a body that is too long are still read and thrown away, so that its sender hears the answer.
const DISCARDED_LEN_MAX: usize = 4 << 20;
/// The type of a record.
const RECORD_TYPE: &str = "application/vnd.headwater.record+cbor";

/// All routes.
pub(crate) fn router(service: Service) -> Router {
    let open = Router::new()
        .route("/v1/terms", get(terms::terms))
        .route("/v1/agreements", post(agreements::register))
        .route("/v1/agreements/{id}", get(agreements::agreement))
        .route("/v1/titles/{publication}", get(agreements::title))
        .route("/v1/records", post(records::take))
        .route("/v1/attestations/{name}", get(attestations::place))
        .route("/v1/batches", post(batches::take))
        .route("/v1/grants", post(grants::grant))
        .route("/v1/transfers", post(transfers::take))
        .route("/v1/top-ups", post(deposits::top_up))
        .route("/v1/inquiries", post(inquiries::inquire))
        .route("/v1/settlements/{epoch}", get(settlements::settlement))
        .route("/v1/payouts/{party}", get(settlements::payout))
        .route("/v1/disputes", get(disputes::disputes))
        .route("/log/policy", get(log::policy))
        .route("/log/proof/{index}", get(log::proof))
        .route("/log/{*path}", get(log::file))
        // Before the layer, or pages that ask whether they may ask are answered without it.
        .method_not_allowed_fallback(other_method)
        .layer(from_fn(share_with_pages));
    let closed = Router::new()
        .route("/v1/settle", post(operator::settle))
        .route("/v1/reversals", post(corrections::reverse))
        .route("/v1/pages", post(corrections::release_page))
        .route("/v1/holds", post(corrections::hold))
        .route("/v1/resolutions", post(corrections::resolve))
        .route("/v1/deposits", post(deposits::accept))
        .route("/v1/claims", get(claims::claims))
        .route("/v1/journal.hledger", get(operator::hledger))
        .route("/metrics", get(health::metrics))
        .route("/health", get(health::health));
    open.merge(closed)
        .fallback(|| async { Problem::not_found("no such path") })
        .method_not_allowed_fallback(other_method)
        .with_state(service)
}

async fn other_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "another method")
}

/// Pages of any origin may ask: what they get is public, or signed for by whom it is about.
async fn share_with_pages(request: Request, next: Next) -> Response {
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response =
        if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    let mut allow = |name: &'static str, value: &'static str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    allow("access-control-allow-origin", "*");
    if is_preflight {
        allow("access-control-allow-methods", "GET, POST");
        allow("access-control-allow-headers", "content-type, headwater-session, authorization, range");
        allow("access-control-max-age", "86400");
    }
    response
}

/// The whole body, when it is not longer.
async fn body(request: Body, len_max: usize) -> Result<Bytes, Problem> {
    let (mut taken, mut len) = (Vec::new(), 0_usize);
    let mut pieces = request.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::bad_request("the body ended before its end"))?;
        len += piece.len();
        if len <= len_max {
            taken.extend_from_slice(&piece);
        } else if len > len_max + DISCARDED_LEN_MAX {
            break;
        }
    }
    if len > len_max {
        let detail = format!("at most {len_max} bytes are taken, all of them");
        return Err(Problem::new(Code::TooLarge, detail));
    }
    Ok(taken.into())
}

/// An answer that is a record, or several things in canonical CBOR.
fn cbor(status: StatusCode, bytes: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, RECORD_TYPE)], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use axum::extract::State;
    use ledger::tlog::KeyName;
    use ledger::{
        Acceptance, Deposit, Deposited, Dispute, Inquired, Inquiry, KnownBy, LedgerHost, PaymentId, Remark,
        Terms, Unit, What,
    };
    use proofs::canonical;
    use protocol::{Amount, Digest, NetworkId, SecretKey, Signed, UnixSeconds, Unverified};
    use serde::Serialize;
    use serde_bytes::{ByteArray, ByteBuf};

    use super::*;
    use crate::rates::Whose;
    use crate::service::now;
    use crate::{LedgerConfig, LedgerKeys, LedgerSecret, RedbStore, RunningLedger, Schedule};

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

    async fn service(folder: &std::path::Path) -> Service {
        let name = KeyName::new("ledger.example").unwrap();
        let keys = LedgerKeys::new(&LedgerSecret::from_bytes([1; 32]), name);
        let issuer = keys.issuer().public();
        let unit = Unit::new("EUR").unwrap();
        let terms = Terms { issuer, network: NETWORK, treasury: issuer, unit };
        let store = RedbStore::open(&folder.join("journal"), &terms).unwrap();
        let schedule = Schedule { started: now(), epoch_s: 3600 };
        // Which TLS it is to use has to be said where all crates are built together, since others leave that open.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (log, http) = (folder.join("log"), reqwest::Client::new());
        let config = LedgerConfig {
            keys,
            terms,
            schedule,
            log,
            hosts: Vec::new(),
            operator: None,
            policy: None,
            http,
        };
        RunningLedger::start(store, config).await.unwrap().service().clone()
    }

    fn stranger() -> SecretKey {
        SecretKey::from_bytes(&[9; 32])
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn pages_of_any_origin_may_ask() {
        let folder = tempfile::tempdir().unwrap();
        let router = router(service(folder.path()).await);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let http = reqwest::Client::new();
        let asked = async |method: Method, path: &str| {
            let answer = http.request(method, format!("{url}{path}")).send().await.unwrap();
            (answer.status(), answer.headers().contains_key("access-control-allow-origin"))
        };
        for path in ["/v1/top-ups", "/v1/inquiries", "/v1/grants", "/v1/terms"] {
            assert_eq!(asked(Method::OPTIONS, path).await, (StatusCode::NO_CONTENT, true), "{path}");
            assert_eq!(asked(Method::DELETE, path).await, (StatusCode::METHOD_NOT_ALLOWED, true), "{path}");
        }
        for path in ["/v1/settle", "/v1/deposits"] {
            assert_eq!(asked(Method::OPTIONS, path).await, (StatusCode::METHOD_NOT_ALLOWED, false), "{path}");
        }
    }

    /// Takes the whole allowance, a minute ahead: nothing comes back to it before.
    fn use_up(service: &Service, whose: Whose, burst: usize) {
        let later = Instant::now() + Duration::from_mins(1);
        assert!(service.rates().admit(whose, burst, later));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn batches_are_admitted_by_their_records() {
        let folder = tempfile::tempdir().unwrap();
        let service = service(folder.path()).await;
        let batch = || Body::from(canonical::to_vec(&vec![ByteBuf::from([0]); 4096]));
        let outcome = batches::take(State(service.clone()), batch()).await.unwrap();
        assert_eq!(serde_json::to_value(&outcome.0).unwrap()["refused"].as_array().unwrap().len(), 4096);
        use_up(&service, Whose::Batches, 409_600);
        let code = batches::take(State(service.clone()), batch()).await.unwrap_err().into_parts().0;
        assert_eq!(code, Code::TooManyRequests);
        let held: Vec<_> = std::iter::from_fn(|| service.places().batch().ok()).collect();
        let code = batches::take(State(service.clone()), batch()).await.unwrap_err().into_parts().0;
        assert_eq!((code, held.is_empty()), (Code::Busy, false));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn statements_are_made_a_few_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let service = service(folder.path()).await;
        let ask = || {
            let host = LedgerHost::new("127.0.0.1:8700").unwrap();
            let inquiry = Inquiry { epoch: None, host, issued: now(), what: Inquired::Statement };
            inquiries::inquire(
                State(service.clone()),
                Body::from(Signed::sign(&stranger(), &service.terms().signed_for(), inquiry).encode()),
            )
        };
        let known = [1, 2].map(|seed| Some(KnownBy::Own(SecretKey::from_bytes(&[seed; 32]).public())));
        let held = known.map(|known| service.places().statement(known));
        assert_eq!(ask().await.unwrap_err().into_parts().0, Code::Busy);
        drop(held);
        let among_strangers = service.places().statement(None);
        assert_eq!(ask().await.unwrap_err().into_parts().0, Code::Busy);
        assert!(service.places().statement(known[0]).is_ok(), "a place is left for those who are known");
        drop(among_strangers);
        assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    }

    /// Whoever the ledger does not know finds its places for disputes taken; whoever it knows does not.
    #[tokio::test(flavor = "multi_thread")]
    async fn strangers_leave_room_for_the_disputes_of_those_who_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let service = service(folder.path()).await;
        let signed_for = service.terms().signed_for();
        let dispute = |by: &SecretKey, number: usize| {
            let (reason, issued) = (Remark::new("never watched").unwrap(), UnixSeconds::new(number as u64));
            let party = service.keys().issuer().public();
            let dispute =
                Dispute { amount: Amount::ZERO, issued, party, reason, subject: Digest::of(b"line") };
            Signed::sign(by, &signed_for, dispute)
        };
        let hand_in = async |record: &Signed<Dispute>| {
            let answer = records::take(State(service.clone()), Body::from(record.encode())).await;
            answer.map(|answer| answer.status()).map_err(|problem| problem.into_parts().0)
        };
        let known = SecretKey::from_bytes(&[8; 32]);
        let (unit, id) = (Unit::new("EUR").unwrap(), PaymentId::from_bytes([1; 16]));
        let deposit = Deposit { amount: Amount::new(1).unwrap(), id, remark: None, unit, issued: now() };
        let deposit = Signed::sign(&known, &signed_for, deposit);
        let accepted = Acceptance { issued: now(), name: deposit.name() };
        let acceptance = Signed::sign(service.keys().issuer(), &signed_for, accepted);
        let mut all = vec![What::Deposit(Box::new(Deposited { acceptance, deposit }))];
        let places = ledger::DISPUTES_OF_STRANGERS_MAX;
        all.extend((1..places).map(|number| What::Dispute(dispute(&stranger(), number))));
        service.writer().take(all).await.unwrap();
        let last = hand_in(&dispute(&stranger(), places)).await;
        assert_eq!(last, Ok(StatusCode::OK), "the last place of strangers");
        assert_eq!(hand_in(&dispute(&stranger(), places + 1)).await, Err(Code::TooManyRequests));
        assert_eq!(hand_in(&dispute(&known, 1)).await, Ok(StatusCode::OK));
    }

    #[derive(Serialize)]
    struct TopUp {
        code: ByteArray<16>,
        deposit: Unverified<Deposit>,
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_has_a_code_does_not_wait_for_strangers() {
        let folder = tempfile::tempdir().unwrap();
        let service = service(folder.path()).await;
        let amount = Amount::new(1000).unwrap();
        let code = service.keys().top_up_code(amount, [1; 5]).unwrap();
        let unit = Unit::new("EUR").unwrap();
        let deposit =
            Deposit { amount, id: code.payment_id(), remark: None, unit, issued: UnixSeconds::new(1) };
        let deposit = Signed::sign(&stranger(), &service.terms().signed_for(), deposit);
        let with = |code| canonical::to_vec(&TopUp { code, deposit: (&deposit).into() });
        let (right, wrong) = (with(ByteArray::new(*code.as_bytes())), with(ByteArray::new([0; 16])));
        let hand_in =
            async |bytes: Vec<u8>| deposits::top_up(State(service.clone()), Body::from(bytes)).await;
        use_up(&service, Whose::Strangers, 500);
        assert_eq!(hand_in(wrong).await.unwrap_err().into_parts().0, Code::TooManyRequests);
        assert_eq!(hand_in(right).await.unwrap().status(), StatusCode::OK);
    }
}
