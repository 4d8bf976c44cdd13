//! Measures a folder of records on a network that runs: `records NETWORK-FILE COUNT BYTES READS K+M` puts so many records of so
//! many bytes, and reads some of them at random, one after the other, as a program does that has opened the folder.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use account::{Account, BoxError, PackPut, Packed, RecordFolder};
use anyhow::{Context, bail, ensure};
use chunker::{AccountSecret, Coding};
use client::{Client, ClientOptions};
use futures_util::stream;
use network::{EndpointOptions, EndpointRole, Members, NetworkFile, Pool, bind};
use protocol::{SecretKey, UnixSeconds};
use sharing::{Catalogue, IndexPath};

const USAGE: &str = "usage: records NETWORK-FILE COUNT BYTES READS K+M";
/// How long nodes are to keep what is measured, in seconds.
const KEPT_S: u64 = 86_400;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, count, len, reads, coding] = arguments.as_slice() else { bail!(USAGE) };
    let network = NetworkFile::load(Path::new(network))?;
    let (count, len): (u64, usize) = (count.parse().context(USAGE)?, len.parse().context(USAGE)?);
    let (reads, coding): (u64, Coding) = (reads.parse().context(USAGE)?, coding.parse()?);
    let account = Account::new(AccountSecret::from_bytes(rand::random()));
    let payer = SecretKey::from_bytes(account.secret().payer_seed().expose());

    let writer = connect(&network, Some(payer)).await?;
    let packed = put(&writer, &account, coding, count, len).await?;
    let catalogue = Catalogue::new(packed.packs)?;
    let link = enter(&writer, &account, coding, &catalogue).await?;
    // Whoever reads has put nothing, and knows no node yet.
    let reader = connect(&network, None).await?;
    let begun = Instant::now();
    let folder = RecordFolder::open(&reader, &reader.open(&link).await?).await?;
    println!("folder opened: {:.1} ms", milliseconds(begun.elapsed()));
    for pass in ["first reads, which meet each pack", "reads after them"] {
        let took = read(&folder, reads, count, len).await?;
        let quantile = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1];
        println!(
            "{pass}: p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
            quantile(50),
            quantile(95),
            quantile(99),
            quantile(100),
        );
    }
    Ok(())
}

async fn connect(network: &NetworkFile, payer: Option<SecretKey>) -> anyhow::Result<Client> {
    let options = EndpointOptions {
        role: EndpointRole::Client,
        bind: "127.0.0.1:0".parse()?,
        secret: SecretKey::generate(),
    };
    let pool = Pool::new(bind(options).await?, network.network, payer);
    let client = Client::new(pool, Members::from(network), ClientOptions::default());
    client.meet_nodes(Duration::from_secs(5)).await;
    Ok(client)
}

fn packing<'a>(client: &'a Client, account: &'a Account, coding: Coding) -> PackPut<'a> {
    let until = UnixSeconds::from(SystemTime::now()).plus(KEPT_S);
    PackPut { client, account, coding, required: chunker::RequiredTags::default(), until }
}

async fn put(
    client: &Client,
    account: &Account,
    coding: Coding,
    count: u64,
    len: usize,
) -> anyhow::Result<Packed> {
    let records =
        stream::iter((0..count).map(|number| Ok::<_, BoxError>((name(number), record(number, len)))));
    let (begun, mut packed) = (Instant::now(), Packed::default());
    packing(client, account, coding).put(records, &mut packed, |_| {}).await?;
    let seconds = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let (plain, stored, records) = (count as f64 * len as f64, packed.stored_bytes as f64, count as f64);
    println!(
        "{count} records of {len} bytes in {} packs: {seconds:.1} s, {:.0} records/s, stored bytes {:.4} of theirs",
        packed.packs.len(),
        records / seconds,
        stored / plain,
    );
    Ok(packed)
}

async fn enter(
    client: &Client,
    account: &Account,
    coding: Coding,
    catalogue: &Catalogue,
) -> anyhow::Result<chunker::Link> {
    let put = packing(client, account, coding);
    let report = put.put_catalogue(catalogue, None, account.new_secrets()).await?;
    println!("catalogue: {} bytes", report.size);
    Ok(report.link)
}

/// Milliseconds of each read, ascending.
async fn read(folder: &RecordFolder, reads: u64, count: u64, len: usize) -> anyhow::Result<Vec<f64>> {
    let mut took = Vec::new();
    for _ in 0..reads {
        let number = rand::random::<u64>() % count;
        let begun = Instant::now();
        let found = folder.read(&name(number)).await?.context("it was put")?;
        took.push(milliseconds(begun.elapsed()));
        ensure!(found == record(number, len), "record {number} is another one");
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}

fn name(number: u64) -> IndexPath {
    IndexPath::new(format!("ward {:03}/{number:08}.json", number / 1000 % 1000)).expect("it is one")
}

/// Bytes that look random, and follow from the number.
fn record(number: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
