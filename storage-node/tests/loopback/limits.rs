//! Quota, capacity, traffic, and time.

use std::time::{Duration, Instant};

use protocol::Code;

use crate::house::{DAY, House, refusal};

#[tokio::test]
async fn quota_and_capacity_are_kept() {
    let house = House::with(|config| {
        config.quota_per_payer = Some(500_000);
        config.capacity = 800_000;
    })
    .await;
    let client = house.client().await;
    let body = |seed| crate::house::bytes(300_000, seed);
    client.put(&body(1), 1, 30).await.unwrap();
    assert_eq!(refusal(client.put(&body(2), 1, 30).await), Code::Quota);
    assert_eq!(refusal(client.put(&crate::house::bytes(900_000, 2), 1, 30).await), Code::Full);
    let lease = client.put(&body(1), 1, 31).await.unwrap();
    client.release(&lease, 1, &house.node).await.unwrap();
    client.put(&body(2), 1, 30).await.unwrap();
    assert_eq!(house.files("shards").len(), 1);
}

#[tokio::test]
async fn the_monthly_cap_outlives_a_restart() {
    let house = House::with(|config| config.monthly_cap = Some(250_000)).await;
    let client = house.client().await;
    let body = crate::house::bytes(100_000, 1);
    client.put(&body, 1, 30).await.unwrap();
    for _ in 0..2 {
        client.read_all(&body).await.unwrap();
    }
    assert_eq!(refusal(client.read_all(&body).await), Code::Egress);
    client.pool.close().await;
    let house = house.restart().await;
    let client = house.client().await;
    assert_eq!(refusal(client.read_all(&body).await), Code::Egress);
    house.pass(32 * DAY);
    let renewed = client.read_all(&body).await;
    assert_eq!(renewed.unwrap(), body);
}

#[tokio::test]
async fn sending_keeps_to_its_rate() {
    let house = House::with(|config| config.bandwidth = Some(1_000_000)).await;
    let client = house.client().await;
    let body = crate::house::bytes(700_000, 1);
    client.put(&body, 1, 30).await.unwrap();
    let begun = Instant::now();
    assert_eq!(client.read_all(&body).await.unwrap(), body);
    // A quarter of a second's worth may go at once. It cannot have been faster, however slow the machine is.
    assert!(begun.elapsed() > Duration::from_millis(400), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_shard_is_collected_after_its_days_of_grace() {
    let house = House::new().await;
    let client = house.client().await;
    for len in [3000, 300_000] {
        client.put(&crate::house::bytes(len, 1), 1, 1).await.unwrap();
    }
    house.pass(8 * DAY - 600);
    let (rounds, begun) = (house.node.stats().scrub_rounds, house.node.stats().collected);
    house.until("some rounds", |stats| stats.scrub_rounds > rounds + 5).await;
    assert_eq!((house.node.stats().shards, begun), (2, 0));
    house.pass(700);
    house.until("collected", |stats| stats.collected == 2 && stats.shards == 0).await;
    assert!(house.files("shards").is_empty());
}

#[tokio::test]
async fn many_requests_at_once_are_all_served() {
    let house = House::new().await;
    let client = std::sync::Arc::new(house.client().await);
    let puts = (0..60_u8).map(|seed| {
        let client = client.clone();
        tokio::spawn(async move {
            let body = crate::house::bytes(usize::from(seed) * 4000 + 1, seed);
            client.put(&body, 1, 30).await.unwrap();
            assert_eq!(client.read_all(&body).await.unwrap(), body);
        })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap();
    }
    assert_eq!(house.node.stats().shards, 60);
}
