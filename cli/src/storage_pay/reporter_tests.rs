use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use client::AuditLog;
use ledger::PaymentId;
use protocol::{Amount, Digest, NetworkId, Ppm, Promise};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::storage_pay::intervals::HOUR_S;

const NETWORK: NetworkId = NetworkId::from_bytes([5; 32]);
/// The hour in which everything happens.
const HOUR: u64 = 500_000;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

fn signed_for() -> NetworkId {
    NETWORK.at_ledger(&key(1).public())
}

/// What a ledger was handed: from which hour to which, and for which prepayment; without hours the prepayment itself.
type Told = (u64, u64, u8);

/// A ledger that answers one record after the other with these codes, and with a promise once there are no more.
#[derive(Clone, Default)]
struct Ledger {
    refusals: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
    /// How many hours all prepayments together still pay for, where that is known.
    hours_left: Arc<Mutex<Option<u64>>>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Ledger {
    async fn serve(&self) -> LedgerApi {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/terms", get(terms)).route("/v1/records", post(record));
        let router = router.with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        LedgerApi::connect(&url).await.unwrap()
    }

    fn will_say(&self, refusals: &[(u16, &'static str)]) {
        self.refusals.lock().unwrap().extend(refusals);
    }

    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

async fn terms() -> Response {
    let issuer = key(1).public().to_string();
    let terms = json!({"issuer": issuer, "network": NETWORK.to_string(), "treasury": issuer, "unit": "EUR",
        "log": "", "origin": "", "epoch": 1, "open_epoch": 1});
    axum::Json(terms).into_response()
}

async fn record(State(ledger): State<Ledger>, body: Bytes) -> Response {
    let report = Signed::<StorageReport>::decode(&body, &signed_for());
    let (told, name, hours) = if let Ok(report) = report {
        let StorageReport { from, to, prepayment, .. } = *report.body();
        ((from, to, prepayment.id.as_bytes()[0]), report.name(), to - from)
    } else {
        let prepayment = Signed::<Prepayment>::decode(&body, &signed_for()).unwrap();
        ((0, 0, prepayment.body().id.as_bytes()[0]), prepayment.name(), 0)
    };
    ledger.told.lock().unwrap().push(told);
    let left = ledger.hours_left.lock().unwrap().as_mut().map(|left| match left.checked_sub(hours) {
        None => Some((402, "insufficient_funds")),
        Some(rest) => {
            *left = rest;
            None
        }
    });
    let refusal = ledger.refusals.lock().unwrap().pop_front().or(left.flatten());
    if let Some((status, code)) = refusal {
        let problem = axum::Json(json!({"code": code, "detail": "so it is"}));
        return (StatusCode::from_u16(status).unwrap(), problem).into_response();
    }
    let at = UnixSeconds::new(HOUR * HOUR_S);
    Signed::sign(&key(1), &signed_for(), Promise { name, taken: at, until: at }).encode().into_response()
}

fn prepayment(id: u8, hours: std::ops::Range<u64>) -> Signed<Prepayment> {
    let body = Prepayment {
        amount: Amount::new(9).unwrap(),
        auditor: key(2).public(),
        id: PaymentId::from_bytes([id; 16]),
        issued: UnixSeconds::new(hours.start * HOUR_S),
        price: Amount::new(1).unwrap(),
        until: UnixSeconds::new(hours.end * HOUR_S),
        withheld: Ppm::ZERO,
    };
    Signed::sign(&key(3), &signed_for(), body)
}

fn kept(node: u8, from: u64, to: u64) -> Interval {
    let (node, at) = (key(node).public(), UnixSeconds::new(to * HOUR_S));
    Interval { node, from, to, bytes: 7, lost: 0, at, transcript: Digest::from_bytes([3; 32]) }
}

/// A reporter in this folder, of which these intervals wait.
fn reporter(dir: &Path, prepayments: &[Signed<Prepayment>], waiting: &[Interval]) -> Reporter {
    drop(AuditLog::open(&dir.join("audit.log")).unwrap());
    let mut reporter = Reporter::new(String::new(), prepayments.to_vec(), key(2), dir).unwrap();
    assert!(reporter.read().unwrap(), "the log is empty");
    reporter.waiting.extend(waiting);
    reporter
}

#[tokio::test]
async fn a_report_waits_until_it_is_taken_or_refused_for_good() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), Ledger::default());
    let api = ledger.serve().await;
    let long = [prepayment(1, HOUR..u64::from(u32::MAX))];
    let (first, second) = (kept(7, HOUR, HOUR + 2), kept(8, HOUR, HOUR + 1));
    let mut reporter = reporter(dir.path(), &long, &[first, second]);
    // Whoever asks too often asks nothing more for now.
    ledger.will_say(&[(429, "too_many_requests")]);
    assert!(reporter.hand_in_all(&api).await.is_err());
    assert_eq!((ledger.told().len(), reporter.waiting.len()), (1, 2));
    ledger.will_say(&[(409, "too_early"); 2]);
    reporter.hand_in_all(&api).await.unwrap();
    assert_eq!((ledger.told().len(), reporter.waiting.len()), (2, 2));
    ledger.will_say(&[(500, "internal")]);
    assert!(reporter.hand_in_all(&api).await.is_err());
    ledger.told();
    // What waits of one node keeps the other one from nothing.
    ledger.will_say(&[(409, "too_early")]);
    reporter.hand_in_all(&api).await.unwrap();
    assert_eq!(ledger.told(), [(HOUR, HOUR + 2, 1), (HOUR, HOUR + 1, 1)]);
    assert_eq!(reporter.waiting, [first]);
    ledger.will_say(&[(409, "refused")]);
    reporter.hand_in_all(&api).await.unwrap();
    assert!(reporter.waiting.is_empty(), "it is paid already, or never will be");

    // All of that is known after the process.
    let again = Reporter::new(String::new(), long.to_vec(), key(2), dir.path()).unwrap();
    let hour = |node: u8| again.reported[&key(node).public().to_string()];
    assert_eq!((hour(7), hour(8)), (HOUR + 2, HOUR + 1));
}

#[tokio::test]
async fn the_next_prepayment_pays_for_what_the_one_before_does_not() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), Ledger::default());
    let api = ledger.serve().await;
    let end = u64::from(u32::MAX);
    let prepayments = [prepayment(1, HOUR..HOUR + 4), prepayment(2, HOUR..end), prepayment(3, HOUR..end)];
    let mut reporter = reporter(dir.path(), &prepayments, &[kept(7, HOUR + 1, HOUR + 2)]);
    ledger.will_say(&[(402, "insufficient_funds"), (402, "insufficient_funds")]);
    reporter.hand_in_all(&api).await.unwrap();
    assert_eq!(ledger.told(), [1, 2, 3].map(|id| (HOUR + 1, HOUR + 2, id)));
    reporter.waiting.push_back(kept(8, HOUR + 1, HOUR + 6));
    reporter.hand_in_all(&api).await.unwrap();
    assert_eq!(ledger.told(), [(HOUR + 1, HOUR + 4, 1), (HOUR + 4, HOUR + 6, 2)]);
    // Where nobody is left who pays, it waits for nothing.
    reporter.waiting.push_back(kept(7, HOUR + 6, HOUR + 7));
    ledger.will_say(&[(402, "insufficient_funds"); 2]);
    reporter.hand_in_all(&api).await.unwrap();
    assert!(reporter.waiting.is_empty());
    // No ledger takes a report for what has ended so long ago, whatever it says.
    reporter.prepayments = vec![prepayment(4, 100..200)];
    reporter.waiting.push_back(kept(9, 150, 160));
    ledger.will_say(&[(404, "not_found")]);
    reporter.hand_in_all(&api).await.unwrap();
    assert!(reporter.waiting.is_empty());
}

