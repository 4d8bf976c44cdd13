//! A ledger on a disk that forgets what was not synced, whose power goes at any point of an epoch, also while it starts again:
//! no money is made, lost or paid twice, and everything that was promised is there. `KILLS` says how often.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod disk;
mod running;
mod talk;

use std::path::Path;

use disk::Disk;
use ledger_service::{RedbStore, RunningLedger};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use running::{Running, config, schedule, terms};
use talk::Said;

const POWER_FAILURES: u32 = 20;
/// Writes and syncs of a life at most: those of an epoch, and of a start.
const LIFE_OPERATIONS: u64 = 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_a_disk_that_forgets_keeps_what_it_has_said() {
    let lives = std::env::var("KILLS").map_or(POWER_FAILURES, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(6);
    let (mut said, mut disk) = (Said::default(), Disk::default());
    for _ in 0..lives {
        disk.dies_after(random.random_range(1..LIFE_OPERATIONS));
        live(&disk, folder.path(), &mut said).await;
        disk = disk.after_power_failure(&mut random);
        if random.random_ratio(1, 4) {
            // The log is lost: it follows from the journal.
            std::fs::remove_dir_all(folder.path().join("log")).unwrap();
        }
    }
    disk.dies_after(u64::MAX);
    let running = start(&disk, folder.path()).await.expect("it starts again");
    said.check_settlements(&running.url).await;
    running.stop().await;
    said.check_journal(&mut RedbStore::on(disk.clone(), &terms()).unwrap()).await;
    assert!(
        said.epochs() >= usize::try_from(lives / 10).unwrap(),
        "only {} epochs were settled",
        said.epochs()
    );
}

/// Until the power goes.
async fn live(disk: &Disk, folder: &Path, said: &mut Said) {
    if let Some(running) = start(disk, folder).await {
        said.talk(&running.url).await;
        running.stop().await;
    }
    assert!(disk.is_dead(), "nothing else ends a life");
}

/// `None` where the power goes while it starts.
async fn start(disk: &Disk, folder: &Path) -> Option<Running> {
    let started = async {
        let store = RedbStore::on(disk.clone(), &terms()).map_err(|error| error.to_string())?;
        let config = config(folder, schedule(), None);
        RunningLedger::start(store, config).await.map_err(|error| error.to_string())
    };
    match started.await {
        Ok(ledger) => Some(Running::serve(ledger).await),
        Err(error) => {
            assert!(disk.is_dead(), "{error}");
            None
        }
    }
}
