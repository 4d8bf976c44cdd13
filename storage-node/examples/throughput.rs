//! How fast a node in a process of its own takes and gives shards, beside a raw stream with the same settings,
//! and how much memory it needs: `cargo run --release -p storage-node --example throughput`.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a measurement for people")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use data_encoding::HEXLOWER;
use iroh::endpoint::Connection;
use network::{Endpoint, EndpointOptions, EndpointRole, Peer, Pool};
use proofs::{LeafSet, Root, ShardLen};
use protocol::{
    ALPN, ByteHours, Mandate, NetworkId, NodeRecord, PublicKey, Request, Response, SecretKey, Signed,
    UnixSeconds,
};
use storage_node::{AdmissionPolicy, Node, NodeConfig};

const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);
const MIB: usize = 1 << 20;
const PIECE: usize = 128 * 1024;

#[tokio::main]
async fn main() {
    match std::env::args().nth(1) {
        Some(dir) => serve(&dir).await,
        None => measure().await,
    }
}

async fn bind(role: EndpointRole) -> Endpoint {
    let bind = "127.0.0.1:0".parse().unwrap();
    network::bind(EndpointOptions { role, bind, secret: SecretKey::generate() }).await.unwrap()
}

async fn serve(dir: &str) {
    let mut config = NodeConfig::new(dir, NETWORK);
    config.admission = AdmissionPolicy::Open;
    let node = Node::spawn(config).await.unwrap();
    let raw = bind(EndpointRole::Node).await;
    println!("{}", HEXLOWER.encode(&node.record().encode()));
    println!("{} {}", raw.id(), raw.bound_sockets()[0]);
    while let Some(incoming) = raw.accept().await {
        let connection = incoming.await.unwrap();
        tokio::spawn(give_raw(connection));
    }
}

/// Sends as many MiB as each stream asks for with one byte.
async fn give_raw(connection: Connection) {
    let piece = Bytes::from(vec![7; PIECE]);
    while let Ok((mut send, mut receive)) = connection.accept_bi().await {
        let mut count = [0; 2];
        receive.read_exact(&mut count).await.unwrap();
        for _ in 0..usize::from(u16::from_le_bytes(count)) * MIB / PIECE {
            send.write_chunk(piece.clone()).await.unwrap();
        }
        send.finish().unwrap();
    }
}

fn memory(child: &Child, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e6
}

async fn put(peer: &Peer, payer: &SecretKey, body: &Bytes) {
    let now: UnixSeconds = std::time::SystemTime::now().into();
    let mandate = Mandate {
        byte_hours: ByteHours::new(u64::MAX),
        expires: now.plus(1 << 20),
        holder: payer.public(),
        object: None,
    };
    let mandate = (&Signed::sign(payer, &NETWORK, mandate)).into();
    let max_len = ShardLen::new(body.len() as u64).unwrap();
    let mut exchange =
        peer.request(&Request::Put { max_len, expires: now.plus(86_400), mandate }).await.unwrap();
    exchange.response().await.unwrap();
    for piece in body.chunks(PIECE) {
        exchange.sending.bytes(body.slice_ref(piece)).await.unwrap();
    }
    exchange.sending.finish();
    assert!(matches!(exchange.response().await.unwrap(), Response::Leased { .. }));
}

async fn read(peer: &Peer, root: Root, leaves: LeafSet) -> usize {
    let mut exchange = peer.request(&Request::Read { root, leaves }).await.unwrap();
    exchange.response().await.unwrap();
    let mut len = 0;
    while let Some(chunk) = exchange.receiving.chunk(MIB).await.unwrap() {
        len += chunk.len();
    }
    len
}

async fn raw_read(connection: &Connection, mib: usize) -> usize {
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(&u16::try_from(mib).unwrap().to_le_bytes()).await.unwrap();
    let mut len = 0;
    while let Some(chunk) = receive.read_chunk(MIB).await.unwrap() {
        len += chunk.len();
    }
    len
}

