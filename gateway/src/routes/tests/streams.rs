//! Streams of devices, as their owners make, fetch and end them, and as devices write to them.

use chunker::AccountSecret;
use protocol::{PublicKey, Record, Signed, UnixSeconds};
use serde_json::{Value, json};
use sharing::{
    AppendSignature, BatchNumber, DeviceStream, DeviceStreamEnd, KeptBatches, LinkId, STREAM_BATCH_LEN_MAX,
    StreamInquiry, StreamToken, signed_text,
};

use super::*;
use crate::gateway::now;
use crate::links::Links;

const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);
const ID: LinkId = LinkId::from_bytes([3; 32]);

fn owner() -> SecretKey {
    SecretKey::from_bytes(&[4; 32])
}

fn device() -> SecretKey {
    SecretKey::from_bytes(&[6; 32])
}

fn token() -> StreamToken {
    StreamToken::derive(&AccountSecret::from_bytes([1; 32]), ID)
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(format!("http://gateway.example{path}")).body(body.into()).unwrap()
}

fn register(device: PublicKey, upload_token: &str) -> Request<Body> {
    let stream = DeviceStream { device, id: ID, issued: now(), token: token().digest() };
    let record = Signed::sign(&owner(), &NETWORK, stream).encode();
    let request = Request::post("http://gateway.example/api/streams");
    request.header(AUTHORIZATION, format!("Bearer {upload_token}")).body(record.into()).unwrap()
}

fn signed<T: Record>(path: &str, by: &SecretKey, body: T) -> Request<Body> {
    post(&format!("/api/streams/{ID}/{path}"), Signed::sign(by, &NETWORK, body).encode())
}

fn inquiry(by: &SecretKey, after: u64, kept: u64, issued: UnixSeconds) -> Request<Body> {
    let number = |number| BatchNumber::try_from(number).ok();
    signed("batches", by, StreamInquiry { after: number(after), id: ID, issued, kept: number(kept) })
}

/// A batch as a device sends it, with `shown` in place of its token and number.
fn append(number: u64, batch: &[u8], by: &SecretKey) -> Request<Body> {
    let text = signed_text(ID, BatchNumber::try_from(number).unwrap(), batch);
    let signature = AppendSignature::from_bytes(by.sign(text.as_bytes()).to_bytes());
    Request::post(format!("http://gateway.example/append/{ID}"))
        .header(AUTHORIZATION, format!("Bearer {}", *token().expose_text()))
        .header("Headwater-Number", number)
        .header("Headwater-Signature", signature.to_string())
        .body(batch.to_vec().into())
        .unwrap()
}

fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

async fn gateway_of_streams() -> (tempfile::TempDir, Router) {
    let folder = tempfile::tempdir().unwrap();
    let links = Links::in_file(&folder.path().join("links.redb")).unwrap();
    (folder, gateway_with(true, |config| config.links = Some(links)).await)
}

async fn bytes_of(gateway: &Router, request: Request<Body>) -> (u16, Vec<u8>) {
    let response = gateway.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let status = response.status().as_u16();
    (status, to_bytes(response.into_body(), 1 << 24).await.unwrap().to_vec())
}

