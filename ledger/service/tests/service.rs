//! A ledger behind HTTP: an epoch from the first deposit to the proof, and everything that is refused.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod running;

use ledger::tlog::{LogProof, Policy};
use ledger::{
    Attestation, AttestedKind, Commitment, Inquired, Inquiry, LedgerHost, LogAudit, LogEntry, Neighbours,
    Payee, PayoutAddress, PayoutClaim, Rail, SessionRequest, Shown, TopUpCode,
};
use proofs::canonical;
use protocol::{Amount, Epoch, Sequence, SessionGrant, Signed, UnixSeconds, Unverified};
use reqwest::StatusCode;
use running::{
    AT_LEDGER, CREATOR, GATEWAY, NETWORK, Running, VIEWER, agreed, deposit, inquiry, json, keys, list, now,
    receipt, refused, request, secret, session, terms,
};
use serde::Serialize;
use serde_bytes::ByteArray;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_from_the_deposit_to_the_proof() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    ledger.deposit(VIEWER, 1_000_000, 1).await;
    let id = ledger.register(&agreed(1, 2)).await;
    let asked = request(VIEWER, id, 500_000, 1);
    let grant = ledger.grant(&asked).await;
    assert_eq!(ledger.grant(&asked).await.encode(), grant.encode(), "the same request, the same grant");
    let key = session(VIEWER, 1);
    let records: Vec<_> = [(1, 1000), (2, 3000), (2, 3000)]
        .map(|(seq, bytes)| receipt(grant.body(), &key, seq, bytes).encode())
        .into();
    let answer = json(ledger.post("/v1/batches", list(&records)).await, StatusCode::OK).await;
    assert_eq!(answer, json!({ "taken": 2, "known": 1, "refused": [] }));
    ledger.promised(&receipt(grant.body(), &key, 3, 100_000)).await;

    let balance = ledger.inquire(&secret(VIEWER), Inquired::Balance).await;
    assert_eq!((&balance["funds"], &balance["reserved"]), (&json!("0.500000"), &json!("0.500000")));
    let sessions = ledger.inquire(&secret(VIEWER), Inquired::Sessions).await;
    assert_eq!(sessions["sessions"][0]["asks"], "0.200000");

    let settled = ledger.settle(1).await;
    assert_eq!(settled["totals"]["charged"], "0.200000");
    assert_eq!(ledger.settle(1).await, settled, "once is enough");
    ledger.published(settled["log_summary"].as_u64().unwrap() + 1).await;

    let statement = ledger.inquire(&secret(CREATOR), Inquired::Statement).await;
    let epoch = &statement["epochs"][0];
    assert_eq!(
        (&epoch["roles"]["party"], &epoch["lines"][0]["earned"]),
        (&json!("0.170000"), &json!("0.170000"))
    );
    let statement = ledger.inquire(&secret(VIEWER), Inquired::Statement).await;
    assert_eq!(
        (&statement["epochs"][0]["paid"], &statement["epochs"][0]["lines"][0]["own"]),
        (&json!("0.200000"), &json!(true))
    );
    let statement = ledger.inquire(&secret(GATEWAY), Inquired::Statement).await;
    assert_eq!(statement["epochs"][0]["roles"]["gateway"], "0.020000");

    check_counted(&ledger, grant.body(), settled["log_summary"].as_u64().unwrap()).await;
    check_log(&ledger, folder.path(), epoch["lines"][0]["index"].as_u64().unwrap()).await;
    let before = ledger.json("/v1/terms").await;
    ledger.stop().await;
    let again = Running::start(folder.path()).await;
    let after = again.json("/v1/terms").await;
    assert_eq!((&after["head"], &after["checkpoint"]), (&before["head"], &before["checkpoint"]));
    assert_eq!(again.settle(1).await, settled);
    check_counted(&again, grant.body(), settled["log_summary"].as_u64().unwrap()).await;
    again.stop().await;
}

