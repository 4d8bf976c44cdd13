//! Everything that an owner had on its machine is gone, and everything that a gateway had: 24 words bring it back.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use crate::chance::Chance;
use crate::fleet::Fleet;
use crate::process::{json, program, run};
use crate::reading::{Gateway, Stored};

const NODES: usize = 8;
const CODING: &str = "5+3";
/// So many nodes may be gone.
const PARITY: usize = 3;
const FILES: [(&str, usize); 3] = [("films/river.mp4", 3_000_000), ("notes.txt", 5_000), ("empty", 0)];
/// All that an owner keeps lies below this folder.
const OWNER: &str = "owner/account";

/// Restores with all nodes there, then with as many gone as the coding permits.
pub(crate) fn from_words(home: &Path) {
    let mut chance = Chance::new(11);
    let mut fleet = Fleet::start(home, NODES, &"24".repeat(32));
    fs::create_dir(home.join("owner")).unwrap();
    let stored = FILES.map(|(name, len)| {
        let named = ["--account", OWNER, "put", "file", "--coding", CODING, "--name", name];
        Stored::put_as(home, chance.bytes(len), &named)
    });
    let words = run(home, &["--account", OWNER, "account", "phrase"]).stdout;
    let gateway = Gateway::start(home);
    for object in &stored {
        gateway.read(object).unwrap();
    }
    drop(gateway);

    restore(home, &words, &stored, NODES);
    for place in 0..PARITY {
        fleet.kill(place);
    }
    fleet.write_ticket();
    restore(home, &words, &stored, NODES - PARITY);
}

fn restore(home: &Path, words: &[u8], stored: &[Stored], alive: usize) {
    for folder in ["owner", "gateway", ".config"] {
        // A gateway without a catalogue may have left nothing.
        drop(fs::remove_dir_all(home.join(folder)));
    }
    drop(fs::remove_file(home.join("gate")));
    fs::create_dir(home.join("owner")).unwrap();
    let begun = Instant::now();
    let answer = say(home, words);
    let restored = begun.elapsed();
    assert_eq!(answer["files"], FILES.len(), "{answer}");
    assert_eq!(answer["freshness"]["answered"], alive, "{answer}");
    let (list, _) = json(home, &["--account", OWNER, "ls", "--recursive"]);
    assert_eq!(list["files"].as_array().unwrap().len(), FILES.len(), "{list}");
    for (object, (name, _)) in stored.iter().zip(FILES) {
        let read = run(home, &["--account", OWNER, "get", &format!("/{name}")]);
        object.compare(&read.stdout).unwrap();
    }
    let all = begun.elapsed();
    let gateway = Gateway::start(home);
    for object in stored {
        gateway.read(object).unwrap();
    }
    println!(
        "{alive} of {NODES} nodes: restored after {} ms, everything read after {} ms",
        restored.as_millis(),
        all.as_millis()
    );
}

/// Runs `account restore` with the words on standard input.
fn say(home: &Path, words: &[u8]) -> Value {
    let mut command = program(home);
    command.args(["--json", "--account", OWNER, "account", "restore"]);
    let mut process =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(words).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
