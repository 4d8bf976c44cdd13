//! The same for every store: what a journal is asked of one. `PostgreSQL` is a real one, started here.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod postgres;

use std::path::Path;

use ledger::{Head, Terms, Unit};
use ledger_service::{
    AppendError, CopyError, PostgresStore, READ_ENTRIES_MAX, RedbStore, Store, StoreError, copy_journal,
};
use protocol::{NetworkId, SecretKey};

fn terms(seed: u8) -> Terms {
    let key = SecretKey::from_bytes(&[seed; 32]).public();
    Terms {
        issuer: key,
        network: NetworkId::from_bytes([1; 32]),
        treasury: key,
        unit: Unit::new("EUR").unwrap(),
    }
}

fn entries(from: u64, count: u64) -> Vec<Vec<u8>> {
    (from..from + count).map(|number| number.to_be_bytes().repeat(20)).collect()
}

fn after(mut head: Head, entries: &[Vec<u8>]) -> Head {
    for entry in entries {
        head = head.after(entry);
    }
    head
}

/// What is asked of any store, opened anew by `open` as often as needed.
async fn keeps_a_journal<S: Store>(open: impl AsyncFn(Terms) -> Result<S, StoreError>) {
    let mut store = open(terms(1)).await.unwrap();
    let begin = Head::of(&terms(1));
    assert_eq!(store.read(0).await.unwrap(), Vec::<Vec<u8>>::new());
    let first = entries(0, 3);
    store.append_if(begin, &first).await.unwrap();
    let head = after(begin, &first);

    // Whoever thinks that the end is elsewhere appends nothing.
    let other = Head { count: 3, ..begin };
    for wrong in [begin, other, Head { count: 4, ..head }] {
        let refused = store.append_if(wrong, &entries(9, 2)).await;
        assert!(matches!(refused, Err(AppendError::NotAtHead { .. })), "{refused:?}");
    }
    assert_eq!(store.read(0).await.unwrap(), first);

    // A batch is there as a whole, and is read in parts.
    let second = entries(3, READ_ENTRIES_MAX + 5);
    store.append_if(head, &second).await.unwrap();
    let all = [first, second].concat();
    let most = usize::try_from(READ_ENTRIES_MAX).unwrap();
    assert_eq!(store.read(0).await.unwrap(), all[..most]);
    assert_eq!(store.read(READ_ENTRIES_MAX).await.unwrap(), all[most..]);
    assert_eq!(store.read(all.len() as u64).await.unwrap(), Vec::<Vec<u8>>::new());
    drop(store);

    // It is there again, under its own terms alone.
    assert!(matches!(open(terms(2)).await, Err(StoreError::OtherTerms)));
    let mut again = open(terms(1)).await.unwrap();
    assert_eq!(again.read(2).await.unwrap(), all[2..2 + most]);
    again.append_if(after(begin, &all), &entries(0, 1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_keeps_a_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.redb");
    keeps_a_journal(async |terms| RedbStore::open(&path, &terms)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_a_journal() {
    let server = postgres::Server::start();
    let url = server.url("one");
    keeps_a_journal(async |terms| PostgresStore::open(&url, &terms).await).await;
}

/// The same over TLS, and only with the server whose certificate the named authority has signed for the address.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_keeps_a_journal_over_tls() {
    let (server, authority) = postgres::Server::start_with_tls();
    let plain = server.url("sealed");
    for mode in ["require", "verify-full"] {
        let url = server.url(mode) + &format!("?sslmode={mode}&sslrootcert={}", authority.display());
        keeps_a_journal(async |terms| PostgresStore::open(&url, &terms).await).await;
    }

    let folder = tempfile::tempdir().unwrap();
    let other = postgres::self_signed(folder.path(), "other");
    let elsewhere = plain.replace("127.0.0.1", "localhost");
    let with = |url: &str, root: &Path| format!("{url}?sslmode=require&sslrootcert={}", root.display());
    for (url, why) in [
        (with(&plain, &other), "invalid peer certificate: UnknownIssuer"),
        (with(&elsewhere, &authority), "invalid peer certificate: certificate not valid for name"),
        (plain.clone(), "no encryption"),
        (format!("{plain}?sslmode=prefer"), "sslmode is disable, require or verify-full"),
    ] {
        let error = PostgresStore::open(&url, &terms(1)).await.unwrap_err().to_string();
        assert!(error.contains(why), "{url}: {error}");
    }

    let unsealed = postgres::Server::start();
    let error = PostgresStore::open(&with(&unsealed.url("plain"), &authority), &terms(1)).await;
    assert!(error.unwrap_err().to_string().contains("does not support TLS"));
}

/// Of two that write at once one wins each time, and nothing is lost or twice there.
#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_one_database_take_turns() {
    let server = postgres::Server::start();
    let url = server.url("two");
    let write = async |by: u8| {
        let mut store = PostgresStore::open(&url, &terms(1)).await.unwrap();
        let (mut head, mut written) = (Head::of(&terms(1)), 0);
        while written < 50 {
            let entry = vec![vec![by, written]];
            match store.append_if(head, &entry).await {
                Ok(()) => written += 1,
                Err(AppendError::NotAtHead { .. }) => {}
                Err(AppendError::Store(error)) => panic!("{error}"),
            }
            head = after(head, &store.read(head.count).await.unwrap());
        }
    };
    tokio::join!(write(1), write(2));
    let mut store = PostgresStore::open(&url, &terms(1)).await.unwrap();
    let all = store.read(0).await.unwrap();
    assert_eq!(all.len(), 100);
    for by in [1, 2] {
        let own: Vec<u8> = all.iter().filter(|entry| entry[0] == by).map(|entry| entry[1]).collect();
        assert_eq!(own, (0..50).collect::<Vec<u8>>(), "in order, each once");
    }
}

/// From a file into a database and back: the same head each time, also where a copy was broken off before. Nothing that stands
/// there otherwise is written over.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_is_copied_and_read_again() {
    let (folder, server) = (tempfile::tempdir().unwrap(), postgres::Server::start());
    let file = |name: &str| RedbStore::open(&folder.path().join(name), &terms(1)).unwrap();
    let mut database = PostgresStore::open(&server.url("copied"), &terms(1)).await.unwrap();
    let (begin, all) = (Head::of(&terms(1)), entries(0, 2 * READ_ENTRIES_MAX + 7));
    let mut first = file("first");
    first.append_if(begin, &all).await.unwrap();
    database.append_if(begin, &all[..1500]).await.unwrap();
    let head = copy_journal(&mut first, &mut database, &terms(1)).await.unwrap();
    assert_eq!(head, after(begin, &all));
    let mut back = file("back");
    assert_eq!(copy_journal(&mut database, &mut back, &terms(1)).await.unwrap(), head);
    assert_eq!(copy_journal(&mut database, &mut back, &terms(1)).await.unwrap(), head, "once more");

    let mut other = file("other");
    other.append_if(begin, &[all[0].clone(), b"another".to_vec()]).await.unwrap();
    let refused = copy_journal(&mut database, &mut other, &terms(1)).await;
    assert!(matches!(refused, Err(CopyError::OtherEntry { number: 1 })), "{refused:?}");
    back.append_if(head, &entries(0, 1)).await.unwrap();
    let refused = copy_journal(&mut database, &mut back, &terms(1)).await;
    assert!(matches!(refused, Err(CopyError::OtherHead { .. })), "it has more");
}