/// The viewer is shown what was counted under the grant, nobody else is, and the summary of the log has it.
async fn check_counted(ledger: &Running, grant: &SessionGrant, summary: u64) {
    let ask = async |who: u8| {
        let inquiry = Inquiry { epoch: Some(grant.epoch), ..inquiry(Inquired::Sessions) };
        let inquiry = Signed::sign(&secret(who), &AT_LEDGER, inquiry);
        json(ledger.post("/v1/inquiries", inquiry.encode()).await, StatusCode::OK).await
    };
    let counted = &ask(VIEWER).await["counted"];
    assert_eq!(
        (&counted["epoch"], &counted["summary"], &counted["more"]),
        (&json!(1), &json!(summary), &json!(false))
    );
    let [shown] = &counted["grants"].as_array().unwrap()[..] else { panic!("one grant") };
    assert_eq!(shown["serial"], grant.serial.to_string());
    let shown = data_encoding::BASE64.decode(shown["receipts"].as_str().unwrap().as_bytes()).unwrap();
    let shown: Shown = canonical::from_slice(&shown, 1 << 16).unwrap();
    let entry = &ledger::tlog::Bundle::of(0, 4).unwrap();
    let bundle = ledger.get("/log/tile/entries/000.p/4").await.bytes().await.unwrap();
    let entries = entry.decode(&bundle).unwrap();
    let entry = entries[usize::try_from(summary).unwrap()].as_bytes();
    let LogEntry::Settlement(summary) = LogEntry::decode(entry, &AT_LEDGER).unwrap() else {
        panic!("the summary stands elsewhere")
    };
    let [(item, proof)] = &shown[..] else { panic!("one stream") };
    assert!(summary.receipts.has(item, proof));
    let body = |seq| *receipt(grant, &session(VIEWER, 1), seq, 1).body();
    assert!(item.covers(&body(3)) && !item.covers(&body(4)));
    let beside = |stream| Neighbours::among(&shown, grant.serial, stream);
    let newer = body(4);
    assert!(beside(newer.stream).show_missing(&summary.receipts, &newer));
    assert!(!beside(newer.stream).show_missing(&summary.receipts, &body(3)));
    assert_eq!(ask(GATEWAY).await["counted"]["grants"], json!([]));
}

/// The whole log is what the audit expects, and one line of it is proved.
async fn check_log(ledger: &Running, folder: &std::path::Path, index: u64) {
    let bundle = std::fs::read(folder.join("log/public/tile/entries/000.p/4")).unwrap();
    let served = ledger.get("/log/tile/entries/000.p/4").await.bytes().await.unwrap();
    assert_eq!(served, bundle);
    let entries = ledger::tlog::Bundle::of(0, 4).unwrap().decode(&bundle).unwrap();
    let mut audit = LogAudit::new(terms());
    for entry in &entries {
        audit.take(&LogEntry::decode(entry.as_bytes(), &AT_LEDGER).unwrap()).unwrap();
    }
    assert_eq!(audit.settled().unwrap().0.get(), 1);
    assert_eq!(audit.earned(&secret(CREATOR).public()), 170_000);
    let policy = Policy::parse(&ledger.get("/log/policy").await.text().await.unwrap()).unwrap();
    let proof = ledger.get(&format!("/log/proof/{index}")).await.bytes().await.unwrap();
    let proof = LogProof::decode(&proof).unwrap();
    let place = usize::try_from(index).unwrap();
    assert_eq!(proof.verify(entries[place].as_bytes(), &policy).unwrap().witnessed_by, 0, "unwitnessed");
    assert_eq!(ledger.get("/log/tile/0/001").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ledger.get("/log/lock").await.status(), StatusCode::NOT_FOUND);
}

#[derive(Serialize)]
struct TopUp {
    code: ByteArray<16>,
    deposit: Unverified<ledger::Deposit>,
}