async fn said(gateway: &Router, request: Request<Body>) -> (u16, Value) {
    let (status, body) = bytes_of(gateway, request).await;
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn refuses(gateway: &Router, cases: impl IntoIterator<Item = (Request<Body>, u16, &str)>) {
    for (request, status, code) in cases {
        let (got, document) = said(gateway, request).await;
        assert_eq!((got, document["code"].as_str().unwrap()), (status, code));
    }
}

async fn numbers(gateway: &Router, after: u64, kept: u64) -> Vec<u64> {
    let (status, body) = bytes_of(gateway, inquiry(&owner(), after, kept, now())).await;
    assert_eq!(status, 200);
    let batches = KeptBatches::decode(&body).unwrap().into_batches();
    for batch in &batches {
        batch.signature.check(device().public(), ID, batch.number, &batch.batch).unwrap();
    }
    batches.iter().map(|batch| batch.number.get()).collect()
}

#[tokio::test]
async fn a_batch_is_kept_until_its_owner_has_it() {
    let (_folder, gateway) = gateway_of_streams().await;
    let stranger = SecretKey::from_bytes(&[5; 32]);
    refuses(&gateway, [(register(device().public(), "no token at all"), 401, "bad_token")]).await;
    refuses(&gateway, [(append(1, b"age", &device()), 404, "no_stream")]).await;
    assert_eq!(said(&gateway, register(device().public(), TOKEN)).await.0, 201);
    refuses(&gateway, [(register(stranger.public(), TOKEN), 409, "settled")]).await;

    assert_eq!(said(&gateway, append(3, b"three", &device())).await, (201, json!({ "number": 3 })));
    assert_eq!(said(&gateway, append(3, b"three", &device())).await, (201, json!({ "number": 3 })));
    let (status, document) = said(&gateway, append(3, b"other", &device())).await;
    assert_eq!((status, &document["last"]), (409, &json!(3)));
    let long = vec![0; STREAM_BATCH_LEN_MAX + 1];
    let good = || append(4, b"four", &device());
    refuses(
        &gateway,
        [
            (append(2, b"two", &device()), 409, "settled"),
            (append(4, b"four", &stranger), 403, "bad_signature"),
            (with(good(), "headwater-number", "5"), 403, "bad_signature"),
            (with(good(), "headwater-number", "04"), 400, "bad_request"),
            (with(good(), "headwater-signature", "AAAA"), 400, "bad_request"),
            (with(good(), "authorization", "Bearer x"), 401, "bad_token"),
            (with(good(), "authorization", &format!("Basic {}", *token().expose_text())), 401, "bad_token"),
            (append(4, &long, &device()), 413, "too_large"),
            (append(4, b"", &device()), 400, "bad_request"),
            (append((1 << 53) - 1, b"the last", &device()), 409, "number_ahead"),
            (post("/append/..%2F..%2Fetc", "age"), 404, "no_stream"),
            (post(&format!("/append/{ID}%2F.."), "age"), 404, "no_stream"),
        ],
    )
    .await;
    said(&gateway, good()).await;
    assert_eq!((numbers(&gateway, 0, 0).await, numbers(&gateway, 3, 0).await), (vec![3, 4], vec![4]));
    refuses(
        &gateway,
        [
            (inquiry(&stranger, 0, 4, now()), 403, "not_the_owner"),
            (inquiry(&owner(), 0, 4, UnixSeconds::new(5)), 400, "bad_record"),
            (signed("end", &stranger, DeviceStreamEnd { id: ID, issued: now() }), 403, "not_the_owner"),
        ],
    )
    .await;
    assert_eq!(numbers(&gateway, 0, 3).await, [4], "what is kept is forgotten, and nothing else");

    let end = || signed("end", &owner(), DeviceStreamEnd { id: ID, issued: now() });
    assert_eq!((said(&gateway, end()).await.0, said(&gateway, end()).await.0), (204, 204));
    refuses(&gateway, [(append(5, b"five", &device()), 410, "stream_ended")]).await;
    assert_eq!(numbers(&gateway, 0, 0).await, [4], "what waits can still be fetched");
}

#[tokio::test]
async fn batches_come_only_so_often() {
    let (_folder, gateway) = gateway_of_streams().await;
    said(&gateway, register(device().public(), TOKEN)).await;
    // Whoever lacks the token uses nothing up.
    for _ in 0..70 {
        said(&gateway, with(append(1, b"x", &device()), "authorization", "Bearer x")).await;
    }
    let mut slow = 0;
    for n in 1..=70 {
        slow += u32::from(said(&gateway, append(n, b"x", &device())).await.0 == 429);
    }
    assert!((5..=10).contains(&slow), "60 at once, and one for each second that passed: {slow} had to wait");
}
