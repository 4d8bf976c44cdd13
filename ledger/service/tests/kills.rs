//! A ledger that is killed at random points of an epoch: no money is made, lost or paid twice, and everything that was
//! promised is there. `KILLS` says how often.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod running;
mod talk;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ledger_service::{RedbStore, RunningLedger};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use running::{config, schedule, terms};
use talk::Said;

/// Where the child finds its folder.
const FOLDER: &str = "LEDGER_OF_THE_KILL_TEST";
const KILLS: u32 = 20;

/// Not a test by itself: the ledger that the test below starts and kills.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = std::path::PathBuf::from(folder);
    let store = RedbStore::open(&folder.join("journal.redb"), &terms()).unwrap();
    let ledger = RunningLedger::start(store, config(&folder, schedule(), None)).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut out = std::io::stderr();
    writeln!(out, "ready http://{}", listener.local_addr().unwrap()).unwrap();
    ledger.serve(listener, std::future::pending()).await.unwrap();
}

struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(folder: &std::path::Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.map_while(Result::ok).find_map(|line| Some(line.split_once("ready ")?.1.to_owned()));
        Self { child, url: url.expect("the ledger starts again") }
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_ledger_keeps_what_it_has_said() {
    let kills = std::env::var("KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(5);
    let mut said = Said::default();
    for _ in 0..kills {
        let served = Served::start(folder.path());
        let life = Duration::from_micros(random.random_range(0..60_000));
        // The talk is cut off wherever it is.
        drop(tokio::time::timeout(life, said.talk(&served.url)).await);
        served.kill();
    }
    let served = Served::start(folder.path());
    said.check_settlements(&served.url).await;
    served.kill();
    said.check_journal(&mut RedbStore::open(&folder.path().join("journal.redb"), &terms()).unwrap()).await;
}