fn top_up(code: &TopUpCode, owner: u8, micro: u64) -> Vec<u8> {
    let mut body = deposit(owner, micro, 0).into_body();
    body.id = code.payment_id();
    let deposit = Signed::sign(&secret(owner), &AT_LEDGER, body);
    canonical::to_vec(&TopUp { code: ByteArray::new(*code.as_bytes()), deposit: (&deposit).into() })
}

/// What was signed for another ledger of the same network moves nothing here, and asks nothing: not a request for a grant,
/// whose receipts would count twice, nor a budget, a claim, a place where contracts pay, or a question about an account.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_signed_for_another_ledger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    ledger.deposit(VIEWER, 1_000_000, 1).await;
    let id = ledger.register(&agreed(1, 2)).await;
    let (request, issued) = (request(VIEWER, id, 500_000, 1), now());
    let claim = PayoutClaim { cumulative: Amount::new(1).unwrap(), rail: Rail::Bank, remark: None, issued };
    let payee = Payee { address: PayoutAddress::from_bytes([1; 20]), issued, seq: Sequence::new(1) };
    let inquiry = inquiry(Inquired::Balance);
    let other = NETWORK.at_ledger(&secret(GATEWAY).public());
    for at in [other, NETWORK] {
        let by = secret(VIEWER);
        for (path, record) in [
            ("/v1/grants", Signed::sign(&by, &at, *request.body()).encode()),
            ("/v1/records", Signed::sign(&by, &at, claim.clone()).encode()),
            ("/v1/records", Signed::sign(&by, &at, payee).encode()),
            ("/v1/inquiries", Signed::sign(&by, &at, inquiry.clone()).encode()),
        ] {
            assert_eq!(refused(ledger.post(path, record).await).await, (400, "bad_record".into()), "{path}");
        }
    }
    ledger.grant(&request).await;
}

