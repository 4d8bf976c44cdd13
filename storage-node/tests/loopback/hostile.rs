//! Clients that break off, stall, send too much or nonsense; disks that rot.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use proofs::{Root, ShardLen};
use protocol::frame::{PREFIX_LEN, decode_body, encode_header};
use protocol::{Code, Request, Response};

use crate::house::{DAY, House, NETWORK, mandate, now, payer, refusal, secret};

fn put(max_len: u64) -> Request {
    let mandate = mandate(&secret(1), &payer(), u64::MAX);
    Request::Put { max_len: ShardLen::new(max_len).unwrap(), expires: now().plus(DAY), mandate }
}

/// A connection without anything that would keep it from sending nonsense.
struct RawClient {
    connection: iroh::endpoint::Connection,
    /// Must outlive the connection.
    _endpoint: iroh::Endpoint,
}

impl RawClient {
    async fn new(house: &House) -> Self {
        let client = house.client_of(None).await;
        let addr = iroh::EndpointAddr::new(house.node.id()).with_ip_addr(house.node.addr());
        let connection = client.endpoint.connect(addr, protocol::ALPN).await.unwrap();
        let raw = Self { connection, _endpoint: client.endpoint };
        let hello = Request::Hello { network: NETWORK, admission: None };
        assert!(matches!(raw.send(&encode_header(&hello).unwrap()).await, Response::Welcome { .. }));
        raw
    }

    async fn send(&self, bytes: &[u8]) -> Response {
        let (mut send, mut receive) = self.connection.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        send.finish().unwrap();
        let answer = receive.read_to_end(70_000).await.unwrap();
        decode_body(&answer[PREFIX_LEN..]).unwrap()
    }
}

async fn is_clean(house: &House) {
    house.until("idle", |stats| stats.requests_in_flight == 0).await;
    assert!(
        house.files("tmp").is_empty() && house.files("shards").is_empty() && house.files("packs").is_empty()
    );
    assert_eq!(house.node.stats().shards, 0);
}

#[tokio::test]
async fn an_upload_that_breaks_leaves_nothing_behind() {
    let house = House::new().await;
    let body = crate::house::bytes(500_000, 1);
    let client = house.client().await;
    let mut exchange = client.peer.request(&put(1 << 20)).await.unwrap();
    exchange.response().await.unwrap();
    exchange.sending.bytes(body.clone()).await.unwrap();
    house.until("some of it received", |stats| stats.received > 0).await;
    exchange.sending.reset(Code::Internal);
    is_clean(&house).await;

    let mut exchange = client.peer.request(&put(1 << 20)).await.unwrap();
    exchange.response().await.unwrap();
    exchange.sending.bytes(body).await.unwrap();
    house.until("more of it received", |stats| stats.received > 500_000).await;
    client.pool.close().await;
    is_clean(&house).await;
}

#[tokio::test]
async fn more_than_was_announced_and_nothing_at_all_are_refused() {
    let house = House::new().await;
    let client = house.client().await;
    let mandate = || mandate(&secret(1), &payer(), u64::MAX);
    for (len, announced) in [(2000, 1999), (3_000_000, 1_000_000), (0, 10)] {
        let body = crate::house::bytes(len, 1);
        let announced = ShardLen::new(announced).unwrap();
        let refused = client.put_as(&body, announced, now().plus(DAY), mandate()).await;
        assert_eq!(refusal(refused), Code::BadRequest);
    }
    is_clean(&house).await;
}

#[tokio::test]
async fn a_client_that_stalls_is_given_up() {
    let house = House::with(|config| config.put_pause = Duration::from_millis(300)).await;
    let client = house.client().await;
    let mut exchange = client.peer.request(&put(1 << 20)).await.unwrap();
    exchange.response().await.unwrap();
    exchange.sending.bytes(crate::house::bytes(100_000, 1)).await.unwrap();
    assert_eq!(refusal(exchange.response().await), Code::Timeout);
    is_clean(&house).await;
}

/// A pipe or a live source pauses in the middle of a segment.
#[tokio::test]
async fn a_source_may_pause_longer_than_a_stream() {
    let house = House::new().await;
    let client = house.client().await;
    let body = crate::house::bytes(200_000, 1);
    let mut exchange = client.peer.request(&put(1 << 20)).await.unwrap();
    exchange.response().await.unwrap();
    exchange.sending.bytes(body.slice(..100_000)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(network::STALL_TIMEOUT_MS + 500)).await;
    exchange.sending.bytes(body.slice(100_000..)).await.unwrap();
    exchange.sending.finish();
    assert!(matches!(exchange.response().await, Ok(Response::Leased { .. })));
    assert_eq!(client.read_all(&body).await.unwrap(), body);
}

#[tokio::test]
async fn garbage_is_refused_and_harms_nobody() {
    let house = House::new().await;
    let client = house.client().await;
    let raw = RawClient::new(&house).await;
    for garbage in
        [vec![0xff; 4], vec![0xff, 0xff, 0, 0], vec![3, 0, 0, 0, 99, 1, 2], vec![0, 0, 0, 0], vec![1, 0]]
    {
        let answer = raw.send(&garbage).await;
        assert!(
            matches!(&answer, Response::Refused(refusal) if refusal.code() == Code::BadRequest),
            "{answer:?}"
        );
    }
    let twice = Request::Hello { network: NETWORK, admission: None };
    let answer = raw.send(&encode_header(&twice).unwrap()).await;
    assert!(
        matches!(&answer, Response::Refused(refusal) if refusal.code() == Code::BadRequest),
        "{answer:?}"
    );
    let body = crate::house::bytes(3000, 1);
    client.put(&body, 1, 1).await.unwrap();
    assert_eq!(client.read_all(&body).await.unwrap(), body);
}

#[tokio::test]
async fn rot_is_never_delivered_found_by_the_scrub_and_healed_by_a_put() {
    for len in [60_000, 700_000] {
        let house = House::with(|config| config.scrub.every = Duration::from_hours(1)).await;
        let client = house.client().await;
        let body = crate::house::bytes(len, 1);
        client.put(&body, 1, 30).await.unwrap();
        house.until("first round over", |stats| stats.scrub_rounds > 0).await;
        let folder = if len > 65_536 { "shards" } else { "packs" };
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&house.files(folder)[0]).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, 50_000).unwrap();
        file.write_all_at(&[byte[0] ^ 1], 50_000).unwrap();

        let got = client.read_all(&body).await;
        assert_eq!(refusal(got), Code::Corrupt);
        house.until("known to be corrupt", |stats| stats.corrupt == 1).await;
        assert_eq!(refusal(client.peer.ask(&Request::Fetch { root: Root::of(&body) }).await), Code::Corrupt);
        let house = house.restart().await;
        let client = house.client().await;
        house.until("still known", |stats| stats.corrupt == 1).await;
        client.put(&body, 1, 30).await.unwrap();
        assert_eq!(client.read_all(&body).await.unwrap(), body);
        assert_eq!(house.node.stats().corrupt, 0);
    }
}

#[tokio::test]
async fn the_scrub_finds_what_nobody_reads() {
    let house = House::new().await;
    let client = house.client().await;
    let body = crate::house::bytes(700_000, 1);
    client.put(&body, 1, 30).await.unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&house.files("shards")[0]).unwrap();
    file.set_len(400_000).unwrap();
    house.until("found", |stats| stats.corrupt == 1).await;
}