#[tokio::test]
async fn what_a_prepayment_has_left_is_paid_hour_by_hour() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), Ledger::default());
    let api = ledger.serve().await;
    let prepayments = [prepayment(1, HOUR..u64::from(u32::MAX))];
    let mut reporter =
        reporter(dir.path(), &prepayments, &[kept(7, HOUR, HOUR + 10), kept(8, HOUR, HOUR + 1)]);
    *ledger.hours_left.lock().unwrap() = Some(8);
    reporter.hand_in_all(&api).await.unwrap();
    let told: Vec<_> = ledger.told().into_iter().map(|(from, to, _)| (from - HOUR, to - HOUR)).collect();
    assert_eq!(told, [(0, 10), (0, 5), (5, 10), (5, 7), (7, 9), (7, 8), (8, 9), (0, 1)]);
    assert_eq!(*ledger.hours_left.lock().unwrap(), Some(0), "nodes have all of it");
    assert!(reporter.waiting.is_empty());
}

#[tokio::test]
async fn a_prepayment_that_the_ledger_never_got_keeps_no_other_one_waiting() {
    let (dir, ledger) = (tempfile::tempdir().unwrap(), Ledger::default());
    let api = ledger.serve().await;
    let end = u64::from(u32::MAX);
    let prepayments = [prepayment(1, HOUR..end), prepayment(2, HOUR..end)];
    let mut reporter = reporter(dir.path(), &prepayments, &[kept(7, HOUR, HOUR + 3)]);
    // It is handed in by whoever has it.
    ledger.will_say(&[(404, "not_found")]);
    reporter.hand_in_all(&api).await.unwrap();
    assert_eq!(ledger.told(), [(HOUR, HOUR + 3, 1), (0, 0, 1), (HOUR, HOUR + 3, 1)]);
    // Its payer has nothing, or has thought better of it.
    reporter.waiting.push_back(kept(8, HOUR, HOUR + 3));
    ledger.will_say(&[(404, "not_found"), (402, "insufficient_funds")]);
    reporter.hand_in_all(&api).await.unwrap();
    assert_eq!(ledger.told(), [(HOUR, HOUR + 3, 1), (0, 0, 1), (HOUR, HOUR + 3, 2)]);
    assert!(reporter.waiting.is_empty());
    // One of another ledger pays for nothing here.
    let elsewhere = Signed::sign(&key(3), &NETWORK, *prepayments[0].body());
    reporter.prepayments.insert(0, elsewhere.clone());
    reporter.leave_out_foreign(&api).unwrap();
    reporter.waiting.push_back(kept(9, HOUR, HOUR + 3));
    reporter.hand_in_all(&api).await.unwrap();
    assert_eq!(ledger.told(), [(HOUR, HOUR + 3, 1)]);
    reporter.prepayments = vec![elsewhere];
    assert!(reporter.leave_out_foreign(&api).is_err(), "that is another ledger than was meant");
}
