//! Nodes that sell what is read from them: who does not pay is cut off at the credit, who pays goes on, and what is owed
//! is on both disks before anybody is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use chunker::Link;
use client::Client;
use client::health::Standing;
use e2e::harness::{TestNetwork, bytes};
use gateway::{NodePayments, PayConfig, Till};
use protocol::{
    Allocation, Amount, NetworkId, Promise, PublicKey, ReadPrice, SecretKey, Signed, UnixSeconds, Voucher,
};
use serde_json::{Value, json};
use storage_node::{NodeConfig, Selling, kept_vouchers};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// What a node sends before it is paid: more than any one read, and of three nodes together less than the object.
const CREDIT: u64 = 2 << 20;
const LEN: usize = 8 << 20;
/// A micro-unit for 16 bytes.
const PRICE: u64 = 1 << 26;
const COLLATERAL: u64 = 1 << 22;
const EPOCH: u64 = 7;

fn issuer() -> SecretKey {
    SecretKey::from_bytes(&[40; 32])
}

fn gateway_key() -> SecretKey {
    SecretKey::from_bytes(&[41; 32])
}

/// A ledger that promises all allocations, and remembers them.
#[derive(Clone)]
struct Ledger {
    network: NetworkId,
    allocations: Arc<Mutex<HashMap<(PublicKey, u32), u64>>>,
    /// What is set aside for this node is never promised.
    slow: Arc<OnceLock<PublicKey>>,
}

