//! A ledger and its witness: what is published is cosigned, what is not continued is not, and whoever does not answer is missed.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod running;

use std::path::Path;

use ledger::tlog::{
    AddCheckpoint, Checkpoint, KeyName, Policy, SignedNote, TreeHash, VerifierKey, parse_conflict,
};
use ledger_service::{RedbStore, RunningLedger, Witness};
use protocol::SecretKey;
use reqwest::StatusCode;
use running::{Running, agreed, config, keys, schedule, secret, terms};
use tokio::net::TcpListener;

fn witness(folder: &Path) -> Witness {
    let name = KeyName::new("witness.example").unwrap();
    Witness::open(folder, name, secret(40), vec![keys().log()]).unwrap()
}

/// A witness behind HTTP, for as long as the test goes on.
async fn serve(witness: Witness) -> (String, VerifierKey) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, key) = (format!("http://{}", listener.local_addr().unwrap()), witness.key());
    tokio::spawn(witness.serve(listener, std::future::pending()));
    (url, key)
}

async fn start(folder: &Path, policy: String) -> Running {
    let store = RedbStore::open(&folder.join("journal.redb"), &terms()).unwrap();
    Running::serve(RunningLedger::start(store, config(folder, schedule(), Some(policy))).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_cosigns_what_continues() {
    let folder = tempfile::tempdir().unwrap();
    let (url, key) = serve(witness(&folder.path().join("witness"))).await;
    let policy = format!("witness W {key} {url}\nquorum W\n");
    let ledger = start(folder.path(), policy).await;
    for content in 1..=3 {
        ledger.register(&agreed(content, 1)).await;
        ledger.published(content.into()).await;
    }
    let served = ledger.json("/v1/terms").await;
    assert_eq!(
        (&served["checkpoint"]["witnesses"], &served["checkpoint"]["quorum"]),
        (&1.into(), &true.into())
    );
    let policy = Policy::parse(&ledger.get("/log/policy").await.text().await.unwrap()).unwrap();
    let note = SignedNote::decode(&ledger.get("/log/checkpoint").await.bytes().await.unwrap()).unwrap();
    let accepted = policy.accept(&note).unwrap();
    assert_eq!((accepted.witnessed_by, accepted.checkpoint.size), (1, 3));
    ledger.stop().await;

    // The same log under another root is shown to nobody with the word of this witness.
    let forked = Checkpoint { root: TreeHash::empty(), ..accepted.checkpoint };
    let mut note = SignedNote::new(forked.to_text()).unwrap();
    note.sign(keys().origin(), &log_secret());
    let post = async |old: u64| {
        let request = AddCheckpoint { old, proof: Vec::new(), checkpoint: note.clone() };
        running::http().post(format!("{url}/add-checkpoint")).body(request.encode()).send().await.unwrap()
    };
    let answer = post(0).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(answer.headers()["content-type"], "text/x.tlog.size");
    assert_eq!(parse_conflict(&answer.bytes().await.unwrap()), Some(3));
    assert_eq!(post(3).await.status(), StatusCode::CONFLICT);
    let nothing = running::http().post(format!("{url}/add-checkpoint")).body("nothing").send().await.unwrap();
    assert_eq!(nothing.status(), StatusCode::BAD_REQUEST);
}

/// The key with which the ledger signs checkpoints; whoever has it could show two logs.
fn log_secret() -> SecretKey {
    SecretKey::from_bytes(&blake3::derive_key("headwater v1 ledger log", &[77; 32]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_witness_is_published_as_unwitnessed() {
    let folder = tempfile::tempdir().unwrap();
    let key = witness(&folder.path().join("witness")).key();
    let policy = format!("witness W {key} http://127.0.0.1:9\nquorum W\n");
    let ledger = start(folder.path(), policy).await;
    ledger.register(&agreed(1, 1)).await;
    ledger.published(1).await;
    let served = ledger.json("/v1/terms").await;
    assert_eq!(
        (&served["checkpoint"]["witnesses"], &served["checkpoint"]["quorum"]),
        (&0.into(), &false.into())
    );
    assert_eq!(ledger.json("/health").await["unwitnessed"], true);
    ledger.stop().await;
}

/// A ledger shows two logs: the operator keeps a copy of the journal, and lets each go on in its own way. Both readers find
/// checkpoints that the log's key has signed; the witness has cosigned one of them, and whoever asks for its word knows.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_logs_shown_to_two_readers_the_witness_cosigns_one() {
    let folder = tempfile::tempdir().unwrap();
    let (url, key) = serve(witness(&folder.path().join("witness"))).await;
    let policy = format!("witness W {key} {url}\nquorum W\n");
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    std::fs::create_dir_all(&here).unwrap();
    let ledger = start(&here, policy.clone()).await;
    ledger.register(&agreed(1, 1)).await;
    ledger.published(1).await;
    ledger.stop().await;
    std::fs::create_dir_all(there.join("log/public")).unwrap();
    std::fs::copy(here.join("journal.redb"), there.join("journal.redb")).unwrap();

    let [shown, hidden] = [start(&here, policy.clone()).await, start(&there, policy).await];
    shown.register(&agreed(2, 1)).await;
    shown.published(2).await;
    hidden.register(&agreed(3, 1)).await;
    hidden.published(2).await;
    let read = async |ledger: &Running| {
        let policy = Policy::parse(&ledger.get("/log/policy").await.text().await.unwrap()).unwrap();
        let note = SignedNote::decode(&ledger.get("/log/checkpoint").await.bytes().await.unwrap()).unwrap();
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        assert!(matches!(note.verify(&keys().log()), Ok(Some(_))), "the log's own key has signed both");
        (policy.accept(&note).is_ok(), checkpoint)
    };
    let ((one_is_fine, one), (other_is_fine, other)) = (read(&shown).await, read(&hidden).await);
    assert!(one.size == other.size && one.root != other.root, "these are two logs");
    assert_eq!((one_is_fine, other_is_fine), (true, false));
    assert_eq!(hidden.json("/health").await["unwitnessed"], true);
    shown.stop().await;
    hidden.stop().await;
}
