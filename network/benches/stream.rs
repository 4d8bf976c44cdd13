//! Raw bytes over iroh streams on the loopback interface, with our settings and with one of them changed.
//!
//! Both ends run in this process, so the CPU time is that of client and node together. Rounds of all variants
//! take turns: what else the machine does hits them alike. `cargo bench -p network --bench stream -- ROUNDS WORD`
//! runs the variants whose name contains WORD.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use iroh::endpoint::{AckFrequencyConfig, QuicTransportConfig, QuicTransportConfigBuilder, VarInt};
use network::{EndpointOptions, EndpointRole, Peer, Pool, Visitor, bind_with, quic_settings, serve};
use noq::congestion::CubicConfig;
use proofs::Root;
use protocol::{
    Addresses, CapacityClass, NetworkId, NodeRecord, Request, SecretKey, Sequence, Signed, UnixSeconds,
};

const LEN: u32 = 256 << 20;
const PIECE: usize = 64 << 10;
const REQUESTS: u32 = 4000;
const IN_FLIGHT: u32 = 8;
const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

struct Variant {
    name: &'static str,
    streams: usize,
    read: Read,
    change: fn(QuicTransportConfigBuilder) -> QuicTransportConfigBuilder,
}

#[derive(Clone, Copy)]
enum Read {
    Chunks,
    Runs,
}

const OURS: Variant = Variant { name: "ours", streams: 1, read: Read::Chunks, change: |quic| quic };

const VARIANTS: [Variant; 15] = [
    OURS,
    Variant { name: "ours, copied into runs", read: Read::Runs, ..OURS },
    Variant { name: "ours, 4 streams", streams: 4, ..OURS },
    Variant { name: "iroh's defaults", change: |_| QuicTransportConfig::builder(), ..OURS },
    Variant { name: "acknowledge after 1 or 25 ms", change: |quic| ack_after(quic, 1, None), ..OURS },
    Variant { name: "acknowledge after 10 or 25 ms", change: |quic| ack_after(quic, 10, None), ..OURS },
    Variant { name: "acknowledge after 20 or 25 ms", change: |quic| ack_after(quic, 20, None), ..OURS },
    Variant { name: "acknowledge after 20 or 2 ms", change: |quic| ack_after(quic, 20, Some(2)), ..OURS },
    Variant { name: "acknowledge after 80 or 25 ms", change: |quic| ack_after(quic, 80, None), ..OURS },
    Variant {
        name: "stream window 1 MiB",
        change: |quic| quic.stream_receive_window(VarInt::from_u32(1 << 20)),
        ..OURS
    },
    Variant {
        name: "stream window 2 MiB",
        change: |quic| quic.stream_receive_window(VarInt::from_u32(2 << 20)),
        ..OURS
    },
    Variant { name: "fairness off", change: |quic| quic.send_fairness(false), ..OURS },
    Variant { name: "initial MTU 1452", change: |quic| quic.initial_mtu(1452), ..OURS },
    Variant { name: "send window 2 MiB", change: |quic| quic.send_window(2 << 20), ..OURS },
    Variant {
        name: "plain Cubic",
        change: |quic| quic.congestion_controller_factory(Arc::new(plain_cubic())),
        ..OURS
    },
];

fn plain_cubic() -> CubicConfig {
    let mut cubic = CubicConfig::default();
    cubic.initial_window(512 << 10);
    cubic
}

fn ack_after(
    quic: QuicTransportConfigBuilder,
    packets: u32,
    delay_ms: Option<u64>,
) -> QuicTransportConfigBuilder {
    let mut frequency = AckFrequencyConfig::default();
    frequency.ack_eliciting_threshold(VarInt::from_u32(packets));
    frequency.max_ack_delay(delay_ms.map(Duration::from_millis));
    quic.ack_frequency_config(Some(frequency))
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let rounds: usize = arguments.first().map_or(Ok(3), |rounds| rounds.parse())?;
    let word = arguments.get(1).map_or("", String::as_str);
    let chosen: Vec<&Variant> = VARIANTS.iter().filter(|variant| variant.name.contains(word)).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;

    let mut results = vec![Vec::new(); chosen.len()];
    for _ in 0..rounds {
        for (variant, results) in chosen.iter().zip(&mut results) {
            results.push(runtime.block_on(measure(variant))?);
        }
    }
    println!(
        "medians (and best) of {rounds} rounds         one bulk transfer                  64 KiB, {IN_FLIGHT} in flight"
    );
    println!(
        "{:30} {:>14} {:>16} {:>10} {:>9} {:>9}",
        "", "MB/s", "CPU-s/GB", "requests/s", "p50 ms", "p99 ms"
    );
    for (variant, results) in chosen.iter().zip(results) {
        let sorted = |value: fn(&Measured) -> f64| {
            let mut values: Vec<f64> = results.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            (values[values.len() / 2], values[0], values[values.len() - 1])
        };
        let (speed, _, best_speed) = sorted(|m| f64::from(LEN) / 1e6 / m.wall.as_secs_f64());
        let (cost, best_cost, _) = sorted(|m| m.cpu.as_secs_f64() * 1e9 / f64::from(LEN));
        let rate = sorted(|m| f64::from(REQUESTS) / m.requests_wall.as_secs_f64()).0;
        let (half, most) = (sorted(|m| m.p50.as_secs_f64() * 1e3).0, sorted(|m| m.p99.as_secs_f64() * 1e3).0);
        println!(
            "{:30} {speed:7.0} ({best_speed:4.0}) {cost:9.2} ({best_cost:4.2}) {rate:10.0} {half:9.2} {most:9.2}",
            variant.name
        );
    }
    Ok(())
}

