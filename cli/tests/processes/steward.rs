//! The steward as a process, and what it says of how things stand.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{Process, json, run};

/// A pace at which minutes are enough. Nothing else is different from a steward that runs for years.
const PACE: [&str; 10] = [
    "--audit-every",
    "2s",
    "--check-every",
    "6s",
    "--grace",
    "4s",
    "--tidy-after",
    "4s",
    "--retry-after",
    "2s",
];

pub(crate) struct Steward {
    home: PathBuf,
    process: Option<Process>,
}

impl Steward {
    pub(crate) fn start(home: &Path) -> Self {
        let mut steward = Self { home: home.to_owned(), process: None };
        steward.begin();
        steward
    }

    /// Starts it again over its folder.
    pub(crate) fn begin(&mut self) {
        let arguments = [&["steward", "--dir", "care"], &PACE[..]].concat();
        self.process = Some(Process::start(&self.home, &self.home.join("steward.log"), &arguments).0);
    }

    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    pub(crate) fn runs(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn has_fallen(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::has_ended)
    }

    /// Hands an object of the account's over to it.
    pub(crate) fn look_after(&self, link: &str) {
        let (added, code) = json(&self.home, &["steward", "add", link, "--dir", "care"]);
        assert_eq!(code, 0, "{added}");
    }

    pub(crate) fn status(&self) -> Status {
        let text = fs::read(self.home.join("care/status.json")).unwrap_or_default();
        Status(serde_json::from_slice(&text).unwrap_or_default())
    }

    /// All lines of the log.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.home.join("care/log.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// Has `headwater verify` check everything in the audit log; gives how many audits there are.
    pub(crate) fn verified_audits(&self) -> u64 {
        let output = run(&self.home, &["--json", "verify", "care/audit.log"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["audits"].as_u64().unwrap()
    }
}

/// What the steward wrote last about how everything stands.
pub(crate) struct Status(Value);

impl Status {
    /// When that was.
    pub(crate) fn at(&self) -> u64 {
        self.0["at"].as_u64().unwrap_or(0)
    }

    /// True when so many objects are looked after, and every part of each was proved after `at`.
    pub(crate) fn is_whole_since(&self, at: u64, objects: usize) -> bool {
        let list = self.0["objects"].as_array();
        list.is_some_and(|list| list.len() == objects && list.iter().all(|object| is_whole(object, at)))
    }

    /// How many parts a node is believed to have.
    pub(crate) fn parts_at(&self, id: &str) -> u64 {
        let nodes = self.0["nodes"].as_array();
        let line = nodes.into_iter().flatten().find(|line| line["node"] == id);
        line.and_then(|line| line["parts"].as_u64()).unwrap_or(0)
    }

    pub(crate) fn text(&self) -> String {
        self.0.to_string()
    }
}

fn is_whole(object: &Value, at: u64) -> bool {
    object["state"] == "whole" && object["proved"].as_u64().is_some_and(|proved| proved > at)
}
