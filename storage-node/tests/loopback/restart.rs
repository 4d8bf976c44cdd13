//! The same node again: identity, shards and leases are there, with the index and without it.

use proofs::{Root, ShardLen};
use protocol::{BoundedList, Request, Response};
use storage_node::{Node, OpenDirError, SpawnNodeError};

use crate::house::{House, secret};

#[tokio::test]
async fn a_folder_belongs_to_one_node_at_a_time() {
    let house = House::new().await;
    let second = Node::spawn(house.config.clone()).await;
    assert!(matches!(second, Err(SpawnNodeError::Dir(OpenDirError::InUse(_)))));
    let id = house.node.id();
    let house = house.restart().await;
    assert_eq!(house.node.id(), id);
    assert_eq!(house.node.record().body().addrs.first(), house.node.addr());
}

#[tokio::test]
async fn an_index_may_be_deleted_while_the_node_is_stopped() {
    let house = House::new().await;
    let client = house.client().await;
    let bodies = [100, 65_536, 65_537, 900_000].map(|len| crate::house::bytes(len, 1));
    let mut leases = Vec::new();
    for body in &bodies {
        leases.push(client.put(body, 1, 30).await.unwrap());
    }
    client.release(&leases.pop().unwrap(), 1, &house.node).await.unwrap();
    leases[0] = client.renew(&leases[0], 1, &house.node, 50).await.unwrap();
    client.pool.close().await;
    let House { dir, config, node, .. } = house;
    let stored = node.stats().stored;
    node.shutdown().await;
    std::fs::remove_file(dir.path().join("index.redb")).unwrap();

    let node = Node::spawn(config.clone()).await.unwrap();
    assert_eq!((node.stats().shards, node.stats().stored), (3, stored));
    let house = House::around(dir, config, node);
    let client = house.client().await;
    for body in &bodies[..3] {
        assert_eq!(client.read_all(body).await.unwrap(), *body);
    }
    let roots: Vec<Root> = leases.iter().map(protocol::Lease::root).collect();
    let stat = Request::Stat { roots: BoundedList::new(roots).unwrap(), control: secret(1).public() };
    let Response::Held { shards } = client.peer.ask(&stat).await.unwrap() else { panic!("held") };
    let held: Vec<_> = shards.iter().map(|shard| shard.map(|shard| (shard.len, shard.expires))).collect();
    let promised: Vec<_> = leases.iter().map(|lease| Some((lease.len(), lease.expires()))).collect();
    assert_eq!(held, promised);
    assert_eq!(shards[0].unwrap().len, ShardLen::new(100).unwrap());
    // Sequence numbers go on where they were.
    client.renew(&leases[0], 1, &house.node, 60).await.unwrap();
}