impl Ledger {
    async fn serve(network: NetworkId) -> anyhow::Result<(Self, String)> {
        let ledger = Self { network, allocations: Arc::default(), slow: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new()
            .route("/v1/terms", get(terms))
            .route("/v1/records", post(record))
            .with_state(ledger.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((ledger, url))
    }

    fn signed_for(&self) -> NetworkId {
        self.network.at_ledger(&issuer().public())
    }

    fn allocated(&self) -> HashMap<(PublicKey, u32), u64> {
        self.allocations.lock().expect("nobody panics beside it").clone()
    }
}

async fn terms(State(ledger): State<Ledger>) -> Json<Value> {
    let (issuer, ends) = (issuer().public().to_string(), now().plus(3600).get());
    Json(
        json!({ "issuer": issuer, "network": ledger.network.to_string(), "epoch": EPOCH, "epoch_ends": ends }),
    )
}

async fn record(State(ledger): State<Ledger>, body: Bytes) -> Vec<u8> {
    let allocation = Signed::<Allocation>::decode(&body, &ledger.signed_for()).expect("it is an allocation");
    let said = allocation.body();
    assert_eq!((allocation.by(), said.epoch.get()), (gateway_key().public(), EPOCH));
    if ledger.slow.get() == Some(&said.payee) {
        std::future::pending::<()>().await;
    }
    let lane = (said.payee, said.lane.get());
    let before = ledger.allocations.lock().expect("nobody panics beside it").insert(lane, said.amount.get());
    assert!(before.is_none_or(|before| before == said.amount.get()), "another amount for a lane");
    let promise = Promise { name: allocation.name(), taken: now(), until: now().plus(4000) };
    Signed::sign(&issuer(), &ledger.signed_for(), promise).encode()
}

fn now() -> UnixSeconds {
    std::time::SystemTime::now().into()
}

fn selling(config: &mut NodeConfig, micro: u64) {
    let micro = Amount::new(micro).expect("it is an amount");
    let price = ReadPrice { ledger: issuer().public(), micro };
    config.selling = Some(Selling { price, credit: CREDIT });
}

/// Nodes that sell, an object on them, and a ledger.
struct Stage {
    network: TestNetwork,
    ledger: Ledger,
    url: String,
    link: Link,
    folder: tempfile::TempDir,
}

impl Stage {
    /// The first node asks `first` for a GiB, the others [`PRICE`].
    async fn new(nodes: usize, coding: &str, first: u64) -> anyhow::Result<Self> {
        let network = TestNetwork::start_with(nodes, |index, config| {
            selling(config, if index == 0 { first } else { PRICE });
        })
        .await?;
        let report = network.put(&network.client().await?, coding, &bytes(3, LEN), 1).await?;
        let (ledger, url) = Ledger::serve(network.file().network).await?;
        Ok(Self { network, ledger, url, link: report.link, folder: tempfile::tempdir()? })
    }

    /// A client that pays, as a gateway's does; and the till from which it does.
    async fn paying(&self) -> anyhow::Result<(Client, Till)> {
        // reqwest asks for a TLS provider even for plain HTTP; another test may have installed it already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let (receipts, secret) = (self.folder.path().join("receipts.redb"), gateway_key());
        let config = PayConfig { ledger: self.url.parse()?, receipts, secret, credit_bytes: 1 };
        let till = Till::open(config, self.ledger.network).await?;
        let payments = NodePayments { collateral: Amount::new(COLLATERAL)?, price_max: Amount::new(PRICE)? };
        Ok((self.network.reader().await?.paid_by(till.pay_nodes(payments)), till))
    }

    async fn read(&self, client: &Client) -> anyhow::Result<()> {
        anyhow::ensure!(crate::get(client, &self.link).await? == bytes(3, LEN), "other bytes");
        Ok(())
    }

    /// What a node has of the gateway: the vouchers, newest of each lane.
    fn vouchers(&self, index: usize) -> anyhow::Result<Vec<Voucher>> {
        let kept = kept_vouchers(&self.network.dir(index))?;
        assert!(kept.iter().all(|kept| kept.voucher.by() == gateway_key().public()));
        Ok(kept.iter().map(|kept| *kept.voucher.body()).collect())
    }

    fn paid_to(&self, index: usize) -> anyhow::Result<u64> {
        Ok(self.vouchers(index)?.iter().map(|voucher| voucher.bytes).sum())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_pay_is_cut_off_and_who_pays_goes_on() -> anyhow::Result<()> {
    let mut stage = Stage::new(3, "2+1", PRICE).await?;
    let before: Vec<_> =
        (0..3).filter_map(|index| stage.network.stats(index)).map(|stats| stats.sent).collect();
    let stranger = stage.network.reader().await?;
    assert!(stage.read(&stranger).await.is_err(), "it was read for nothing");
    for (index, before) in before.into_iter().enumerate() {
        let sent = stage.network.stats(index).map_or(0, |stats| stats.sent) - before;
        assert!(sent <= CREDIT, "node {index} has sent {sent} bytes for nothing");
    }

    // From the same address, where all credit is used up.
    let (client, till) = stage.paying().await?;
    stage.read(&client).await?;
    client.pay_nodes().await;
    let paid: Vec<_> = (0..3).map(|index| stage.paid_to(index)).collect::<Result<_, _>>()?;
    assert!(paid.iter().sum::<u64>() >= LEN as u64, "{paid:?}");
    for index in 0..3 {
        for voucher in stage.vouchers(index)? {
            let cost = (voucher.bytes * PRICE) >> 30;
            assert!((cost..cost + 64).contains(&voucher.amount.get()), "{voucher:?}");
            let lane = (voucher.payee, voucher.lane.get());
            assert!(voucher.amount.get() <= stage.ledger.allocated()[&lane]);
        }
    }
    assert!(stage.ledger.allocated().values().sum::<u64>() <= COLLATERAL);

    // Power cuts on both sides: what was acknowledged still is, and everybody goes on from there.
    drop((client, till));
    for index in 0..3 {
        stage.network.kill(index);
        stage.network.restart(index).await?;
    }
    assert_eq!((0..3).map(|index| stage.paid_to(index)).collect::<anyhow::Result<Vec<_>>>()?, paid);
    let (client, _till) = stage.paying().await?;
    stage.read(&client).await?;
    client.pay_nodes().await;
    let again: u64 = (0..3).map(|index| stage.paid_to(index)).sum::<anyhow::Result<_>>()?;
    assert!(again >= paid.iter().sum::<u64>() + LEN as u64, "{again} after {paid:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_is_slow_about_one_node_keeps_no_other_waiting() -> anyhow::Result<()> {
    // A gateway gives a ledger up after 20 s: until then nothing comes of what is set aside for the first node.
    const LONG_BEFORE: Duration = Duration::from_secs(15);
    let stage = Stage::new(3, "2+1", PRICE).await?;
    let first = stage.network.file().nodes[0].by();
    stage.ledger.slow.set(first).expect("it is set once");
    let (client, _till) = stage.paying().await?;
    timeout(LONG_BEFORE, stage.read(&client)).await??;
    let paying = tokio::spawn(async move { client.pay_nodes().await });
    let others_are_paid = async {
        while stage.paid_to(1)? + stage.paid_to(2)? < LEN as u64 - CREDIT {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    timeout(LONG_BEFORE, others_are_paid).await??;
    assert!(stage.vouchers(0)?.is_empty() && !paying.is_finished(), "its allocation lies with the ledger");
    paying.abort();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_too_dear_is_asked_only_when_no_others_serve() -> anyhow::Result<()> {
    let mut stage = Stage::new(3, "2+1", PRICE + 1).await?;
    let sent = |stage: &Stage| stage.network.stats(0).map_or(0, |stats| stats.sent);
    let before = sent(&stage);
    let (client, _till) = stage.paying().await?;
    let ids: Vec<_> = stage.network.file().nodes.iter().map(Signed::by).collect();
    let standing = ids.iter().map(|node| client.health(*node).standing).collect::<Vec<_>>();
    assert_eq!(standing, [Standing::Suspect, Standing::Good, Standing::Good]);
    // It may be asked where others are slow, and is not paid.
    stage.read(&client).await?;
    client.pay_nodes().await;
    assert!(stage.vouchers(0)?.is_empty());
    assert!(stage.paid_to(1)? + stage.paid_to(2)? >= LEN as u64 - CREDIT);
    stage.network.kill(1);
    assert!(stage.read(&client).await.is_err(), "two of three shards have to be bought");
    assert!(sent(&stage) > before, "it was asked when there was nobody else");
    assert!(stage.vouchers(0)?.is_empty());
    Ok(())
}
