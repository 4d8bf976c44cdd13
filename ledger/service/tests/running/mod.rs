//! A ledger that runs in this process, and people who sign.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use ledger::tlog::KeyName;
use ledger::{
    Agreed, AgreementParts, Consent, Deposit, Fees, Inquired, Inquiry, LedgerHost, Party, PaymentId, Per,
    Price, Quantity, Role, SessionRequest, SplitAgreement, Terms, Unit,
};
use ledger_service::{
    LedgerConfig, LedgerKeys, LedgerSecret, OperatorToken, RedbStore, RunningLedger, Schedule,
};
use proofs::{Cid, canonical};
use protocol::{
    AgreementId, Amount, BoundedList, Delivered, DeliveryReceipt, Epoch, NetworkId, Ppm, Promise, Record,
    SecretKey, Sequence, SessionGrant, Signed, StreamNumber, UnixSeconds, Usage,
};
use reqwest::{Client, Response, StatusCode};
use serde_bytes::ByteBuf;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([0x4e; 32]);
/// For what everything is signed.
pub(crate) static AT_LEDGER: LazyLock<NetworkId> = LazyLock::new(|| terms().signed_for());
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const CREATOR: u8 = 1;
pub(crate) const VIEWER: u8 = 2;
pub(crate) const GATEWAY: u8 = 3;
pub(crate) const TREASURY: u8 = 9;

pub(crate) fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

pub(crate) fn now() -> UnixSeconds {
    std::time::SystemTime::now().into()
}

/// A question to the ledger under the name that it has.
pub(crate) fn inquiry(what: Inquired) -> Inquiry {
    Inquiry { epoch: None, host: LedgerHost::new("ledger.example").unwrap(), issued: now(), what }
}

pub(crate) fn keys() -> LedgerKeys {
    LedgerKeys::new(&LedgerSecret::from_bytes([77; 32]), KeyName::new("ledger.example/test").unwrap())
}

pub(crate) fn terms() -> Terms {
    Terms {
        issuer: keys().issuer().public(),
        network: NETWORK,
        treasury: secret(TREASURY).public(),
        unit: unit(),
    }
}

pub(crate) fn unit() -> Unit {
    Unit::new("EUR").unwrap()
}

/// Epochs of a day, the first of which began an hour ago.
pub(crate) fn schedule() -> Schedule {
    Schedule { started: UnixSeconds::new(now().get() - 3600), epoch_s: 86_400 }
}

/// What asks over HTTP. Which TLS it is to use has to be said where all crates are built together, since others leave that open.
pub(crate) fn http() -> Client {
    // Fails only where a provider is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::new()
}

pub(crate) fn config(folder: &Path, schedule: Schedule, policy: Option<String>) -> LedgerConfig {
    LedgerConfig {
        keys: keys(),
        terms: terms(),
        schedule,
        log: folder.join("log"),
        hosts: vec![LedgerHost::new("ledger.example").unwrap()],
        operator: Some(OperatorToken::new(TOKEN).unwrap()),
        policy,
        http: http(),
    }
}

/// A ledger behind HTTP.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) http: Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(folder: &Path) -> Self {
        let store = RedbStore::open(&folder.join("journal.redb"), &terms()).unwrap();
        Self::serve(RunningLedger::start(store, config(folder, schedule(), None)).await.unwrap()).await
    }

    pub(crate) async fn serve(ledger: RunningLedger) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            ledger.serve(listener, async { drop(stopped.await) }).await.unwrap();
        });
        Self { url, http: http(), stop, task }
    }

    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }

    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(self.at(path)).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        json(self.get(path).await, StatusCode::OK).await
    }

    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> Response {
        self.http.post(self.at(path)).body(body).send().await.unwrap()
    }

    pub(crate) async fn operate(&self, path: &str, body: Vec<u8>) -> Response {
        self.http.post(self.at(path)).bearer_auth(TOKEN).body(body).send().await.unwrap()
    }

    pub(crate) async fn promised<T: Record>(&self, record: &Signed<T>) -> Signed<Promise> {
        let answer = self.post("/v1/records", record.encode()).await;
        let status = answer.status();
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&bytes));
        let promise = Signed::<Promise>::decode(&bytes, &AT_LEDGER).unwrap();
        assert_eq!((promise.by(), promise.body().name), (terms().issuer, record.name()));
        promise
    }

    /// Deposits, which the operator accepts.
    pub(crate) async fn deposit(&self, owner: u8, micro: u64, id: u8) {
        let answer = self.operate("/v1/deposits", list(&[deposit(owner, micro, id).encode()])).await;
        let answer = json(answer, StatusCode::OK).await;
        assert_eq!(answer["refused"], Value::Array(Vec::new()), "{answer}");
    }

    pub(crate) async fn register(&self, agreed: &Agreed) -> AgreementId {
        let answer = self.post("/v1/agreements", agreed.encode()).await;
        let answer = json(answer, StatusCode::CREATED).await;
        assert_eq!(answer["id"], agreed.agreement.id().to_string());
        agreed.agreement.id()
    }

    pub(crate) async fn grant(&self, request: &Signed<SessionRequest>) -> Signed<SessionGrant> {
        let answer = self.post("/v1/grants", request.encode()).await;
        let status = answer.status();
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&bytes));
        Signed::decode(&bytes, &AT_LEDGER).unwrap()
    }

    pub(crate) async fn settle(&self, epoch: u64) -> Value {
        let answer = self.operate(&format!("/v1/settle?epoch={epoch}&force=true"), Vec::new()).await;
        json(answer, StatusCode::OK).await
    }

    pub(crate) async fn inquire(&self, who: &SecretKey, what: Inquired) -> Value {
        let inquiry = Signed::sign(who, &AT_LEDGER, inquiry(what));
        json(self.post("/v1/inquiries", inquiry.encode()).await, StatusCode::OK).await
    }

    /// Waits until the log has so many entries.
    pub(crate) async fn published(&self, size: u64) {
        for _ in 0..200 {
            let terms = self.json("/v1/terms").await;
            if terms["checkpoint"]["size"].as_u64().is_some_and(|found| found >= size) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the log does not reach {size} entries");
    }
}

