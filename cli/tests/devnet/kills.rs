//! Nodes are killed with SIGKILL in the middle of puts: what was acknowledged must be there when they are back.
//!
//! `KILLS` says how often (5 without it), `KILLS_SEED` repeats a run's choices.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Devnet, noise, program, wait_until};

const NODES: usize = 3;
/// A put of the large file takes about this long; the kill falls somewhere in it.
const PUT_TAKES_MS: u64 = 250;

/// A put that ended with a link.
struct Acknowledged {
    link: String,
    file: &'static str,
    is_whole: bool,
}

#[test]
fn nothing_acknowledged_is_lost_when_nodes_are_killed() {
    let kills = number("KILLS").unwrap_or(5);
    let seed = number("KILLS_SEED").unwrap_or(u64::from(std::process::id()));
    println!("KILLS_SEED={seed}");
    let home = TempDir::new().unwrap();
    // One goes into packs, the other into a file per shard.
    fs::write(home.path().join("small"), noise(50_000)).unwrap();
    fs::write(home.path().join("large"), noise(9_000_000)).unwrap();
    let devnet = Devnet::start(home.path(), &["--nodes", "3", "--coding", "2+1"]);

    let mut acknowledged = Vec::new();
    for round in 0..kills {
        let chance = chance(seed, round);
        let victim = usize::try_from(chance % 3).unwrap() % NODES;
        acknowledged.extend(put_while_killing(
            &devnet,
            round,
            victim,
            Duration::from_millis(chance / 3 % PUT_TAKES_MS),
        ));
        devnet.order(victim, "start");
    }
    println!("{} of {} puts were acknowledged", acknowledged.len(), 2 * kills);
    assert!(!acknowledged.is_empty(), "no put was acknowledged, so nothing was tried");
    for put in &acknowledged {
        still_there(&devnet, put);
    }
}

/// Puts both files at once, kills a node after `delay`; gives what was acknowledged.
fn put_while_killing(devnet: &Devnet, round: u64, victim: usize, delay: Duration) -> Vec<Acknowledged> {
    let begun = Instant::now();
    let puts = ["small", "large"].map(|file| {
        let mut put = program(&devnet.home);
        put.args(["--json", "put", file]).stdout(Stdio::piped()).stderr(Stdio::piped());
        (file, put.spawn().unwrap())
    });
    wait_until("the moment of the kill has come", || begun.elapsed() >= delay);
    devnet.order(victim, "kill");
    let ended = puts.map(|(file, put)| (file, put.wait_with_output().unwrap()));
    let links = ended.into_iter().filter_map(|(file, output)| {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!errors.contains("panicked"), "round {round}: {errors}");
        let answer: Value = serde_json::from_slice(&output.stdout).ok()?;
        let link = answer["link"].as_str()?.to_owned();
        Some(Acknowledged { link, file, is_whole: output.status.success() })
    });
    links.collect()
}

/// Every byte comes back, and a put that ended well has every single shard.
fn still_there(devnet: &Devnet, put: &Acknowledged) {
    let expected = fs::read(devnet.home.join(put.file)).unwrap();
    let read = devnet.run(&["get", &put.link]);
    assert!(read.stdout == expected, "{} lost: {}", put.link, String::from_utf8_lossy(&read.stderr));
    if put.is_whole {
        let (audit, code) = devnet.json(&["audit", &put.link]);
        assert_eq!(code, 0, "acknowledged shards are gone: {audit}");
    }
}

/// A number that follows from seed and round (the `SplitMix64` generator).
fn chance(seed: u64, round: u64) -> u64 {
    let mut z = seed.wrapping_add((round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