/// Whoever says to be this ledger is handed questions that name its own address, and has no answer to them from here.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_elsewhere_is_not_answered() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    for (host, status) in
        [("ledger.example", 200), ("127.0.0.1:1", 200), ("evil.example", 403), ("ledger.example:8700", 403)]
    {
        for what in [Inquired::Balance, Inquired::Sessions, Inquired::Statement] {
            let inquiry = Inquiry { host: LedgerHost::new(host).unwrap(), ..inquiry(what) };
            let asked = Signed::sign(&secret(VIEWER), &AT_LEDGER, inquiry).encode();
            assert_eq!(ledger.post("/v1/inquiries", asked).await.status(), status, "{host}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_redeemed_once_and_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let code = keys().top_up_code(Amount::new(5_000_000).unwrap(), [1; 5]).unwrap();
    let forged = TopUpCode::from_bytes([7; 16]);
    assert_eq!(
        refused(ledger.post("/v1/top-ups", top_up(&forged, VIEWER, 5)).await).await,
        (403, "unknown_code".into())
    );
    assert_eq!(
        refused(ledger.post("/v1/top-ups", top_up(&code, VIEWER, 6_000_000)).await).await,
        (403, "unknown_code".into())
    );
    for _ in 0..2 {
        assert_eq!(
            ledger.post("/v1/top-ups", top_up(&code, VIEWER, 5_000_000)).await.status(),
            StatusCode::OK
        );
    }
    let mut later = deposit(VIEWER, 5_000_000, 0).into_body();
    (later.id, later.issued) = (code.payment_id(), now());
    let later = Signed::sign(&secret(VIEWER), &AT_LEDGER, later);
    let again =
        canonical::to_vec(&TopUp { code: ByteArray::new(*code.as_bytes()), deposit: (&later).into() });
    let again = ledger.post("/v1/top-ups", again).await;
    assert_eq!(refused(again).await, (409, "code_used".into()), "by the same one, a moment later");
    let other = ledger.post("/v1/top-ups", top_up(&code, GATEWAY, 5_000_000)).await;
    assert_eq!(refused(other).await, (409, "code_used".into()));
    let balance = ledger.inquire(&secret(VIEWER), Inquired::Balance).await;
    assert_eq!(balance["funds"], "5.000000");

    // Many who have it at once find the same state, but only one finds the code.
    let code = keys().top_up_code(Amount::new(1_000_000).unwrap(), [2; 5]).unwrap();
    let asks = (50..66).map(|owner| ledger.post("/v1/top-ups", top_up(&code, owner, 1_000_000)));
    let answers = futures_util::future::join_all(asks).await;
    let taken = answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
    let used = answers.iter().filter(|answer| answer.status() == StatusCode::CONFLICT).count();
    assert_eq!((taken, used), (1, 15));
    ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_with_grants_is_settled_by_force_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let early = ledger.operate("/v1/settle?epoch=1", Vec::new()).await;
    assert_eq!(refused(early).await, (409, "refused".into()));
    assert_eq!(ledger.json("/v1/terms").await["open_epoch"], 1);
    let nothing = ledger.operate("/v1/settle?force=true", Vec::new()).await;
    assert_eq!(refused(nothing).await, (409, "refused".into()), "nothing has come in");
    let ends = ledger.json("/v1/terms").await["epoch_ends"].clone();
    ledger.deposit(VIEWER, 1000, 1).await;
    let settled = ledger.settle(1).await;
    let again = ledger.operate("/v1/settle?epoch=1", Vec::new()).await;
    assert_eq!(json(again, StatusCode::OK).await, settled, "what is settled can be asked for");
    let terms = ledger.json("/v1/terms").await;
    assert_eq!((&terms["epoch"], &terms["epoch_ends"]), (&json!(2), &ends), "no end is put off");
    // The same command once more settles no other epoch.
    let again = ledger.operate("/v1/settle?force=true", Vec::new()).await;
    assert_eq!(json(again, StatusCode::OK).await, settled);
    let next = ledger.operate("/v1/settle?epoch=2&force=true", Vec::new()).await;
    assert_eq!(refused(next).await, (409, "refused".into()));
    ledger.stop().await;
}

/// What gateways have kept while it was away comes after its start.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_away_waits_before_it_settles() {
    let folder = tempfile::tempdir().unwrap();
    let store = ledger_service::RedbStore::open(&folder.path().join("journal.redb"), &terms()).unwrap();
    let schedule = ledger_service::Schedule {
        started: UnixSeconds::new(now().get() - 2 * 86_400 + 3600),
        epoch_s: 86_400,
    };
    let config = running::config(folder.path(), schedule, None);
    let ledger = Running::serve(ledger_service::RunningLedger::start(store, config).await.unwrap()).await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(ledger.json("/v1/terms").await["open_epoch"], 1, "its hour for what comes late begins now");
    ledger.stop().await;
}

/// Whoever makes keys has one allowance with all who do, and a statement costs them nothing to get and us nothing to make.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_never_had_money_are_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let id = ledger.register(&agreed(1, 2)).await;
    ledger.deposit(VIEWER, 1000, 1).await;
    let grant = ledger.grant(&request(VIEWER, id, 1000, 1)).await;
    ledger.promised(&receipt(grant.body(), &session(VIEWER, 1), 1, 500)).await;
    let settled = ledger.settle(1).await;
    ledger.published(settled["log_summary"].as_u64().unwrap() + 1).await;
    // Nothing is left to it, but it had money once.
    let own = ledger.inquire(&secret(VIEWER), Inquired::Statement).await;
    assert_eq!(own["epochs"][0]["paid"], "0.001000");
    let nobodys = ledger.inquire(&secret(77), Inquired::Statement).await;
    assert_eq!(nobodys["epochs"], json!([]));
    let gateway = ledger.inquire(&secret(GATEWAY), Inquired::Statement).await;
    let carried = &gateway["epochs"][0]["carried"][0];
    assert_eq!((&carried["kind"], carried["index"].as_u64()), (&json!("gateway"), Some(2)), "it can show it");
    ledger.stop().await;
}

