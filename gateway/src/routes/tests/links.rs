//! Links, as their owners ask for them.

use protocol::{Signed, UnixSeconds};
use sharing::{LinkEvent, LinkEventKind, LinkId, LinkInquiry, Reader};

use super::*;
use crate::gateway::now;
use crate::links::{LinkKind, LinkRoom, Links, NewLink};

const ID: LinkId = LinkId::from_bytes([3; 32]);
const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

fn owner() -> SecretKey {
    SecretKey::from_bytes(&[4; 32])
}

fn inquiry(by: &SecretKey, id: LinkId, after: u64, issued: UnixSeconds) -> Request<Body> {
    let record = Signed::sign(by, &NETWORK, LinkInquiry { after, id, issued });
    let path = format!("http://gateway.example/api/links/{ID}/events");
    Request::post(path).body(record.encode().into()).unwrap()
}

#[tokio::test]
async fn events_are_told_to_the_owner_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let links = Links::in_file(&folder.path().join("links.redb")).unwrap();
    let record = b"what its owner signed".to_vec();
    let (kind, room) = (LinkKind::Share, LinkRoom::Own);
    let link = NewLink { kind, owner: owner().public(), record, attempts: Some(5), expires: None, room };
    links.store().put(ID, link, now()).await.unwrap();
    let who = Reader::stated("Dr. Ng");
    for (at, what) in [(100, LinkEventKind::Opened), (200, LinkEventKind::Refused)] {
        let event = LinkEvent { at: UnixSeconds::new(at), shown: None, what, who: who.clone() };
        links.store().note(ID, event).await.unwrap();
    }
    let gateway = gateway_with(false, |config| config.links = Some(links.clone())).await;
    let stranger = SecretKey::from_bytes(&[5; 32]);
    let (old, early) = (UnixSeconds::new(now().get() - 301), now().plus(310));
    for (request, code) in [
        (inquiry(&stranger, ID, 2, now()), "not_the_owner"),
        (inquiry(&owner(), LinkId::from_bytes([4; 32]), 2, now()), "not_the_owner"),
        (inquiry(&owner(), ID, 2, old), "bad_record"),
        (inquiry(&owner(), ID, 2, early), "bad_record"),
    ] {
        assert_eq!(ask(&gateway, request).await.2, code);
    }
    let answer = gateway.clone().oneshot(inquiry(&owner(), ID, 0, now())).await.unwrap();
    let body = to_bytes(answer.into_body(), 1 << 16).await.unwrap();
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let expected = serde_json::json!({ "events": [
        { "number": 1, "at": 100, "what": "opened", "who": "Dr. Ng" },
        { "number": 2, "at": 200, "what": "refused", "who": "Dr. Ng" },
    ] });
    assert_eq!(told, expected);
    // What the owner says to have is forgotten; nobody else could have said so.
    gateway.clone().oneshot(inquiry(&owner(), ID, 1, now())).await.unwrap();
    let left = links.store().events(ID, 0).await.unwrap();
    assert_eq!(left.iter().map(|event| event.number).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_gateway_without_a_place_for_links_says_so() {
    let gateway = gateway(false).await;
    let (status, _, code) = ask(&gateway, inquiry(&owner(), ID, 0, now())).await;
    assert_eq!((status, code.as_str()), (StatusCode::FORBIDDEN, "links_off"));
}
