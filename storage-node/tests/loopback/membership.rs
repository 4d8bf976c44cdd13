//! Lists of nodes, and announcements.

use network::{Peer, RequestError, announce, ask_all, ask_page};
use protocol::{
    Addresses, CapacityClass, Code, NodeRecord, PageLimit, Request, Response, SecretKey, Sequence, Signed,
};

use crate::house::{Client, House, NETWORK, bytes, now, refusal};

fn numbered(number: u16) -> SecretKey {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&number.to_le_bytes());
    SecretKey::from_bytes(&bytes)
}

fn record(secret: &SecretKey, seq: u64) -> Signed<NodeRecord> {
    let addrs = Addresses::new(vec!["127.0.0.1:9".parse().unwrap()]).unwrap();
    let class = CapacityClass::new(0).unwrap();
    Signed::sign(secret, &NETWORK, NodeRecord::new(addrs, class, now(), Sequence::new(seq)))
}

async fn tell(peer: &Peer, record: &Signed<NodeRecord>) -> Result<bool, RequestError> {
    announce(peer, record).await
}

#[tokio::test]
async fn a_node_lists_itself_and_what_it_was_told_also_after_a_restart() {
    let house = House::new().await;
    let client = house.client().await;
    let list = ask_all(&client.peer, &NETWORK).await.unwrap();
    assert_eq!(list, [house.node.record()]);
    let told = record(&numbered(1), now().get());
    assert!(tell(&client.peer, &told).await.unwrap());
    assert!(!tell(&client.peer, &told).await.unwrap(), "twice is no news");

    let house = house.restart().await;
    let Client { peer, .. } = house.client().await;
    let list = ask_all(&peer, &NETWORK).await.unwrap();
    assert!(list.contains(&told) && list.len() == 2);
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let house = House::new().await;
    let Client { peer, .. } = house.client().await;
    for number in 0..60 {
        tell(&peer, &record(&numbered(number), now().get())).await.unwrap();
    }
    let mut seen = Vec::new();
    loop {
        let limit = PageLimit::new(7).unwrap();
        let request = Request::Members { after: seen.last().copied(), limit };
        let Response::Members { records, more } = peer.ask(&request).await.unwrap() else { panic!() };
        seen.extend(records.iter().map(|record| record.verify(&NETWORK).unwrap().by()));
        assert_eq!(more, records.len() == 7 && seen.len() < 61);
        if !more {
            break;
        }
    }
    assert_eq!(seen.len(), 61);
    assert!(seen.is_sorted());
    let rest = ask_page(&peer, &NETWORK, Some(seen[50])).await.unwrap();
    assert_eq!((rest.records.len(), rest.more), (10, false));
}

#[tokio::test]
async fn one_address_may_announce_so_much_and_no_more() {
    let house = House::new().await;
    let Client { peer, .. } = house.client().await;
    let mut refused = 0;
    for number in 0..600 {
        match tell(&peer, &record(&numbered(number), now().get())).await {
            Ok(_) => {}
            other => {
                assert_eq!(refusal(other), Code::Busy);
                refused += 1;
            }
        }
    }
    assert!((1..=344).contains(&refused), "{refused}");
}

#[tokio::test]
async fn announcements_that_do_not_hold_are_refused() {
    let house = House::new().await;
    let Client { peer, .. } = house.client().await;
    let ahead = record(&numbered(1), now().get() + 100_000);
    assert_eq!(refusal(tell(&peer, &ahead).await), Code::Expired);
    let mut forged = record(&numbered(1), now().get()).encode();
    *forged.last_mut().unwrap() ^= 1;
    let forged = protocol::Unverified::from_bytes(forged).unwrap();
    assert_eq!(refusal(peer.ask(&Request::Announce { record: forged }).await), Code::BadSignature);
}

#[tokio::test]
async fn a_node_outbids_what_an_earlier_run_said_of_it() {
    let house = House::new().await;
    let Client { peer, .. } = house.client().await;
    let secret = std::fs::read(house.dir.path().join("node.key")).unwrap();
    let secret = SecretKey::from_bytes(&secret.try_into().unwrap());
    let later = record(&secret, now().get() + 200);
    assert!(!tell(&peer, &later).await.unwrap());
    let own = house.node.record();
    assert_eq!(own.body().seq, later.body().seq.next());
    assert_ne!(own.body().addrs, later.body().addrs);
}

#[tokio::test]
async fn a_folder_of_another_network_is_refused() {
    let house = House::new().await;
    let (dir, mut config) = (house.dir, house.config);
    house.node.shutdown().await;
    config.network = protocol::NetworkId::from_bytes([8; 32]);
    let refused = storage_node::Node::spawn(config).await;
    assert!(matches!(refused, Err(storage_node::SpawnNodeError::OtherNetwork(other)) if other == NETWORK));
    drop(dir);
}

#[tokio::test]
async fn a_node_that_leaves_refuses_shards_and_goes_on_serving() {
    let house = House::new().await;
    let client = house.client().await;
    let body = bytes(100_000, 1);
    let lease = client.put(&body, 1, 30).await.unwrap();
    std::fs::write(house.dir.path().join("leaving"), "").unwrap();
    let house = house.restart().await;
    assert!(house.node.record().body().leaving);
    let client = house.client().await;
    let mandate = crate::house::mandate(&crate::house::secret(1), &crate::house::payer(), u64::MAX);
    let max_len = proofs::ShardLen::new(100_000).unwrap();
    let put = Request::Put { max_len, expires: now().plus(86_400), mandate };
    assert_eq!(refusal(client.peer.ask(&put).await), Code::Leaving);
    assert_eq!(client.read_all(&body).await.unwrap(), body);
    client.renew(&lease, 1, &house.node, 10).await.unwrap();
}
