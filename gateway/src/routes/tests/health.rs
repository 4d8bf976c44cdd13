//! Health links, as far as no node is asked.

use proofs::Cid;
use protocol::{Record, Sequence, Signed, UnixSeconds};
use sharing::{
    Attempts, HealthFile, HealthFileType, HealthLink, HealthLinkEnd, HealthLinkFields, LinkId, Passcode,
};

use super::*;
use crate::gateway::now;
use crate::links::Links;

const ID: LinkId = LinkId::from_bytes([3; 32]);
const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

/// When links end here: soon enough for those who show no upload token.
static ENDS: std::sync::LazyLock<UnixSeconds> = std::sync::LazyLock::new(|| now().plus(86_400));

fn owner() -> SecretKey {
    SecretKey::from_bytes(&[4; 32])
}

fn link(flags: &str, seq: u64) -> HealthLinkFields {
    let file = HealthFile {
        key: chunker::ContentKey::from_bytes([1; 32]),
        len: 100,
        object: Cid::of(b"a manifest"),
        kind: HealthFileType::Fhir,
    };
    let passcode = flags.contains('P').then(|| Passcode::new("open sesame").unwrap());
    HealthLinkFields {
        attempts: Attempts::try_from(if passcode.is_some() { 2 } else { 0 }).unwrap(),
        expires: Some(*ENDS),
        files: vec![file],
        flags: flags.parse().unwrap(),
        id: ID,
        issued: UnixSeconds::new(1000),
        passcode: passcode.map(|passcode| HealthLinkFields::verifier(ID, &passcode)),
        seq: Sequence::new(seq),
    }
}

fn post<T: Record>(path: &str, by: &SecretKey, body: T) -> Request<Body> {
    let record = Signed::sign(by, &NETWORK, body).encode();
    Request::post(format!("http://gateway.example{path}")).body(record.into()).unwrap()
}

fn offer(by: &SecretKey, link: HealthLinkFields) -> Request<Body> {
    post("/api/health-links", by, HealthLink::try_from(link).unwrap())
}

fn read(question: &str) -> Request<Body> {
    Request::post(format!("http://gateway.example/shl/{ID}")).body(question.to_owned().into()).unwrap()
}

async fn with_links() -> (tempfile::TempDir, Router) {
    let folder = tempfile::tempdir().unwrap();
    let links = Links::in_file(&folder.path().join("links.redb")).unwrap();
    let gateway = gateway_with(false, |config| config.links = Some(links)).await;
    (folder, gateway)
}

#[tokio::test]
async fn a_link_is_its_owners_to_change_and_to_end() {
    let (_folder, gateway) = with_links().await;
    let stranger = SecretKey::from_bytes(&[5; 32]);
    let late = HealthLinkFields { issued: now().plus(3600), ..link("L", 0) };
    let endless = |seq| HealthLinkFields { expires: None, ..link("L", seq) };
    let single_of_two = HealthLinkFields { files: vec![link("", 0).files[0].clone(); 2], ..link("U", 0) };
    assert!(HealthLink::try_from(single_of_two).is_err());
    assert!(HealthLink::try_from(HealthLinkFields { passcode: None, ..link("P", 0) }).is_err());
    assert!(HealthLink::try_from(link("", 1)).is_err(), "what cannot change has no second record");
    for (request, status, code) in [
        (offer(&owner(), late), 400, "bad_record"),
        (offer(&owner(), endless(0)), 403, "ends_too_late"),
        (offer(&owner(), link("L", 1)), 201, ""),
        (offer(&owner(), link("L", 1)), 200, ""),
        (offer(&owner(), link("L", 0)), 409, "settled"),
        (offer(&owner(), link("LU", 2)), 409, "settled"),
        (offer(&stranger, link("L", 2)), 403, "not_the_owner"),
        (offer(&owner(), endless(2)), 403, "ends_too_late"),
        (offer(&owner(), link("L", 2)), 201, ""),
        (
            post(&format!("/api/health-links/{ID}/end"), &stranger, HealthLinkEnd { id: ID, issued: now() }),
            403,
            "not_the_owner",
        ),
        (read(r#"{"recipient":" "}"#), 400, "bad_request"),
        (read("{}"), 400, "bad_request"),
        (read(r#"{"recipient":"Dr. Ng"}"#), 503, "unavailable"),
        (
            post(&format!("/api/health-links/{ID}/end"), &owner(), HealthLinkEnd { id: ID, issued: now() }),
            204,
            "",
        ),
        (offer(&owner(), link("L", 3)), 409, "settled"),
        (read(r#"{"recipient":"Dr. Ng"}"#), 404, "no_link"),
    ] {
        let (found, _, why) = ask(&gateway, request).await;
        assert_eq!((found.as_u16(), why.as_str()), (status, code));
    }
}

#[tokio::test]
async fn a_passcode_has_so_many_attempts_and_no_more() {
    let (_folder, gateway) = with_links().await;
    assert_eq!(ask(&gateway, offer(&owner(), link("P", 0))).await.0, StatusCode::CREATED);
    let tries = [
        (r#"{"recipient":"Dr. Ng"}"#, 401, Some(2)),
        (r#"{"recipient":"Dr. Ng","passcode":"\u0000"}"#, 401, Some(2)),
        (r#"{"recipient":"Dr. Ng","passcode":"open sesame"}"#, 503, None),
        (r#"{"recipient":"Dr. Ng","passcode":"one"}"#, 401, Some(1)),
        (r#"{"recipient":"Dr. Ng","passcode":"two"}"#, 401, Some(0)),
        (r#"{"recipient":"Dr. Ng","passcode":"open sesame"}"#, 404, None),
    ];
    for (question, status, remaining) in tries {
        let answer = gateway.clone().oneshot(read(question)).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{question}");
        let document = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(document["remainingAttempts"].as_u64(), remaining, "{question}");
    }
}

#[tokio::test]
async fn a_single_file_is_fetched_and_a_manifest_asked_for() {
    let (_folder, gateway) = with_links().await;
    ask(&gateway, offer(&owner(), link("U", 0))).await;
    let (status, headers, _) = ask(&gateway, read(r#"{"recipient":"Dr. Ng"}"#)).await;
    assert_eq!(
        (status, &headers[ALLOW]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD, OPTIONS".parse().unwrap())
    );
    let fetch = |query: &str| {
        Request::get(format!("http://gateway.example/shl/{ID}{query}")).body(Body::empty()).unwrap()
    };
    assert_eq!(ask(&gateway, fetch("")).await.2, "bad_request");
    assert_eq!(ask(&gateway, fetch("?recipient=Dr.%20Ng")).await.2, "unavailable");
    // Whoever asks too often waits.
    let mut last = StatusCode::OK;
    for _ in 0..70 {
        last = ask(&gateway, fetch("?recipient=Dr.%20Ng")).await.0;
    }
    let (status, headers, _) = ask(&gateway, fetch("?recipient=x")).await;
    assert_eq!((last, status), (StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_MANY_REQUESTS));
    assert!(headers.contains_key(RETRY_AFTER));
}
