//! Clients and nodes over real iroh endpoints on the loopback interface.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use network::{
    ConnectError, Endpoint, EndpointOptions, EndpointRole, HelloError, Inbound, Peer, Pool, RequestError,
    StreamError, Visitor, bind, serve,
};
use protocol::{
    ALPN, Addresses, BoundedList, CapacityClass, Code, NetworkId, NodeRecord, NodeStatus, Refusal, Request,
    Response, SecretKey, Sequence, Signed, UnixSeconds, Unverified, VersionText,
};

const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A closed endpoint lets go of its port a little later, so one that follows it may have to wait.
async fn endpoint(role: EndpointRole, bind_to: SocketAddr, seed: u8) -> Endpoint {
    let since = Instant::now();
    loop {
        let secret = SecretKey::from_bytes(&[seed; 32]);
        match bind(EndpointOptions { role, bind: bind_to, secret }).await {
            Ok(endpoint) => return endpoint,
            Err(error) => assert!(since.elapsed() < Duration::from_secs(20), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn record(endpoint: &Endpoint) -> Signed<NodeRecord> {
    record_at(endpoint.bound_sockets(), endpoint.secret_key())
}

fn record_at(addresses: Vec<SocketAddr>, secret: &SecretKey) -> Signed<NodeRecord> {
    let addrs = Addresses::new(addresses).expect("addresses of bound sockets");
    let class = CapacityClass::of_capacity(1 << 30);
    let body = NodeRecord::new(addrs, class, UnixSeconds::new(0), Sequence::new(0));
    Signed::sign(secret, &NETWORK, body)
}

/// A node that answers `Status` and refuses everything else.
async fn node(bind_to: SocketAddr, seed: u8) -> (Endpoint, Signed<NodeRecord>) {
    let endpoint = endpoint(EndpointRole::Node, bind_to, seed).await;
    let record = record(&endpoint);
    tokio::spawn(serve(endpoint.clone(), record.clone(), answer_status));
    (endpoint, record)
}

/// The number of shards tells who pays: 1 for somebody, 0 for nobody.
async fn answer_status(visitor: Visitor) {
    while let Some(mut inbound) = visitor.next().await {
        let shards = u64::from(visitor.payer().is_some());
        let version = VersionText::new("test").expect("a short text");
        let status = NodeStatus { shards, stored: 0, capacity: 0, version, verdicts: BoundedList::default() };
        tokio::spawn(async move {
            match inbound.request().await {
                Ok(Request::Status) => inbound.answer(&Response::Status(status)).await,
                Ok(other) => inbound.refuse(Refusal::new(Code::Full, other.name())).await,
                Err(error) => inbound.refuse(Refusal::new(error.code(), error.to_string())).await,
            }
        });
    }
}

async fn pool(payer: Option<u8>) -> Pool {
    let endpoint = endpoint(EndpointRole::Client, LOOPBACK, 200).await;
    Pool::new(endpoint, NETWORK, payer.map(|seed| SecretKey::from_bytes(&[seed; 32])))
}

async fn status(peer: &Peer) -> Result<NodeStatus, RequestError> {
    match peer.ask(&Request::Status).await? {
        Response::Status(status) => Ok(status),
        other => Err(RequestError::Unexpected(other.name())),
    }
}

#[tokio::test]
async fn a_client_says_hello_and_asks() {
    let (_node, record) = node(LOOPBACK, 1).await;
    let reader = pool(None).await.connect(&record).await.unwrap();
    assert_eq!(reader.id(), record.by());
    assert_eq!(reader.record(), &record);
    assert_eq!(status(&reader).await.unwrap().shards, 0, "a reader has no payer");
}

#[tokio::test]
async fn an_admission_names_the_payer() {
    let (_node, record) = node(LOOPBACK, 1).await;
    let payer = pool(Some(9)).await.connect(&record).await.unwrap();
    assert_eq!(status(&payer).await.unwrap().shards, 1);
}

#[tokio::test]
async fn a_refusal_reaches_the_client_as_one() {
    let (_node, record) = node(LOOPBACK, 1).await;
    let peer = pool(None).await.connect(&record).await.unwrap();
    let request = Request::Fetch { root: proofs::Root::from_bytes([0; 32]) };
    let refused = peer.ask(&request).await.unwrap_err();
    assert!(matches!(refused, RequestError::Refused(refusal) if refusal.code() == Code::Full));
    assert!(status(&peer).await.is_ok(), "the connection still stands");
}

#[tokio::test]
async fn everyone_who_connects_at_once_shares_one_connection() {
    let endpoint = endpoint(EndpointRole::Node, LOOPBACK, 1).await;
    let record = record(&endpoint);
    let (sender, mut visitors) = tokio::sync::mpsc::channel(100);
    tokio::spawn(serve(endpoint, record.clone(), move |visitor: Visitor| {
        let sender = sender.clone();
        async move {
            sender.send(visitor.id()).await.unwrap();
            answer_status(visitor).await;
        }
    }));
    let pool = pool(None).await;
    let connecting = (0..50).map(|_| {
        let (pool, record) = (pool.clone(), record.clone());
        tokio::spawn(async move { status(&pool.connect(&record).await.unwrap()).await.unwrap() })
    });
    for task in connecting.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert!(visitors.recv().await.is_some());
    assert!(visitors.try_recv().is_err(), "a second connection was made");
}

#[tokio::test]
async fn a_client_of_another_network_is_refused() {
    let (_node, record) = node(LOOPBACK, 1).await;
    let endpoint = endpoint(EndpointRole::Client, LOOPBACK, 200).await;
    let stranger = Pool::new(endpoint, NetworkId::from_bytes([8; 32]), None);
    let refused = stranger.connect(&record).await.unwrap_err();
    assert!(
        matches!(&refused, ConnectError::Hello { source: HelloError::Refused(refusal), .. }
            if refusal.code() == Code::WrongNetwork && refusal.detail().contains("0808")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_node_with_a_new_key_is_called_another_one() {
    let (endpoint, _) = node(LOOPBACK, 1).await;
    let before = record_at(endpoint.bound_sockets(), &SecretKey::from_bytes(&[2; 32]));
    let error = pool(None).await.connect(&before).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Another { id, .. } if *id == before.by()), "{error}");
}

#[tokio::test]
async fn a_first_stream_that_is_no_hello_ends_the_connection() {
    let (_node, record) = node(LOOPBACK, 1).await;
    let client = endpoint(EndpointRole::Client, LOOPBACK, 200).await;
    let address = iroh::EndpointAddr::new(record.by()).with_ip_addr(record.body().addrs.first());
    let status = protocol::frame::encode_header(&Request::Status).unwrap();
    let too_long = vec![0xff; 64];
    let unfinished = vec![9, 0, 0, 0];
    for first in [status, too_long, unfinished, Vec::new()] {
        let connection = client.connect(address.clone(), ALPN).await.unwrap();
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(&first).await.unwrap();
        send.finish().unwrap();
        let answer = receive.read_to_end(1000).await.unwrap();
        let framed = protocol::frame::decode_header::<Response>(&answer).unwrap().unwrap();
        assert!(
            matches!(&framed.header, Response::Refused(refusal) if refusal.code() == Code::BadRequest),
            "{framed:?}"
        );
        let reason = connection.closed().await;
        let expected = u64::from(Code::BadRequest.number());
        assert!(
            matches!(&reason, iroh::endpoint::ConnectionError::ApplicationClosed(close)
                if close.error_code.into_inner() == expected),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_restarted_node_is_dialled_again() {
    let (mut running, record) = node(LOOPBACK, 1).await;
    let address = running.bound_sockets()[0];
    let pool = pool(None).await;
    for _ in 0..3 {
        let peer = pool.connect(&record).await.unwrap();
        assert!(status(&peer).await.is_ok());
        running.close().await;
        drop(running);
        running = node(address, 1).await.0;
        while peer.is_connected() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_node_given_up_is_dialled_again() {
    let (_node, record) = node(LOOPBACK, 1).await;
    let pool = pool(None).await;
    let before = pool.connect(&record).await.unwrap();
    pool.disconnect(&record.by()).await;
    assert!(!before.is_connected());
    let after = pool.connect(&record).await.unwrap();
    assert!(status(&after).await.is_ok());
}

#[tokio::test]
async fn a_dead_node_costs_the_timeout_once() {
    let silent = std::net::UdpSocket::bind(LOOPBACK).unwrap();
    let record = record_at(vec![silent.local_addr().unwrap()], &SecretKey::from_bytes(&[1; 32]));
    let pool = pool(None).await;
    let (first, second) = tokio::join!(pool.connect(&record), pool.connect(&record));
    let (first, second) = (first.unwrap_err(), second.unwrap_err());
    assert!(matches!(first, ConnectError::Timeout { .. }), "{first}");
    assert!(matches!(second, ConnectError::Pausing { .. }), "{second}");
    assert!(second.to_string().contains("did not answer"), "{second}");
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_stop_the_dialling() {
    let (_node, record) = node(LOOPBACK, 1).await;
    let pool = pool(None).await;
    // Polled once: the dialling has begun, and nobody waits for it any more.
    let impatient = tokio::time::timeout(Duration::ZERO, pool.connect(&record)).await;
    assert!(impatient.is_err());
    assert!(status(&pool.connect(&record).await.unwrap()).await.is_ok());
}

/// A node that does the same with every request.
async fn node_that<F>(answer: fn(Inbound) -> F) -> Signed<NodeRecord>
where
    F: Future<Output = ()> + Send + 'static,
{
    let endpoint = endpoint(EndpointRole::Node, LOOPBACK, 1).await;
    let record = record(&endpoint);
    tokio::spawn(serve(endpoint, record.clone(), move |visitor: Visitor| async move {
        while let Some(mut inbound) = visitor.next().await {
            inbound.request().await.unwrap();
            tokio::spawn(answer(inbound));
        }
    }));
    record
}

/// The slice that follows the answer to some request.
async fn slice_from(node: &Signed<NodeRecord>, max: usize) -> Result<Bytes, StreamError> {
    let peer = pool(None).await.connect(node).await.unwrap();
    let mut exchange = peer.request(&Request::Status).await.unwrap();
    exchange.receiving.header::<Response>().await?;
    exchange.receiving.rest(max).await
}

/// A sender that is dropped before the end must not leave a shorter body that looks whole.
#[tokio::test]
async fn a_body_that_was_given_up_does_not_end() {
    let node = node_that(|mut inbound| async move {
        inbound.sending.header(&Response::Slice).await.unwrap();
        inbound.sending.bytes(Bytes::from_static(b"half of the")).await.unwrap();
        drop(inbound.sending);
    });
    let given_up = slice_from(&node.await, 1000).await.unwrap_err();
    assert!(matches!(given_up, StreamError::Abandoned), "{given_up}");
}

#[tokio::test]
async fn a_body_that_turns_out_bad_ends_with_the_reason() {
    let node = node_that(|mut inbound| async move {
        inbound.sending.header(&Response::Slice).await.unwrap();
        inbound.sending.bytes(Bytes::from_static(b"half of the")).await.unwrap();
        inbound.sending.reset(Code::Corrupt);
    });
    let given_up = slice_from(&node.await, 1000).await.unwrap_err();
    assert!(matches!(given_up, StreamError::Refused(Code::Corrupt)), "{given_up}");
}

#[tokio::test]
async fn a_body_has_the_length_that_is_allowed() {
    async fn ten_bytes(mut inbound: Inbound) {
        inbound.sending.header(&Response::Slice).await.unwrap();
        let mut halves = [Bytes::from_static(b"01234"), Bytes::from_static(b"56789")];
        inbound.sending.chunks(&mut halves).await.unwrap();
        inbound.sending.finish();
    }
    let node = node_that(ten_bytes).await;
    assert_eq!(slice_from(&node, 10).await.unwrap(), "0123456789");
    assert_eq!(slice_from(&node, 11).await.unwrap(), "0123456789");
    let longer = slice_from(&node, 9).await.unwrap_err();
    assert!(matches!(longer, StreamError::TooLong { max: 9 }), "{longer}");
}

#[tokio::test]
async fn bytes_come_the_same_in_chunks_and_in_runs() {
    const LEN: usize = 3_000_000;
    fn byte(place: usize) -> u8 {
        u8::try_from(place % 251).expect("below 251")
    }
    let node = node_that(|mut inbound| async move {
        let body: Bytes = (0..LEN).map(byte).collect();
        inbound.sending.bytes(body).await.unwrap();
        inbound.sending.finish();
    });
    let peer = pool(None).await.connect(&node.await).await.unwrap();
    let mut exchange = peer.request(&Request::Status).await.unwrap();
    let mut place = 0;
    loop {
        let (from, max) = (&mut exchange.receiving, 1 + place % 100_000);
        let bytes = if place % 2 == 0 { from.run(max).await } else { from.chunk(max).await };
        let Some(bytes) = bytes.unwrap() else { break };
        assert!((1..=max).contains(&bytes.len()), "{} of {max}", bytes.len());
        assert!(bytes.iter().enumerate().all(|(offset, read)| *read == byte(place + offset)));
        place += bytes.len();
    }
    assert_eq!(place, LEN);
}

/// A client that is refused in the middle of its body stops sending, and still reads why.
#[tokio::test]
async fn a_refused_body_is_stopped() {
    let node = node_that(|inbound| async move {
        inbound.refuse(Refusal::new(Code::Full, "no room")).await.unwrap();
    });
    let peer = pool(None).await.connect(&node.await).await.unwrap();
    let put = Request::Put {
        max_len: proofs::ShardLen::new(1 << 28).unwrap(),
        expires: UnixSeconds::new(0),
        mandate: Unverified::from_bytes(Vec::new()).unwrap(),
    };
    let mut exchange = peer.request(&put).await.unwrap();
    let stopped = loop {
        if let Err(error) = exchange.sending.bytes(Bytes::from(vec![0; 1 << 16])).await {
            break error;
        }
    };
    assert!(matches!(stopped, StreamError::Refused(Code::Full)), "{stopped}");
    let refused = exchange.response().await.unwrap_err();
    assert!(matches!(&refused, RequestError::Refused(refusal) if refusal.detail() == "no room"), "{refused}");
}

/// Windows above 2 MiB make noq close the connection while a reader is slow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_of_256_mib_keeps_its_connection() {
    const LEN: usize = 256 << 20;
    const PIECE: usize = 1 << 20;
    let endpoint = endpoint(EndpointRole::Node, LOOPBACK, 1).await;
    let record = record(&endpoint);
    tokio::spawn(serve(endpoint, record.clone(), |visitor: Visitor| async move {
        while let Some(mut inbound) = visitor.next().await {
            inbound.request().await.unwrap();
            let piece = Bytes::from(vec![0xa5; PIECE]);
            for _ in 0..LEN / PIECE {
                inbound.sending.bytes(piece.clone()).await.unwrap();
            }
            inbound.sending.finish();
        }
    }));
    let peer = pool(None).await.connect(&record).await.unwrap();
    let mut exchange = peer.request(&Request::Status).await.unwrap();
    let (mut received, mut next_nap) = (0, 0);
    while let Some(chunk) = exchange.receiving.chunk(1 << 16).await.unwrap() {
        assert!(chunk.iter().all(|byte| *byte == 0xa5));
        received += chunk.len();
        if received >= next_nap {
            tokio::time::sleep(Duration::from_millis(20)).await;
            next_nap = received + 4 * PIECE;
        }
    }
    assert_eq!(received, LEN);
    assert!(peer.is_connected());
}

#[tokio::test]
async fn one_client_has_a_bounded_number_of_connections() {
    let (_node, record) = node(LOOPBACK, 1).await;
    let mut pools = Vec::new();
    let client = endpoint(EndpointRole::Client, LOOPBACK, 200).await;
    for _ in 0..network::CONNECTIONS_PER_PEER_MAX {
        let pool = Pool::new(client.clone(), NETWORK, None);
        let peer = pool.connect(&record).await.unwrap();
        pools.push((pool, peer));
    }
    let one_more = Pool::new(client.clone(), NETWORK, None);
    let refused = one_more.connect(&record).await.unwrap_err();
    assert!(
        matches!(&refused, ConnectError::Hello { source: HelloError::Refused(refusal), .. }
            if refusal.code() == Code::Busy),
        "{refused}"
    );
    pools.pop().unwrap().0.disconnect(&record.by()).await;
    let since = Instant::now();
    while one_more.connect(&record).await.is_err() {
        assert!(since.elapsed() < Duration::from_secs(20), "the place is never given back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