async fn measure() {
    let dir = std::env::temp_dir().join(format!("headwater-throughput-{}", std::process::id()));
    let mut child =
        Command::new(std::env::current_exe().unwrap()).arg(&dir).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let record = HEXLOWER.decode(lines.next().unwrap().as_bytes()).unwrap();
    let record = Signed::<NodeRecord>::decode(&record, &NETWORK).unwrap();
    let raw = lines.next().unwrap();
    let (raw_id, raw_addr) = raw.split_once(' ').unwrap();

    let payer = SecretKey::generate();
    let endpoint = bind(EndpointRole::Client).await;
    let pool = Pool::new(endpoint.clone(), NETWORK, Some(payer.clone()));
    let peer = pool.connect(&record).await.unwrap();
    let raw_addr =
        iroh::EndpointAddr::new(raw_id.parse::<PublicKey>().unwrap()).with_ip_addr(raw_addr.parse().unwrap());
    let raw = endpoint.connect(raw_addr, ALPN).await.unwrap();
    println!("idle: {} MiB", memory(&child, "VmRSS"));

    let mut body = vec![0; 256 * MIB];
    blake3::Hasher::new().finalize_xof().fill(&mut body);
    let body = Bytes::from(body);
    let root = Root::of(&body);
    let len = ShardLen::new(body.len() as u64).unwrap();
    let begun = Instant::now();
    put(&peer, &payer, &body).await;
    println!("put of 256 MiB: {:.0} MB/s", rate(body.len(), begun.elapsed()));
    for _ in 0..3 {
        let begun = Instant::now();
        let raw_len = raw_read(&raw, 256).await;
        let raw_rate = rate(raw_len, begun.elapsed());
        let begun = Instant::now();
        let read_len = read(&peer, root, LeafSet::whole(len)).await;
        let node_rate = rate(read_len, begun.elapsed());
        println!(
            "read of 256 MiB: {node_rate:.0} MB/s, raw stream {raw_rate:.0} MB/s: {:.2}",
            node_rate / raw_rate
        );
    }
    small_reads(&peer, root, len).await;
    small_puts(&peer, &payer, &body).await;
    many_at_once(&peer, &payer, &body, root, len).await;
    println!("now: {} MiB, at most: {} MiB", memory(&child, "VmRSS"), memory(&child, "VmHWM"));
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
}

async fn small_reads(peer: &Peer, root: Root, len: ShardLen) {
    let begun = Instant::now();
    for i in 0..1000_u64 {
        let start = (i * 7919 % 16_000) * 16_384;
        read(peer, root, LeafSet::of_bytes(len, start..start + 65_536).unwrap()).await;
    }
    println!("64 KiB read: {:.0} us", begun.elapsed().as_micros() as f64 / 1000.0);
}

async fn small_puts(peer: &Peer, payer: &SecretKey, body: &Bytes) {
    for (len, count) in [(16_384, 200), (MIB, 32)] {
        let begun = Instant::now();
        let puts: Vec<_> = (0..count)
            .map(|i| {
                let (peer, payer, body) =
                    (peer.clone(), payer.clone(), body.slice(i * len + i..(i + 1) * len + i));
                tokio::spawn(async move { put(&peer, &payer, &body).await })
            })
            .collect();
        for put in puts {
            put.await.unwrap();
        }
        println!(
            "{count} puts of {} KiB at once: {:.0} per second",
            len / 1024,
            count as f64 / begun.elapsed().as_secs_f64()
        );
    }
}

async fn many_at_once(peer: &Peer, payer: &SecretKey, body: &Bytes, root: Root, len: ShardLen) {
    let mut tasks = Vec::new();
    for i in 0..24 {
        let (peer, payer, body) = (peer.clone(), payer.clone(), body.slice(i..16 * MIB + i));
        tasks.push(tokio::spawn(async move {
            put(&peer, &payer, &body).await;
            read(&peer, root, LeafSet::of_bytes(len, 0..64 << 20).unwrap()).await;
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}
