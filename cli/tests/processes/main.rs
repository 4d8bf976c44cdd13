//! A network of real processes that are killed, wiped, spoilt, replaced and joined at random, while everything on it is
//! read all the time. A steward of the real program, only hastier, keeps it whole.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod chance;
mod discovery;
mod faults;
mod fleet;
mod process;
mod reading;
mod restore;
mod steward;
mod storm;
mod theseus;

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

/// `THESEUS_ROUNDS` says how often every node is replaced (once without it).
#[test]
fn nothing_is_lost_when_every_node_is_replaced() {
    let folder = TempDir::new().unwrap();
    theseus::replace_all(folder.path(), number("THESEUS_ROUNDS").unwrap_or(1).try_into().unwrap());
}

#[test]
fn all_comes_back_from_the_words_with_all_nodes_and_with_m_of_them_gone() {
    let folder = TempDir::new().unwrap();
    restore::from_words(folder.path());
}

#[test]
fn nodes_find_each_other_by_multicast() {
    if !discovery::runs_alone("nodes_find_each_other_by_multicast_wherever_they_are") {
        nodes_find_each_other_by_multicast_wherever_they_are();
    }
}

#[test]
#[ignore = "the one above runs it in a network of its own"]
fn nodes_find_each_other_by_multicast_wherever_they_are() {
    let folder = TempDir::new().unwrap();
    discovery::finds_its_own(folder.path());
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
