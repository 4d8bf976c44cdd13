//! Sealed shares, as their owners make and end them, and as readers come to them.

use chunker::ContentKey;
use proofs::Cid;
use protocol::{Signed, UnixSeconds};
use serde_json::{Value, json};
use sharing::{
    Attempts, FileName, LinkId, LinkInquiry, Passcode, Reader, Share, ShareContents, ShareEnd, ShareKeys,
    ShareReader, ShareSecret, SharedFile, Wrapped,
};

use super::*;
use crate::gateway::now;
use crate::links::Links;

const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);
const ID: LinkId = LinkId::from_bytes([3; 32]);

fn owner() -> SecretKey {
    SecretKey::from_bytes(&[4; 32])
}

fn keys(passcode: Option<&str>) -> ShareKeys {
    let passcode = passcode.map(|text| Passcode::new(text).unwrap());
    ShareKeys::derive(ID, &ShareSecret::from_bytes([8; 32]), passcode.as_ref())
}

fn share(keys: &ShareKeys, attempts: u8, issued: UnixSeconds, expires: Option<UnixSeconds>) -> Share {
    let file = SharedFile {
        key: ContentKey::from_bytes([1; 32]),
        len: 5,
        name: FileName::new("a").unwrap(),
        object: Cid::of(b"manifest"),
        media_type: None,
    };
    let contents = ShareContents::new(vec![file], issued, None).unwrap();
    Share::new(keys, &contents, Attempts::try_from(attempts).unwrap(), expires).unwrap()
}

fn soon() -> UnixSeconds {
    now().plus(3600)
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(format!("http://gateway.example{path}")).body(body.into()).unwrap()
}

fn signed(share: Share) -> Request<Body> {
    post("/api/shares", Signed::sign(&owner(), &NETWORK, share).encode())
}

fn end(by: &SecretKey) -> Request<Body> {
    let record = Signed::sign(by, &NETWORK, ShareEnd { id: ID, issued: now() });
    post(&format!("/api/shares/{ID}/end"), record.encode())
}

fn opening(keys: &ShareKeys) -> Request<Body> {
    let question = json!({ "knock": *keys.knock().expose_text(), "access": *keys.access().expose_text() });
    post(&format!("/api/shares/{ID}/open"), question.to_string())
}

#[tokio::test]
async fn whoever_shows_the_upload_token_makes_links_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let links = Links::in_file(&folder.path().join("links.redb")).unwrap();
    let gateway = gateway_with(true, |config| config.links = Some(links)).await;
    let offered = |token: &str| {
        let mut request = signed(share(&keys(None), 0, UnixSeconds::new(5), None));
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        request
    };
    for (token, status) in [("another token than that", 403), (TOKEN, 201), (TOKEN, 200)] {
        assert_eq!(said(&gateway, offered(token)).await.0, status, "{token}");
    }
}

async fn gateway_of_shares() -> (tempfile::TempDir, Router) {
    let folder = tempfile::tempdir().unwrap();
    let links = Links::in_file(&folder.path().join("links.redb")).unwrap();
    (folder, gateway_with(false, |config| config.links = Some(links)).await)
}

