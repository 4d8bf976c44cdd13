//! What the ledger says of itself about money, and licences that change hands, over HTTP.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod running;

use ledger::{
    Acceptance, Dispute, Inquired, KeyDelivery, LicenceTransfer, Offer, PaymentId, Purchase, Remark,
};
use proofs::canonical;
use protocol::{Amount, Digest, Ppm, Promise, Signed, Unverified};
use reqwest::StatusCode;
use running::{AT_LEDGER, CREATOR, Running, VIEWER, agreed, deposit, now, refused, schedule, secret, terms};
use serde::Serialize;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_says_is_signed_by_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    ledger.deposit(VIEWER, 1_000_000, 1).await;
    let said = json!({ "entry": deposit(VIEWER, 1_000_000, 1).name().to_string(), "reason": "never came" });
    let said = said.to_string().into_bytes();
    assert_eq!(refused(ledger.post("/v1/reversals", said.clone()).await).await, (401, "bad_token".into()));
    let answer = ledger.operate("/v1/reversals", said).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let promise = Signed::<Promise>::decode(&answer.bytes().await.unwrap(), &AT_LEDGER).unwrap();
    assert_eq!(promise.by(), terms().issuer);
    assert_eq!(ledger.inquire(&secret(VIEWER), Inquired::Balance).await["funds"], "0.000000");

    let dispute = Dispute {
        amount: Amount::new(9).unwrap(),
        issued: now(),
        party: secret(CREATOR).public(),
        reason: Remark::new("it was me").unwrap(),
        subject: Digest::from_bytes([1; 32]),
    };
    let dispute = Signed::sign(&secret(VIEWER), &AT_LEDGER, dispute);
    let promise = ledger.promised(&dispute).await;
    let due = schedule().started.plus(86_400 + 3600);
    assert!(promise.body().until < due, "it is public at once");
    let listed = &ledger.json("/v1/disputes").await["disputes"][0];
    let [name, by] = [dispute.name().to_string(), secret(VIEWER).public().to_string()];
    assert_eq!(
        (&listed["name"], &listed["by"], &listed["amount"]),
        (&json!(name), &json!(by), &json!("0.000009"))
    );
    ledger.published(listed["index"].as_u64().unwrap() + 1).await;
    let hold = json!({ "dispute": name, "micro": "5" });
    let answer = ledger.operate("/v1/holds", hold.to_string().into_bytes()).await;
    assert_eq!(refused(answer).await, (402, "insufficient_funds".into()), "nothing is earned yet");
    let resolution = json!({ "hold": dispute.name().to_string(), "micro": "5" });
    let answer = ledger.operate("/v1/resolutions", resolution.to_string().into_bytes()).await;
    assert_eq!(refused(answer).await, (409, "refused".into()), "no such hold");
    ledger.stop().await;
}

/// Who buys the licence from whoever has bought it.
const FRIEND: u8 = 4;

#[derive(Serialize)]
struct Passed {
    acceptance: Unverified<Acceptance>,
    transfer: Unverified<LicenceTransfer>,
}

fn offer(agreement: protocol::AgreementId) -> Offer {
    Offer {
        agreement,
        issued: now(),
        licence: Digest::from_bytes([1; 32]),
        price: Amount::new(1000).unwrap(),
        resale: Some(Ppm::new(100_000).unwrap()),
        sample: None,
        term: 3600,
        until: now().plus(3600),
    }
}

fn passed(licence: Digest, accepted_by: u8) -> Vec<u8> {
    let (to, price) = (secret(FRIEND).public(), Amount::new(500).unwrap());
    let body = LicenceTransfer { issued: now(), licence, number: 0, price, to };
    let transfer = Signed::sign(&secret(VIEWER), &AT_LEDGER, body);
    let acceptance = Acceptance { issued: now(), name: transfer.name() };
    let acceptance = Signed::sign(&secret(accepted_by), &AT_LEDGER, acceptance);
    canonical::to_vec(&Passed { acceptance: (&acceptance).into(), transfer: (&transfer).into() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_bought_and_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let id = ledger.register(&agreed(1, 2)).await;
    for owner in [VIEWER, FRIEND] {
        ledger.deposit(owner, 1000, 1).await;
    }
    let offer = Signed::sign(&secret(CREATOR), &AT_LEDGER, offer(id));
    ledger.promised(&offer).await;
    let bought = Purchase { id: PaymentId::from_bytes([1; 16]), issued: now(), offer: offer.name() };
    let bought = Signed::sign(&secret(VIEWER), &AT_LEDGER, bought);
    let due = schedule().started.plus(86_400 + 3600);
    assert!(ledger.promised(&bought).await.body().until > due, "a sale is public with the next settlement");
    let key = KeyDelivery { issued: now(), purchase: bought.name(), sealed: Digest::from_bytes([2; 32]) };
    ledger.promised(&Signed::sign(&secret(CREATOR), &AT_LEDGER, key)).await;

    let held = async |by: u8| ledger.inquire(&secret(by), Inquired::Balance).await["licences"].clone();
    let licence = |number: u32| json!([{ "name": bought.name().to_string(), "agreement": id.to_string(), "number": number, "resale_ppm": 100_000 }]);
    assert_eq!((held(VIEWER).await, held(FRIEND).await), (licence(0), json!([])));
    let unasked = ledger.post("/v1/transfers", passed(bought.name(), VIEWER)).await;
    assert_eq!(refused(unasked).await, (409, "refused".into()), "the friend has not accepted");
    let answer = ledger.post("/v1/transfers", passed(bought.name(), FRIEND)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(ledger.inquire(&secret(FRIEND), Inquired::Balance).await["funds"], "0.000500");
    let settled = ledger.settle(1).await;
    assert_eq!((&settled["sales"], &settled["totals"]["sold"]), (&json!(2), &json!("0.001500")));
    assert_eq!((held(VIEWER).await, held(FRIEND).await), (json!([]), licence(1)));
    // Whoever has bought it, and whoever has bought it from them, sees what that has cost.
    let mut paid = Vec::new();
    for by in [VIEWER, FRIEND] {
        let statement = ledger.inquire(&secret(by), Inquired::Statement).await;
        let sales = statement["epochs"][0]["sales"].as_array().unwrap().clone();
        let own = sales.into_iter().find(|row| row["own"] == true).unwrap();
        paid.push((own["resale"].clone(), own["paid"].clone(), statement["epochs"][0]["paid"].clone()));
    }
    assert_eq!(paid[0], (json!(false), json!("0.001000"), json!("0.001000")));
    assert_eq!(paid[1], (json!(true), json!("0.000500"), json!("0.000500")));
    ledger.stop().await;
}