#[derive(Clone)]
struct Measured {
    wall: Duration,
    cpu: Duration,
    requests_wall: Duration,
    p50: Duration,
    p99: Duration,
}

/// Wall and CPU time of one transfer over a fresh connection that has carried a little before, then the
/// latency of small requests.
async fn measure(variant: &Variant) -> anyhow::Result<Measured> {
    let peer = connect(variant).await?;
    receive(&peer, variant, LEN / 16).await?;
    let (wall, cpu) = (Instant::now(), cpu_time()?);
    receive(&peer, variant, LEN).await?;
    let (wall, cpu) = (wall.elapsed(), cpu_time()?.saturating_sub(cpu));

    let started = Instant::now();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        askers.spawn(ask_in_turn(peer.clone()));
    }
    let mut latencies = Vec::new();
    while let Some(asked) = askers.join_next().await {
        latencies.extend(asked??);
    }
    let requests_wall = started.elapsed();
    latencies.sort_unstable();
    let (p50, p99) = (latencies[latencies.len() / 2], latencies[latencies.len() * 99 / 100]);
    Ok(Measured { wall, cpu, requests_wall, p50, p99 })
}

async fn ask_in_turn(peer: Peer) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    for _ in 0..REQUESTS / IN_FLIGHT {
        let asked = Instant::now();
        let mut exchange = peer.request(&Request::Fetch { root: Root::from_bytes([0; 32]) }).await?;
        let answer = exchange.receiving.rest(PIECE).await?;
        anyhow::ensure!(answer.len() == PIECE, "an answer of {} bytes", answer.len());
        latencies.push(asked.elapsed());
    }
    Ok(latencies)
}

async fn receive(peer: &Peer, variant: &Variant, len: u32) -> anyhow::Result<()> {
    let part = len as usize / variant.streams;
    let read = variant.read;
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..variant.streams {
        let mut exchange = peer.request(&Request::Status).await?;
        readers.spawn(async move {
            let mut received = 0;
            // The node sends without end, and stops when the exchange is dropped.
            while received < part {
                let bytes = match read {
                    Read::Chunks => exchange.receiving.chunk(PIECE).await?,
                    Read::Runs => exchange.receiving.run(PIECE).await?,
                };
                received += bytes.map_or(0, |bytes| bytes.len());
            }
            Ok::<_, network::StreamError>(())
        });
    }
    while let Some(reader) = readers.join_next().await {
        reader??;
    }
    Ok(())
}

async fn connect(variant: &Variant) -> anyhow::Result<Peer> {
    let bind_as = |role, seed| {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        let options = EndpointOptions { role, bind: address, secret: SecretKey::from_bytes(&[seed; 32]) };
        bind_with(options, (variant.change)(quic_settings(role)).build())
    };
    let node = bind_as(EndpointRole::Node, 1).await?;
    let addrs = Addresses::new(node.bound_sockets())?;
    let body = NodeRecord::new(addrs, CapacityClass::of_capacity(0), UnixSeconds::new(0), Sequence::FIRST);
    let record = Signed::sign(node.secret_key(), &NETWORK, body);
    tokio::spawn(serve(node, record.clone(), send_pieces));
    let pool = Pool::new(bind_as(EndpointRole::Client, 2).await?, NETWORK, None);
    Ok(pool.connect(&record).await?)
}

/// `Status` is answered without end, everything else with one piece.
async fn send_pieces(visitor: Visitor) {
    let piece = Bytes::from(vec![0xa5; PIECE]);
    while let Some(mut inbound) = visitor.next().await {
        let piece = piece.clone();
        tokio::spawn(async move {
            if let Ok(Request::Status) = inbound.request().await {
                while inbound.sending.bytes(piece.clone()).await.is_ok() {}
            } else if inbound.sending.bytes(piece).await.is_ok() {
                inbound.sending.finish();
            }
        });
    }
}

/// CPU time of all threads of this process: fields 14 and 15 of its `stat`, in hundredths of a second.
fn cpu_time() -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: Vec<u64> = after_name.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(10 * ticks.iter().sum::<u64>()))
}
