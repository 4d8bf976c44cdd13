//! Nodes that nobody can dial, behind a relay of one's own. The relay is a program of its own: `scripts/test.sh --all`
//! installs it and names it in `IROH_RELAY`.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use client::{Client, ClientOptions};
use e2e::harness::{TestNetwork, bytes};
use network::{EndpointOptions, EndpointRole, Members, Pool, bind_relayed};
use protocol::{RelayUrl, SecretKey};
use tempfile::TempDir;

use crate::get;

/// How long the nodes may take to reach the relay; only a test that fails waits so long.
const REACHED_WITHIN: Duration = Duration::from_mins(1);

/// A relay on the loopback interface that ends with the test.
struct Relay {
    process: Child,
    url: RelayUrl,
    _folder: TempDir,
}

impl Relay {
    fn start() -> anyhow::Result<Self> {
        let program = std::env::var_os("IROH_RELAY").context("IROH_RELAY names no program")?;
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let settings = folder.path().join("relay.toml");
        let text = format!(
            "enable_relay = true\nenable_metrics = false\nenable_quic_addr_discovery = false\n\
             http_bind_addr = \"{address}\"\n"
        );
        fs::write(&settings, text)?;
        let process = Command::new(program)
            .arg("--dev")
            .arg("--config-path")
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { process, url: RelayUrl::new(format!("http://{address}/"))?, _folder: folder })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It fails only where the process has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the program iroh-relay, named by IROH_RELAY"]
async fn nodes_that_cannot_be_dialled_are_reached_through_a_relay() -> anyhow::Result<()> {
    let relay = Relay::start()?;
    let nowhere: SocketAddr = "127.0.0.1:9".parse()?;
    let network = TestNetwork::start_with(4, |_, config| {
        config.advertise = vec![nowhere];
        config.relay = Some(relay.url.clone());
    })
    .await?;
    let (role, secret) = (EndpointRole::Client, SecretKey::from_bytes(&rand::random()));
    let options = EndpointOptions { role, bind: "127.0.0.1:0".parse()?, secret };
    let endpoint = bind_relayed(options, std::slice::from_ref(&relay.url)).await?;
    let file = network.file();
    let pool = Pool::new(endpoint, file.network, Some(network.payer().clone()));
    let client = Client::new(pool, Members::from(&file), ClientOptions::default());

    let plain = bytes(9, 600_000);
    let begun = Instant::now();
    let report = loop {
        match network.put(&client, "2+2", &plain, 1).await {
            Ok(report) if report.is_complete() => break report,
            other => ensure!(begun.elapsed() < REACHED_WITHIN, "the relay is of no use: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    assert!(get(&client, &report.link).await? == plain);
    let direct = network.reader().await?;
    assert!(direct.manifest(&report.cid).await.is_err(), "without the relay they are out of reach");
    Ok(())
}