pub(crate) async fn json(answer: Response, expected: StatusCode) -> Value {
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(status, expected, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The status and the code of a refusal.
pub(crate) async fn refused(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let document: Value = answer.json().await.unwrap();
    (status, document["code"].as_str().unwrap().to_owned())
}

pub(crate) fn list(records: &[Vec<u8>]) -> Vec<u8> {
    canonical::to_vec(&records.iter().map(|record| ByteBuf::from(record.clone())).collect::<Vec<_>>())
}

pub(crate) fn deposit(owner: u8, micro: u64, id: u8) -> Signed<Deposit> {
    let id = PaymentId::from_bytes([id; 16]);
    let amount = Amount::new(micro).unwrap();
    let body = Deposit { amount, id, remark: None, unit: unit(), issued: UnixSeconds::new(1_800_000_000) };
    Signed::sign(&secret(owner), &AT_LEDGER, body)
}

/// An agreement over one title of the creator: `micro` for each byte, a tenth of it to the gateway.
pub(crate) fn agreed(title: u8, micro: u64) -> Agreed {
    let creator = secret(CREATOR);
    let ppm = |share| Ppm::new(share).unwrap();
    let party = Party { ipi: None, party: creator.public(), ppm: Ppm::WHOLE, role: Role::Author };
    let agreement = SplitAgreement::new(AgreementParts {
        content: Cid::of(&[title]),
        creator: creator.public(),
        fees: Fees { gateway: ppm(100_000), network: ppm(50_000), node: ppm(0) },
        iscc: None,
        isrc: None,
        issued: UnixSeconds::new(1_800_000_000),
        iswc: None,
        parents: BoundedList::default(),
        parties: BoundedList::new(vec![party]).unwrap(),
        price: Price { micro: Amount::new(micro).unwrap(), of: Quantity::new(1).unwrap(), per: Per::Byte },
        secondary: None,
        supersedes: None,
        unit: unit(),
        v: 1,
        version: 1,
    });
    let agreement = agreement.unwrap();
    let consent = Consent { agreement: agreement.id(), issued: UnixSeconds::new(1_800_000_000) };
    let consents = vec![Signed::sign(&creator, &AT_LEDGER, consent)];
    Agreed { agreement, consents }
}

/// The key that acknowledges what came under the grant of this number.
pub(crate) fn session(viewer: u8, number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number, viewer, 77, 77].repeat(8).try_into().unwrap())
}

/// A request for as many bytes as `charge` pays at 2 micro-units each.
pub(crate) fn request(viewer: u8, agreement: AgreementId, charge: u64, number: u8) -> Signed<SessionRequest> {
    let body = SessionRequest {
        agreement,
        attested: false,
        budget: None,
        charge: Amount::new(charge).unwrap(),
        epoch: Epoch::new(1),
        gateway: secret(GATEWAY).public(),
        issued: UnixSeconds::new(1_800_000_000),
        limit: Usage { bytes: charge / 2, ms: 1 << 30 },
        session: session(viewer, number).public(),
    };
    Signed::sign(&secret(viewer), &AT_LEDGER, body)
}

/// So many bytes acknowledged in all, on the first stream.
pub(crate) fn receipt(
    grant: &SessionGrant,
    session: &SecretKey,
    seq: u64,
    bytes: u64,
) -> Signed<DeliveryReceipt> {
    let body = DeliveryReceipt {
        delivered: Delivered { count: seq, ..Delivered::NOTHING },
        seq: Sequence::new(seq),
        serial: grant.serial,
        stream: StreamNumber::try_from(0).unwrap(),
        usage: Usage { bytes, ms: bytes },
    };
    Signed::sign(session, &AT_LEDGER, body)
}
