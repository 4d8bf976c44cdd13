//! What operators see of nodes, audits, repairs and metrics; and what nobody else sees.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Devnet, http, noise, program, wait_until};

const TOKEN: &str = "token-of-the-operators";

/// A role of the program that runs, and what it said when it served.
struct Role {
    child: Child,
    ready: Value,
}

impl Role {
    fn start(home: &Path, arguments: &[&str]) -> Self {
        let mut command = program(home);
        command.arg("--json").args(arguments).arg("--managed").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { child, ready: ready["ready"].clone() }
    }

    fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.ready["metrics"].as_str().unwrap());
        String::from_utf8(http("GET", &url, "").1).unwrap()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What a gateway answers, as text and as JSON.
fn ask(gateway: &str, path: &str, token: Option<&str>) -> (String, Value) {
    let header = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let (_, body) = http("GET", &format!("{gateway}{path}"), &header);
    let json = serde_json::from_slice(&body).unwrap();
    (String::from_utf8(body).unwrap(), json)
}

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[test]
fn operators_see_what_is_at_risk_and_nobody_else_does() {
    let folder = TempDir::new().unwrap();
    let home = folder.path();
    let devnet = Devnet::start(home, &["--nodes", "6", "--coding", "3+2"]);
    fs::write(home.join("film.mp4"), noise(400_000)).unwrap();
    let (put, _) = devnet.json(&["put", "film.mp4"]);
    let (link, cid) = (put["link"].as_str().unwrap(), put["cid"].as_str().unwrap());
    devnet.json(&["steward", "add", link, "--dir", "care", "--tag", "films"]);
    let settings = "audit-every = \"1s\"\nbandwidth = \"2MB\"\nmetrics = \"127.0.0.1:0\"\n";
    fs::write(home.join("care.toml"), settings).unwrap();
    let gateway = Role::start(
        home,
        &[
            "gateway",
            "--listen",
            "127.0.0.1:0",
            "--steward",
            "care",
            "--steward-config",
            "care.toml",
            "--operator-token",
            TOKEN,
        ],
    );
    let url = gateway.ready["url"].as_str().unwrap();
    let proved = |audits: &Value| {
        let hours = items(&audits["nodes"]).iter().flat_map(|node| items(&node["hours"]));
        hours.filter(|hour| hour["result"] == "proved").count()
    };
    wait_until("all that hold something are audited", || proved(&ask(url, "/api/audits", None).1) >= 5);

    let (stat, _) = devnet.json(&["stat", link]);
    let nodes = devnet.nodes();
    let holds =
        |part: usize| nodes.iter().position(|node| node["id"] == stat["parts"][part]["node"]).unwrap();
    devnet.order(holds(0), "kill");
    devnet.order(holds(1), "kill");
    // Four nodes are one too few for all five parts.
    let care = || ask(url, "/api/care", Some(TOKEN)).1["steward"].clone();
    wait_until("the risk shows", || {
        care()["states"]["at_risk"] == 1 && !items(&care()["repairs"]).is_empty()
    });
    let object = care()["objects"][0].clone();
    assert_eq!((&object["cid"], &object["tags"][0]), (&cid.into(), &"films".into()), "{object}");
    assert_eq!((&object["needed"], &object["parts"]), (&3.into(), &5.into()), "{object}");
    let listed = |list: &Value| items(list).iter().filter(|node| node["is_up"] == false).count();
    wait_until("both are down", || listed(&ask(url, "/api/nodes", None).1["nodes"]) == 2);
    wait_until("audits say why", || {
        let (_, audits) = ask(url, "/api/audits?hours=1", None);
        let hours = items(&audits["nodes"]).iter().flat_map(|node| items(&node["hours"]));
        hours.filter(|hour| hour["result"] == "offline" && hour["reason"].is_string()).count() >= 2
    });

    who_sees_what(url, cid, link);
    the_command_line_says_the_same(&devnet, url);
    every_alert_has_its_metrics(home, &gateway, url);
}

fn who_sees_what(url: &str, cid: &str, link: &str) {
    let key = link.split_once('#').unwrap().1;
    for (path, token) in [
        ("/api/nodes", None),
        ("/api/audits", None),
        ("/api/care", None),
        ("/api/care", Some("nonsense-nonsense")),
    ] {
        let (text, _) = ask(url, path, token);
        assert!(!text.contains(cid) && !text.contains(key), "{path}: {text}");
    }
    let (text, _) = ask(url, "/api/care", Some(TOKEN));
    assert!(text.contains(cid) && !text.contains(key) && !text.contains('#'), "{text}");
    let (_, network) = ask(url, "/api/nodes", None);
    assert_eq!(network["steward"]["limit"], 2_000_000, "{network}");
    assert!(network["steward"]["total"].as_u64().unwrap() > 0, "{network}");
}

fn the_command_line_says_the_same(devnet: &Devnet, url: &str) {
    for place in [url, "care"] {
        let (listing, code) = devnet.json(&["nodes", "--check", "--steward", place]);
        assert_eq!(code, 1, "{listing}");
        let down = items(&listing["nodes"]).iter().filter(|node| node["state"] == "down");
        let down: Vec<_> = down.collect();
        assert_eq!(down.len(), 2, "{listing}");
        for node in &down {
            assert_eq!(items(&node["concerns"])[0], "it does not answer", "{node}");
        }
        // What one of them had may be elsewhere by now, and the steward asks it for nothing any more.
        let silent = down.iter().filter(|node| node["care"]["offline_since"].is_u64());
        let silent: Vec<_> = silent.map(|node| &items(&node["concerns"])[1]).collect();
        assert!(
            !silent.is_empty() && silent.iter().all(|concern| **concern == "it is silent to the steward")
        );
    }
    let shown = devnet.run(&["nodes", "--steward", "care"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success() && text.contains("4 of 6 nodes up"), "{text}");
}

/// Every metric that `docs/alerts.yml` names is there to be scraped.
fn every_alert_has_its_metrics(home: &Path, gateway: &Role, url: &str) {
    let network = "ab".repeat(32);
    let node = Role::start(
        home,
        &[
            "node",
            "--dir",
            "alone",
            "--network-id",
            &network,
            "--listen",
            "127.0.0.1:0",
            "--open",
            "--metrics",
            "127.0.0.1:0",
        ],
    );
    let served = http("GET", &format!("{url}/metrics"), "").1;
    let text = [gateway.metrics(), node.metrics(), String::from_utf8(served).unwrap()].concat();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let exported: BTreeSet<_> = samples.filter_map(|line| line.split(['{', ' ']).next()).collect();
    let alerts = include_str!("../../../docs/alerts.yml");
    let words = alerts.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let named: BTreeSet<_> = words.filter(|word| word.starts_with("headwater_")).collect();
    assert!(named.len() > 15, "{named:?}");
    let missing: Vec<_> = named.difference(&exported).collect();
    assert!(missing.is_empty(), "{missing:?} are not exported:\n{text}");
    for label in ["state=\"at_risk\"", "days=\"30\"", "fault=\"corrupt\"", "of=\"node\"", "state=\"failed\""]
    {
        assert!(text.contains(label), "{label} is not in\n{text}");
    }
}