/// A grant over nothing is free: a key that has one shares its allowance with all that are free to make. And nobody is granted
/// anything for an epoch that has not begun, where the viewer has another alias, and credit once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_over_nothing_makes_nobody_known_and_none_is_early() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let id = ledger.register(&agreed(1, 2)).await;
    ledger.deposit(VIEWER, 1000, 1).await;
    ledger.grant(&request(77, id, 0, 1)).await;
    let attest = async |by: u8, number: u64| {
        let commitment = Commitment::from_bytes([1; 32]);
        let body = Attestation { commitment, issued: UnixSeconds::new(number), kind: AttestedKind::File };
        ledger.post("/v1/records", Signed::sign(&secret(by), &AT_LEDGER, body).encode()).await.status()
    };
    // 300 at once, and one a second.
    let mut taken = 0;
    while attest(77, taken).await == StatusCode::OK {
        taken += 1;
        assert!(taken < 450, "the allowance of strangers, not the 500 of those who are known");
    }
    assert_eq!(attest(VIEWER, 0).await, StatusCode::OK);
    for epoch in 2..5 {
        let early = SessionRequest { epoch: Epoch::new(epoch), ..*request(VIEWER, id, 500, 1).body() };
        let early = Signed::sign(&secret(VIEWER), &AT_LEDGER, early);
        assert_eq!(refused(ledger.post("/v1/grants", early.encode()).await).await, (409, "refused".into()));
    }
    ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_allowed_is_refused_with_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let id = ledger.register(&agreed(1, 2)).await;
    ledger.deposit(VIEWER, 1000, 1).await;
    let money = deposit(VIEWER, 1000, 2);
    let records = |bytes: Vec<u8>| ledger.post("/v1/records", bytes);
    assert_eq!(refused(records(money.encode()).await).await, (403, "not_accepted".into()));
    assert_eq!(refused(records(vec![0xa0]).await).await, (400, "bad_record".into()));
    assert_eq!(refused(records(vec![0; 1 << 20]).await).await, (413, "too_large".into()));
    let unasked = ledger.post("/v1/deposits", list(&[money.encode()])).await;
    assert_eq!(refused(unasked).await, (401, "bad_token".into()));
    assert_eq!(refused(ledger.post("/v1/settle", Vec::new()).await).await, (401, "bad_token".into()));
    assert_eq!(refused(ledger.get("/v1/journal.hledger").await).await, (401, "bad_token".into()));
    let dear = request(VIEWER, id, 1001, 1);
    assert_eq!(
        refused(ledger.post("/v1/grants", dear.encode()).await).await,
        (402, "insufficient_funds".into())
    );
    let unknown = request(VIEWER, protocol::AgreementId::from_bytes([1; 32]), 1, 1);
    assert_eq!(
        refused(ledger.post("/v1/grants", unknown.encode()).await).await,
        (404, "no_agreement".into())
    );
    let other = deposit(VIEWER, 999, 1);
    let answer = ledger.operate("/v1/deposits", list(&[other.encode(), vec![1]])).await;
    let answer = json(answer, StatusCode::OK).await;
    assert_eq!(
        (&answer["refused"][0]["code"], &answer["refused"][1]["code"]),
        (&json!("conflict"), &json!("bad_record"))
    );
    assert_eq!(
        refused(ledger.operate("/v1/settle?epoch=2", Vec::new()).await).await,
        (409, "refused".into())
    );
    assert_eq!(refused(ledger.get("/v1/settlements/1").await).await, (404, "not_found".into()));
    assert_eq!(refused(ledger.get("/nowhere").await).await, (404, "not_found".into()));
    assert_eq!(refused(ledger.get("/v1/grants").await).await, (405, "method_not_allowed".into()));
    ledger.stop().await;
}