/// Status, and the JSON that is answered.
async fn said(gateway: &Router, request: Request<Body>) -> (u16, Value) {
    let response = gateway.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_share_is_registered_once_and_ended_by_its_owner_alone() {
    let (_folder, gateway) = gateway_of_shares().await;
    let keys = keys(None);
    let begun = share(&keys, 0, now(), Some(now().plus(100)));
    assert_eq!(said(&gateway, signed(begun.clone())).await.0, 201);
    assert_eq!(said(&gateway, signed(begun)).await.0, 200, "the same again");
    let over = share(&keys, 0, UnixSeconds::new(5), Some(UnixSeconds::new(6)));
    let ahead = share(&keys, 0, now().plus(1000), Some(now().plus(2000)));
    for (request, status, code) in [
        (signed(share(&keys, 0, now(), Some(soon()))), 409, "settled"),
        (signed(share(&keys, 0, now(), None)), 403, "ends_too_late"),
        (signed(share(&keys, 0, now(), Some(now().plus(32 * 86_400)))), 403, "ends_too_late"),
        (signed(over), 410, "share_expired"),
        (signed(ahead), 400, "bad_record"),
        (post("/api/shares", "no record"), 400, "bad_record"),
        (end(&SecretKey::from_bytes(&[5; 32])), 403, "not_the_owner"),
        (post("/api/shares/short/end", Vec::new()), 400, "bad_record"),
        (request("GET", "/api/shares/short", ""), 404, "no_share"),
    ] {
        let (got, document) = said(&gateway, request).await;
        assert_eq!((got, document["code"].as_str().unwrap()), (status, code));
    }
    let about = request("GET", &format!("/api/shares/{ID}"), "");
    let (_, told) = said(&gateway, about).await;
    assert_eq!((&told["passcode"], told["expires"].is_u64()), (&json!(false), true));
    for _ in 0..2 {
        assert_eq!(said(&gateway, end(&owner())).await.0, 204, "twice is once");
    }
    let about = request("GET", &format!("/api/shares/{ID}"), "");
    for request in [about, opening(&keys)] {
        let (status, document) = said(&gateway, request).await;
        assert_eq!((status, document["code"].as_str().unwrap()), (410, "share_revoked"));
    }
}

#[tokio::test]
async fn attempts_are_counted_for_those_who_have_the_link() {
    let (_folder, gateway) = gateway_of_shares().await;
    let (right, wrong) = (keys(Some("right")), keys(Some("wrong")));
    said(&gateway, signed(share(&right, 2, now(), Some(soon())))).await;
    let stranger = ShareKeys::derive(ID, &ShareSecret::from_bytes([7; 32]), None);
    for (keys, status, code, remaining) in [
        (&stranger, 403, "wrong_link", Value::Null),
        (&wrong, 401, "wrong_passcode", json!(1)),
        (&stranger, 403, "wrong_link", Value::Null),
    ] {
        let (got, document) = said(&gateway, opening(keys)).await;
        assert_eq!((got, document["code"].as_str().unwrap()), (status, code));
        assert_eq!(document["remaining"], remaining);
    }
    let (status, opened) = said(&gateway, opening(&right)).await;
    assert_eq!(status, 200, "what is right costs nothing");
    let wrapped = data_encoding::BASE64URL_NOPAD.decode(opened["wrapped"].as_str().unwrap().as_bytes());
    let contents = Wrapped::from_slice(&wrapped.unwrap()).unwrap().open(&right).unwrap();
    let object = |object: Cid| json!({ "session": opened["session"], "object": object.to_string() });
    for (question, status, code) in [
        (object(Cid::of(b"another")), 403, "not_shared"),
        (json!({ "session": "0".repeat(32), "object": Cid::of(b"x").to_string() }), 403, "no_share_session"),
        (json!({ "session": opened["session"] }), 400, "bad_request"),
        // It is in the share, and this network has no nodes.
        (object(contents.files()[0].object), 503, "unavailable"),
    ] {
        let (got, document) = said(&gateway, post("/sealed", question.to_string())).await;
        assert_eq!((got, document["code"].as_str().unwrap()), (status, code));
    }
    assert_eq!(said(&gateway, opening(&wrong)).await.1["remaining"], json!(0));
    let (status, document) = said(&gateway, opening(&right)).await;
    assert_eq!((status, document["code"].as_str().unwrap()), (410, "share_locked"));
    // Who has opened it reads on: it is in the share, and this network has no nodes.
    let reading = object(contents.files()[0].object);
    let (status, document) = said(&gateway, post("/sealed", reading.to_string())).await;
    assert_eq!((status, document["code"].as_str().unwrap()), (503, "unavailable"));
}

#[tokio::test]
async fn the_glass_is_broken_by_who_signs_for_it() {
    let (_folder, gateway) = gateway_of_shares().await;
    let keys = keys(None);
    let emergency = share(&keys, 0, now(), Some(soon())).for_emergencies();
    assert_eq!(said(&gateway, signed(emergency)).await.0, 201);
    let (_, about) = said(&gateway, request("GET", &format!("/api/shares/{ID}"), "")).await;
    assert_eq!(about["emergency"], json!(true));
    let holder = SecretKey::from_bytes(&[6; 32]);
    let says = |id, issued, who: &str| ShareReader { id, issued, who: Reader::stated(who).unwrap() };
    let breaking = |who: Option<&str>, network: NetworkId, shown: Option<ShareReader>| {
        let record = shown.map(|shown| Signed::sign(&holder, &network, shown).encode());
        let question = json!({
            "knock": *keys.knock().expose_text(),
            "access": *keys.access().expose_text(),
            "who": who,
            "shown": record.map(|record| data_encoding::BASE64URL_NOPAD.encode(&record)),
        });
        post(&format!("/api/shares/{ID}/open"), question.to_string())
    };
    let (who, other) = ("Dr. Ng: no papers", LinkId::from_bytes([4; 32]));
    for (request, code) in [
        (breaking(None, NETWORK, Some(says(ID, now(), who))), "bad_request"),
        (breaking(Some(who), NETWORK, None), "bad_request"),
        (breaking(Some(who), NETWORK, Some(says(other, now(), who))), "bad_request"),
        (breaking(Some(who), NETWORK, Some(says(ID, now(), "Dr. No"))), "bad_request"),
        (breaking(Some(who), NETWORK, Some(says(ID, now().plus(1000), who))), "bad_record"),
        (breaking(Some(who), NetworkId::from_bytes([8; 32]), Some(says(ID, now(), who))), "bad_record"),
    ] {
        let (status, document) = said(&gateway, request).await;
        assert_eq!((status, document["code"].as_str().unwrap()), (400, code), "{document}");
    }
    let shown = says(ID, now(), who);
    assert_eq!(said(&gateway, breaking(Some(who), NETWORK, Some(shown.clone()))).await.0, 200);
    let inquiry = Signed::sign(&owner(), &NETWORK, LinkInquiry { after: 0, id: ID, issued: now() });
    let (_, told) = said(&gateway, post(&format!("/api/links/{ID}/events"), inquiry.encode())).await;
    let events = told["events"].as_array().unwrap();
    assert_eq!(
        (events.len(), &events[0]["what"]),
        (1, &json!("break_glass")),
        "those refused have read nothing"
    );
    let record = data_encoding::BASE64URL_NOPAD.decode(events[0]["shown"].as_str().unwrap().as_bytes());
    let record = Signed::<ShareReader>::decode(&record.unwrap(), &NETWORK).unwrap();
    assert_eq!((record.by(), record.body()), (holder.public(), &shown));
}
