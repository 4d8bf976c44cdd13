//! A network of real processes that are killed, wiped, spoilt, replaced and joined at random, while everything on it is
//! read all the time. A steward of the real program, only hastier, keeps it whole.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod chance;
mod faults;
mod fleet;
mod process;
mod reading;
mod steward;
mod storm;

use std::time::Duration;

use tempfile::TempDir;

use crate::storm::Storm;

/// `CHAOS_SECONDS` says for how long (20 without it), `CHAOS_SEED` repeats a run's choices, and `CHAOS_DIR` names a
/// folder that keeps what is left of it.
#[test]
fn everything_can_be_read_while_nodes_are_killed_wiped_and_spoilt() {
    let seconds = number("CHAOS_SECONDS").unwrap_or(20);
    let seed = number("CHAOS_SEED").unwrap_or(u64::from(std::process::id()));
    println!("CHAOS_SEED={seed}");
    let folder = TempDir::new().unwrap();
    let kept = std::env::var_os("CHAOS_DIR").map(std::path::PathBuf::from);
    let home = kept.as_deref().unwrap_or(folder.path());
    std::fs::create_dir_all(home).unwrap();
    let mut storm = Storm::prepare(home, seed);
    storm.rage(Duration::from_secs(seconds));
    storm.calm();
    storm.check();
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
