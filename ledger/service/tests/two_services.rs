//! Two services over one journal, one of which does not know yet what the other one has written.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod running;

use std::sync::{Arc, Mutex};

use ledger::{Head, Inquired};
use ledger_service::{AppendError, READ_ENTRIES_MAX, RunningLedger, Store, StoreError};
use protocol::{Amount, Signed};
use reqwest::StatusCode;
use running::{
    AT_LEDGER, GATEWAY, Running, VIEWER, agreed, config, deposit, keys, receipt, refused, request,
};
use running::{schedule, secret, session, terms};
use serde_bytes::ByteArray;

/// A journal in memory, for several services.
#[derive(Clone)]
struct Memory(Arc<Mutex<(Head, Vec<Vec<u8>>)>>);

impl Store for Memory {
    async fn append_if(&mut self, head: Head, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        let mut journal = self.0.lock().unwrap();
        if journal.0 != head {
            return Err(AppendError::NotAtHead { expected: head });
        }
        for entry in entries {
            journal.0 = journal.0.after(entry);
            journal.1.push(entry.clone());
        }
        Ok(())
    }

    async fn read(&mut self, from: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let journal = self.0.lock().unwrap();
        let (from, most) = (usize::try_from(from).unwrap(), usize::try_from(READ_ENTRIES_MAX).unwrap());
        Ok(journal.1.iter().skip(from).take(most).cloned().collect())
    }
}

async fn two(folder: &std::path::Path) -> [Running; 2] {
    let store = Memory(Arc::new(Mutex::new((Head::of(&terms()), Vec::new()))));
    let start = async |name: &str| {
        let config = config(&folder.join(name), schedule(), None);
        Running::serve(RunningLedger::start(store.clone(), config).await.unwrap()).await
    };
    [start("one").await, start("two").await]
}

/// Every answer of the first is asked about at the second at once, before it has looked by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_refuses_nothing_before_it_has_read_on() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = two(folder.path()).await;
    let id = one.register(&agreed(1, 2)).await;
    for number in 1..=5 {
        one.deposit(VIEWER, 1000, number).await;
        let grant = two.grant(&request(VIEWER, id, 1000, number)).await;
        one.promised(&receipt(grant.body(), &session(VIEWER, number), 1, 100)).await;
    }
    one.stop().await;
    two.stop().await;
}

#[derive(serde::Serialize)]
struct TopUp {
    code: ByteArray<16>,
    deposit: protocol::Unverified<ledger::Deposit>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_one_service_has_taken_is_used_at_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = two(folder.path()).await;
    for number in 0..5 {
        let code = keys().top_up_code(Amount::new(5_000_000).unwrap(), [number; 5]).unwrap();
        let top_up = |owner| {
            let mut body = deposit(owner, 5_000_000, 0).into_body();
            body.id = code.payment_id();
            let deposit = Signed::sign(&secret(owner), &AT_LEDGER, body);
            proofs::canonical::to_vec(&TopUp {
                code: ByteArray::new(*code.as_bytes()),
                deposit: (&deposit).into(),
            })
        };
        assert_eq!(one.post("/v1/top-ups", top_up(VIEWER)).await.status(), StatusCode::OK);
        let other = two.post("/v1/top-ups", top_up(GATEWAY)).await;
        assert_eq!(refused(other).await, (409, "code_used".into()));
    }
    assert_eq!(two.inquire(&secret(GATEWAY), Inquired::Balance).await["funds"], "0.000000");
    one.stop().await;
    two.stop().await;
}
