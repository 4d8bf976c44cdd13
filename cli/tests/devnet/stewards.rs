//! A steward as a process: killed with SIGKILL in the middle of a repair, it goes on where it was.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Devnet, noise, program, wait_until};

struct Steward(Child);

impl Steward {
    fn start(home: &Path, arguments: &[&str]) -> Self {
        let mut command = program(home);
        command.args(["--json", "steward", "--dir", "care", "--managed", "--audit-every", "1s"]);
        command.args(["--check-every", "5s", "--grace", "2s"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Steward {
    fn drop(&mut self) {
        if self.0.try_wait().unwrap().is_none() {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
}

fn log(home: &Path) -> Vec<Value> {
    let text = fs::read_to_string(home.join("care/log.jsonl")).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn has(home: &Path, step: &str, unit: Option<&str>) -> bool {
    let is_so = |line: &Value| line["step"] == step && unit.is_none_or(|unit| line["unit"] == unit);
    log(home).iter().any(is_so)
}

#[test]
fn a_killed_steward_goes_on_with_its_repair() {
    let folder = TempDir::new().unwrap();
    let home = folder.path();
    let devnet = Devnet::start(home, &["--nodes", "7", "--coding", "3+2"]);
    let film = noise(2_000_000);
    fs::write(home.join("film.mp4"), &film).unwrap();
    let (put, code) = devnet.json(&["put", "film.mp4"]);
    assert_eq!(code, 0, "{put}");
    let (link, cid) = (put["link"].as_str().unwrap(), put["cid"].as_str().unwrap());
    let (added, code) = devnet.json(&["steward", "add", link, "--dir", "care", "--tag", "films"]);
    assert_eq!((code, &added["looked_after"]), (0, &Value::Bool(true)), "{added}");

    // What is read and sent for one shard takes half a minute at this rate.
    let slow = Steward::start(home, &["--bandwidth", "100kB", "--metrics", "127.0.0.1:0"]);
    wait_until("everything was looked at", || has(home, "renewed", None));
    wait_until("it is listed as whole", || {
        let (listing, _) = devnet.json(&["steward", "list", "--dir", "care", "--tag", "films"]);
        let object = &listing["objects"][0];
        object["cid"] == cid && object["state"] == "whole"
    });

    let (stat, _) = devnet.json(&["stat", link]);
    let lost = &stat["parts"][1]["node"];
    let victim = devnet.nodes().iter().position(|node| node["id"] == *lost).unwrap();
    devnet.order(victim, "kill");
    wait_until("a repair begins", || has(home, "repair_begun", Some("segment 0")));
    slow.kill();
    assert!(!has(home, "rebuilt", Some("segment 0")), "it was in the middle of it");

    let steward = Steward::start(home, &[]);
    wait_until("it is repaired", || has(home, "proved_whole", Some("segment 0")));
    wait_until("everything is well", || devnet.json(&["steward", "status", "--dir", "care"]).1 == 0);
    let rebuilt =
        log(home).iter().filter(|line| line["step"] == "rebuilt" && line["unit"] == "segment 0").count();
    assert_eq!(rebuilt, 1);
    assert_eq!(devnet.run(&["get", link]).stdout, film);
    let verified = devnet.run(&["verify", "care/audit.log"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    let (removed, code) = devnet.json(&["steward", "remove", cid, "--dir", "care"]);
    assert_eq!((code, &removed["looked_after"]), (0, &Value::Bool(false)));
    wait_until("it is let go", || has(home, "removed", None));
    drop(steward);
}
