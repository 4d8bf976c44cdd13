//! An owner's key service: who has paid gets the key, as often as they ask; who was not served has their money back.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod running;

use std::path::Path;

use ledger::{Inquired, KeyDelivery, Offer, PaymentId, Purchase, SealedKey};
use ledger_service::{KeyService, keep_offer, offer_is_taken, own_offers};
use proofs::canonical;
use protocol::{AgreementId, Amount, Digest, Promise, Signed};
use reqwest::StatusCode;
use running::{AT_LEDGER, CREATOR, Running, VIEWER, agreed, http, now, refused, secret, terms};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::Value;
use tokio::net::TcpListener;

const LICENCE: &str = "For one person, for ever.";
const SOLD: &[u8] = b"headwater:a-cid#a-key";

#[derive(Serialize)]
struct Bought {
    promise: ByteBuf,
    purchase: ByteBuf,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Delivered {
    delivery: ByteBuf,
    promise: ByteBuf,
    sealed: ByteBuf,
}

fn offer(agreement: AgreementId, term: u32) -> Signed<Offer> {
    let body = Offer {
        agreement,
        issued: now(),
        licence: Digest::of(LICENCE.as_bytes()),
        price: Amount::new(1000).unwrap(),
        resale: None,
        sample: None,
        term,
        until: now().plus(3600),
    };
    Signed::sign(&secret(CREATOR), &AT_LEDGER, body)
}

fn purchase(id: u8, offer: &Signed<Offer>) -> Signed<Purchase> {
    let body = Purchase { id: PaymentId::from_bytes([id; 16]), issued: now(), offer: offer.name() };
    Signed::sign(&secret(VIEWER), &AT_LEDGER, body)
}

/// A key service in this folder, for as long as the test goes on.
async fn sell(folder: &Path, ledger: &Running) -> String {
    let url = format!("{}/", ledger.url).parse().unwrap();
    let service = KeyService::open(folder, secret(CREATOR), *AT_LEDGER, terms().issuer, url, http()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(service.serve(listener, std::future::pending()));
    at
}

fn bought(purchase: &Signed<Purchase>, promise: &Signed<Promise>) -> Vec<u8> {
    canonical::to_vec(&Bought {
        promise: ByteBuf::from(promise.encode()),
        purchase: ByteBuf::from(purchase.encode()),
    })
}

/// What a key service shows to buyers.
async fn shown(seller: &str) -> Value {
    http().get(format!("{seller}/offers")).send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_buy_is_shown_to_its_seller_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let id = ledger.register(&agreed(1, 2)).await;
    let (good, shop) = (offer(id, 3600), folder.path().join("shop"));
    keep_offer(&shop, &good, LICENCE, SOLD).unwrap();
    let other = offer(AgreementId::from_bytes([9; 32]), 3600);
    keep_offer(&shop, &other, LICENCE, SOLD).unwrap();
    assert_eq!(refused(ledger.post("/v1/records", other.encode()).await).await, (409, "refused".into()));
    let over = Signed::sign(&secret(CREATOR), &AT_LEDGER, Offer { until: now(), ..*good.body() });
    keep_offer(&shop, &over, LICENCE, SOLD).unwrap();
    offer_is_taken(&shop, &over.name()).unwrap();
    let seller = sell(&shop, &ledger).await;
    assert_eq!(shown(&seller).await["offers"], Value::Array(Vec::new()));
    ledger.promised(&good).await;
    offer_is_taken(&shop, &good.name()).unwrap();
    let offers = shown(&seller).await["offers"].clone();
    assert_eq!(
        (offers.as_array().map(Vec::len), &offers[0]["name"]),
        (Some(1), &good.name().to_string().into())
    );
    let own = own_offers(&shop, &AT_LEDGER).unwrap();
    assert_eq!((own.len(), own.iter().filter(|own| own.is_taken).count()), (3, 2));
    ledger.stop().await;
}

/// The buyer's statement has what it has paid.
async fn has_bought(ledger: &Running) {
    let buyers = ledger.inquire(&secret(VIEWER), Inquired::Statement).await;
    let row = &buyers["epochs"][0]["sales"][0];
    assert_eq!(
        (&row["own"], &row["paid"], &row["earned"]),
        (&true.into(), &"0.001000".into(), &"0.000000".into())
    );
    assert_eq!(buyers["epochs"][0]["paid"], "0.001000");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_paid_gets_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let id = ledger.register(&agreed(1, 2)).await;
    ledger.deposit(VIEWER, 10_000, 1).await;
    let offer = offer(id, 3600);
    let shop = folder.path().join("shop");
    keep_offer(&shop, &offer, "another text", SOLD).unwrap_err();
    keep_offer(&shop, &offer, LICENCE, SOLD).unwrap();
    ledger.promised(&offer).await;
    offer_is_taken(&shop, &offer.name()).unwrap();
    let seller = sell(&shop, &ledger).await;
    let shown = shown(&seller).await;
    assert_eq!(shown["offers"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["offers"][0]["name"], offer.name().to_string());
    assert_eq!(shown["offers"][0]["licence"], LICENCE);

    let mine = purchase(1, &offer);
    let post = async |seller: &str, body: Vec<u8>| {
        http().post(format!("{seller}/keys")).body(body).send().await.unwrap()
    };
    let forged = Promise { name: mine.name(), taken: now(), until: now() };
    let forged = Signed::sign(&secret(VIEWER), &AT_LEDGER, forged);
    assert_eq!(refused(post(&seller, bought(&mine, &forged)).await).await, (403, "forbidden".into()));
    let promise = ledger.promised(&mine).await;
    let other = bought(&purchase(2, &offer), &promise);
    assert_eq!(refused(post(&seller, other).await).await, (403, "forbidden".into()), "another purchase");

    let answer = post(&seller, bought(&mine, &promise)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let first = answer.bytes().await.unwrap();
    let delivered: Delivered = canonical::from_slice(&first, 65_536).unwrap();
    let sealed = SealedKey::from_bytes(delivered.sealed.to_vec());
    assert_eq!(sealed.open(&secret(VIEWER), &mine.name()).unwrap(), SOLD);
    let delivery = Signed::<KeyDelivery>::decode(&delivered.delivery, &AT_LEDGER).unwrap();
    assert_eq!((delivery.body().sealed, delivery.by()), (sealed.digest(), secret(CREATOR).public()));

    // The same again, also from a service that was started anew: the buyer pays once.
    let again = sell(&shop, &ledger).await;
    for seller in [&seller, &again] {
        let answer = post(seller, bought(&mine, &promise)).await.bytes().await.unwrap();
        let same: Delivered = canonical::from_slice(&answer, 65_536).unwrap();
        assert_eq!((same.delivery, same.sealed), (delivered.delivery.clone(), delivered.sealed.clone()));
    }
    let settled = ledger.settle(1).await;
    // A moment after the settlement the statement has it, as the log does.
    let statement = ledger.inquire(&secret(CREATOR), Inquired::Statement).await;
    let sale = &statement["epochs"][0]["sales"][0];
    assert_eq!((&sale["paid"], &sale["earned"]), (&"0.001000".into(), &"0.000950".into()));
    assert_eq!(statement["epochs"][0]["roles"]["party"], "0.000950");
    has_bought(&ledger).await;
    assert_eq!(sale["own"], false);
    assert_eq!((&settled["sales"], &settled["totals"]["sold"]), (&1.into(), &"0.001000".into()));
    assert_eq!(ledger.inquire(&secret(VIEWER), Inquired::Balance).await["funds"], "0.009000");
    ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_not_served_in_time_has_the_money_back() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Running::start(folder.path()).await;
    let id = ledger.register(&agreed(1, 2)).await;
    ledger.deposit(VIEWER, 10_000, 1).await;
    let offer = offer(id, 0);
    let shop = folder.path().join("shop");
    keep_offer(&shop, &offer, LICENCE, SOLD).unwrap();
    ledger.promised(&offer).await;
    let mine = purchase(1, &offer);
    let promise = ledger.promised(&mine).await;
    let seller = sell(&shop, &ledger).await;
    let late = http().post(format!("{seller}/keys")).body(bought(&mine, &promise)).send().await.unwrap();
    assert_eq!(refused(late).await, (409, "refused".into()), "the key is not given away");
    ledger.settle(1).await;
    assert_eq!(ledger.inquire(&secret(VIEWER), Inquired::Balance).await["funds"], "0.010000");
    ledger.stop().await;
}
