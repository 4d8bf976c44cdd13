//! A ledger that is killed at random points of an epoch: no money is made, lost or paid twice, and everything that was
//! promised is there. `KILLS` says how often.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod running;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ledger::{Account, Deposit, Entry, Ledger, PaymentId};
use ledger_service::{RedbStore, RunningLedger, Store as _};
use protocol::{AgreementId, Digest, Promise, SecretKey, SessionGrant, Signed};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use running::{
    NETWORK, TOKEN, VIEWER, agreed, config, deposit, list, receipt, request, schedule, secret, terms,
};
use serde_json::Value;

/// Where the child finds its folder.
const FOLDER: &str = "LEDGER_OF_THE_KILL_TEST";
const KILLS: u32 = 20;
/// What each deposit brings, and what each grant may cost.
const DEPOSIT: u64 = 1_000_000;
const CHARGE: u64 = 100_000;

/// Not a test by itself: the ledger that the test below starts and kills.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = std::path::PathBuf::from(folder);
    let store = RedbStore::open(&folder.join("journal.redb"), &terms()).unwrap();
    let ledger = RunningLedger::start(store, config(&folder, schedule(), None)).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut out = std::io::stderr();
    writeln!(out, "ready http://{}", listener.local_addr().unwrap()).unwrap();
    ledger.serve(listener, std::future::pending()).await.unwrap();
}

struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(folder: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.map_while(Result::ok).find_map(|line| Some(line.split_once("ready ")?.1.to_owned()));
        Self { child, url: url.expect("the ledger starts again") }
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What the ledger has said, which must be so for ever.
#[derive(Default)]
struct Said {
    deposits: u64,
    promised: Vec<Digest>,
    grants: Vec<Signed<SessionGrant>>,
    settled: Vec<(u64, Value)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_ledger_keeps_what_it_has_said() {
    let kills = std::env::var("KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(5);
    let (mut said, id) = (Said::default(), agreed(1, 2).agreement.id());
    for _ in 0..kills {
        let served = Served::start(folder.path());
        let life = Duration::from_micros(random.random_range(0..60_000));
        let talk = talk(&served.url, &mut said, id);
        // The talk is cut off wherever it is.
        drop(tokio::time::timeout(life, talk).await);
        served.kill();
    }
    let served = Served::start(folder.path());
    check_settlements(&served.url, &said).await;
    served.kill();
    check_journal(folder.path(), &said).await;
}

/// The deposit of this number.
fn numbered(number: u64) -> Signed<Deposit> {
    let id = PaymentId::from_bytes(number.to_le_bytes().repeat(2).try_into().unwrap());
    let body = Deposit { id, ..deposit(VIEWER, DEPOSIT, 0).into_body() };
    Signed::sign(&secret(VIEWER), &NETWORK, body)
}

/// Deposits, grants, receipts and settlements, one after the other, for as long as it may.
async fn talk(url: &str, said: &mut Said, id: AgreementId) {
    let http = running::http();
    let post = async |path: &str, body: Vec<u8>| {
        let request = http.post(format!("{url}{path}")).bearer_auth(TOKEN).body(body);
        let answer = request.send().await.ok()?;
        let is_success = answer.status().is_success();
        let bytes = answer.bytes().await.ok()?.to_vec();
        assert!(is_success, "{path}: {}", String::from_utf8_lossy(&bytes));
        Some(bytes)
    };
    let _known = post("/v1/agreements", agreed(1, 2).encode()).await;
    loop {
        let number = said.deposits + 1;
        let money = numbered(number);
        let Some(_taken) = post("/v1/deposits", list(&[money.encode()])).await else { return };
        said.deposits = number;
        said.promised.push(money.name());
        let terms: Value = match http.get(format!("{url}/v1/terms")).send().await {
            Ok(answer) => answer.json().await.unwrap(),
            Err(_) => return,
        };
        let key = SecretKey::from_bytes(&number.to_le_bytes().repeat(4).try_into().unwrap());
        let mut asked = request(VIEWER, id, CHARGE, 1).into_body();
        asked.session = key.public();
        asked.epoch = protocol::Epoch::new(terms["open_epoch"].as_u64().unwrap());
        let asked = Signed::sign(&secret(VIEWER), &NETWORK, asked);
        let Some(grant) = post("/v1/grants", asked.encode()).await else { return };
        let grant = Signed::<SessionGrant>::decode(&grant, &NETWORK).unwrap();
        said.grants.push(grant.clone());
        let seen = receipt(grant.body(), &key, 1, 1000);
        let Some(promise) = post("/v1/records", seen.encode()).await else { return };
        said.promised.push(Signed::<Promise>::decode(&promise, &NETWORK).unwrap().body().name);
        if number.is_multiple_of(4) {
            let epoch = grant.body().epoch.get();
            let Some(settled) = post(&format!("/v1/settle?epoch={epoch}&force=true"), Vec::new()).await
            else {
                return;
            };
            said.settled.push((epoch, serde_json::from_slice(&settled).unwrap()));
        }
    }
}

/// What was settled is settled so; a second time changes nothing.
async fn check_settlements(url: &str, said: &Said) {
    let http = running::http();
    for (epoch, settled) in &said.settled {
        let request = http.post(format!("{url}/v1/settle?epoch={epoch}&force=true")).bearer_auth(TOKEN);
        let again: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(again, *settled);
    }
}

/// Whoever plays the journal again finds everything that was said, and the same sum on all accounts.
async fn check_journal(folder: &std::path::Path, said: &Said) {
    let mut store = RedbStore::open(&folder.join("journal.redb"), &terms()).unwrap();
    let (mut ledger, mut names, mut deposits) = (Ledger::new(terms()), Vec::new(), 0_u64);
    loop {
        let entries = store.read(ledger.head().count).await.unwrap();
        if entries.is_empty() {
            break;
        }
        for bytes in entries {
            let entry = Entry::decode(&bytes, &NETWORK).unwrap();
            match &entry.what {
                ledger::What::Deposit(deposited) => {
                    names.push(deposited.deposit.name());
                    deposits += 1;
                }
                ledger::What::Receipt(record) => names.push(record.name()),
                _ => {}
            }
            ledger.apply(&entry).unwrap();
        }
    }
    for name in &said.promised {
        assert_eq!(names.iter().filter(|known| *known == name).count(), 1, "promised, and once");
    }
    // A deposit whose answer was cut off may be there: then it was asked for again under the same name.
    assert!(deposits == said.deposits || deposits == said.deposits + 1);
    assert_eq!(ledger.balances().of(Account::External), -i128::from(deposits * DEPOSIT));
    for grant in &said.grants {
        let is_settled = ledger.settled(grant.body().epoch).is_some();
        assert!(is_settled || ledger.grant_of(&grant.body().serial) == Some(grant.body()));
    }
}
