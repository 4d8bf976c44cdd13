//! A devnet of real processes, used as a person would use it: store, lose nodes, read, repair, come back tomorrow.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod harness;
mod interrupted;
mod kills;
mod names;
mod operators;
mod publications;
mod stewards;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Devnet, http, noise, run, wait_until};

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn lives(pid: u64) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn files_survive_the_loss_of_nodes_and_come_back_after_a_restart() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let mut devnet = Devnet::start(home, &["--nodes", "6", "--coding", "3+2"]);
    the_state_has_the_documented_shape(&devnet.state());
    the_control_address_is_guarded(&devnet.state());

    let film = noise(700_001);
    fs::write(home.join("film.mp4"), &film).unwrap();
    let link = put_and_read(&devnet, &film);
    wrong_links_leave_nothing(&devnet, &link);
    lose_nodes_and_repair(&devnet, &link, &film);
    others_may_take_care(&devnet, &link);

    let before = devnet.state();
    let pids = devnet.pids();
    devnet.signal("-TERM");
    assert!(!home.join("net/devnet.json").exists());
    assert!(!pids.iter().any(|pid| lives(*pid)), "children outlive a devnet that was stopped");

    let mut devnet = Devnet::start(home, &["--nodes", "6", "--coding", "3+2"]);
    for (old, new) in before["nodes"].as_array().unwrap().iter().zip(devnet.nodes()) {
        for field in ["id", "dir", "addr"] {
            assert_eq!(old[field], new[field], "a node's {field} changed");
        }
    }
    assert_eq!(devnet.state()["gateway"], before["gateway"]);
    assert_eq!(devnet.state()["control"]["url"], before["control"]["url"]);
    assert_eq!(devnet.run(&["get", &link]).stdout, film);
    let open = run(home, &["devnet", "--dir", "other", "--http", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(2), "a devnet stays on this machine");
    let smaller = run(home, &["devnet", "--dir", "net", "--nodes", "6"]);
    assert_eq!(smaller.status.code(), Some(2), "6 nodes are too few for the default coding");
    let second = run(home, &["devnet", "--dir", "net", "--nodes", "6", "--coding", "3+2"]);
    assert_eq!(second.status.code(), Some(1), "one devnet per folder");

    let pids = devnet.pids();
    devnet.signal("-KILL");
    wait_until("the children of a killed devnet are gone", || !pids.iter().any(|pid| lives(*pid)));
}

fn the_state_has_the_documented_shape(state: &Value) {
    assert_eq!(
        keys(state),
        BTreeSet::from(["gateways", "gateway", "nodes", "services", "control", "network"])
    );
    assert_eq!(state["nodes"].as_array().unwrap().len(), 6);
    for node in state["nodes"].as_array().unwrap() {
        assert_eq!(keys(node), BTreeSet::from(["id", "pid", "dir", "addr"]));
        assert!(node["addr"].as_str().unwrap().starts_with("127.0.0.1:"));
        assert!(Path::new(node["dir"].as_str().unwrap()).is_dir());
        assert!(lives(node["pid"].as_u64().unwrap()));
    }
    assert_eq!(state["gateways"].as_array().unwrap().len(), 1);
    assert_eq!(keys(&state["gateways"][0]), BTreeSet::from(["id", "url", "pid"]));
    assert_eq!(state["gateway"], state["gateways"][0]["url"]);
    assert_eq!(keys(&state["control"]), BTreeSet::from(["url", "token"]));
    assert_eq!(keys(&state["services"]), BTreeSet::new());
    assert!(Path::new(state["network"].as_str().unwrap()).is_file());
}

fn the_control_address_is_guarded(state: &Value) {
    let url = format!("{}/nodes", state["control"]["url"].as_str().unwrap());
    let token = format!("Authorization: Bearer {}\r\n", state["control"]["token"].as_str().unwrap());
    let status = |headers: &str| http("GET", &url, headers).0[9..12].to_owned();
    assert_eq!(status(&token), "200");
    assert_eq!(status(""), "401");
    assert_eq!(status(&format!("{token}Origin: http://attacker.example\r\n")), "403");
    let page = format!("Origin: {}\r\n", state["gateway"].as_str().unwrap());
    let (head, _) = http("GET", &url, &format!("{token}{page}"));
    let shared = format!("access-control-allow-origin: {}\r\n", state["gateway"].as_str().unwrap());
    assert!(head.starts_with("HTTP/1.1 200") && head.contains(&shared), "{head}");
    let (head, _) = http("OPTIONS", &url, &format!("{page}Access-Control-Request-Method: POST\r\n"));
    assert!(
        head.starts_with("HTTP/1.1 204") && head.contains("access-control-allow-headers: authorization"),
        "{head}"
    );
    let start = |id: &str| http("POST", &format!("{url}/{id}/start"), &token).0[9..12].to_owned();
    assert_eq!(start(&"00".repeat(32)), "404");
    let id = state["nodes"][0]["id"].as_str().unwrap();
    assert_eq!([start(id), start(&id[..16])], ["200", "200"], "the beginning of an id is enough");
}

/// Puts `film.mp4` and reads it in every way; gives the link.
fn put_and_read(devnet: &Devnet, film: &[u8]) -> String {
    let (put, code) = devnet.json(&["put", "film.mp4"]);
    assert_eq!(code, 0, "{put}");
    let fields =
        ["link", "cid", "size", "coding", "shards", "stored_bytes", "missing", "url", "name", "pushed"];
    assert_eq!(keys(&put), BTreeSet::from(fields));
    assert_eq!(put["size"], film.len());
    assert_eq!(put["coding"], "3+2", "the devnet's coding is the usual one on its network");
    assert_eq!(put["shards"], 5);
    assert_eq!(put["missing"], Value::Array(Vec::new()));
    let link = put["link"].as_str().unwrap().to_owned();
    assert!(link.starts_with(&format!("headwater:{}#", put["cid"].as_str().unwrap())));

    let (head, body) = http("GET", put["url"].as_str().unwrap(), "");
    assert!(
        head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("content-type: video/mp4"),
        "{head}"
    );
    assert_eq!(body, film);

    fs::write(devnet.home.join("film.link"), &link).unwrap();
    let get = devnet.run(&["get", "@film.link", "-o", "copy.mp4"]);
    assert!(get.status.success() && get.stdout.is_empty(), "{}", String::from_utf8_lossy(&get.stderr));
    assert_eq!(fs::read(devnet.home.join("copy.mp4")).unwrap(), film);
    assert_eq!(devnet.run(&["get", &link, "-o", "-"]).stdout, film);
    let (answer, code) = devnet.json(&["get", &link, "--range", "2-5", "-o", "part"]);
    assert_eq!(
        (code, &answer["start"], &answer["len"], &answer["name"]),
        (0, &2.into(), &4.into(), &"film.mp4".into())
    );
    let both = devnet.run(&["--json", "get", &link]);
    assert_eq!(both.stdout, film, "data stays data");
    let answer: Value = serde_json::from_slice(&both.stderr).unwrap();
    assert_eq!((&answer["size"], &answer["file"]), (&film.len().into(), &Value::Null));
    assert_eq!(devnet.run(&["get", &link, "--range", "16367-16368"]).stdout, film[16367..=16368]);
    assert_eq!(devnet.run(&["get", &link, "--range", "-5"]).stdout, film[film.len() - 5..]);
    assert_eq!(devnet.run(&["get", &link, "--range", "700001-"]).status.code(), Some(1));

    let linked = devnet.home.join("linked.mp4");
    std::os::unix::fs::symlink("copy.mp4", &linked).unwrap();
    assert!(devnet.run(&["get", &link, "-o", "linked.mp4", "--range", "0-9"]).status.success());
    assert!(linked.is_symlink(), "a link is followed, not replaced");
    assert_eq!(fs::read(devnet.home.join("copy.mp4")).unwrap(), film[..10]);
    let pipe = devnet.home.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn(move || fs::read(pipe).unwrap());
    assert!(devnet.run(&["get", &link, "-o", "pipe"]).status.success());
    assert_eq!(reader.join().unwrap(), film, "a pipe takes the bytes and stays a pipe");

    let plain = devnet.run(&["put", "film.mp4"]);
    let text = String::from_utf8(plain.stdout).unwrap();
    assert!(text.starts_with("headwater:") && text.lines().count() == 1, "only the link is data: {text}");
    link
}

fn wrong_links_leave_nothing(devnet: &Devnet, link: &str) {
    let cut = link.len() - 2;
    let wrong_key = format!("{}{}", &link[..cut], if link.ends_with("AA") { "IA" } else { "AA" });
    let output = devnet.run(&["get", &wrong_key, "-o", "never"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    let left = fs::read_dir(&devnet.home).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> =
        left.filter(|name| name == "never" || name.to_string_lossy().starts_with(".headwater")).collect();
    assert!(left.is_empty(), "{left:?} stayed behind");
}

fn lose_nodes_and_repair(devnet: &Devnet, link: &str, film: &[u8]) {
    let (audit, code) = devnet.json(&["audit", link, "--leaves", "5"]);
    assert_eq!((code, &audit["whole"]), (0, &Value::Bool(true)), "{audit}");
    let cid = audit["cid"].as_str().unwrap();

    // Two nodes that hold something of the object.
    let (stat, _) = devnet.json(&["stat", link]);
    let holders: Vec<_> = stat["parts"].as_array().unwrap().iter().map(|part| part["node"].clone()).collect();
    let nodes = devnet.nodes();
    let mut holding = (0..nodes.len()).filter(|number| holders.contains(&nodes[*number]["id"]));
    let (first, second) = (holding.next().unwrap(), holding.next().unwrap());
    devnet.order(first, "stop");
    devnet.order(second, "kill");
    assert_eq!(devnet.nodes()[first]["pid"], Value::Null);
    assert_eq!(devnet.run(&["get", link]).stdout, film, "m nodes may be gone");
    assert_eq!(devnet.json(&["audit", cid]).1, 1);
    assert_eq!(devnet.json(&["stat", link]).1, 0);
    assert_eq!(devnet.json(&["nodes"]).1, 0, "listing them is all that was asked for");
    let (listing, code) = devnet.json(&["nodes", "--check"]);
    let down = listing["nodes"].as_array().unwrap().iter().filter(|node| node["state"] == "down").count();
    assert_eq!((down, code), (2, 1), "{listing}");

    // Four nodes are one too few for 3+2, and enough for a link.
    let (short, code) = devnet.json(&["put", "film.mp4"]);
    assert_eq!(code, 1, "{short}");
    assert!(!short["missing"].as_array().unwrap().is_empty(), "{short}");
    assert_eq!(devnet.run(&["get", short["link"].as_str().unwrap()]).stdout, film);

    devnet.order(second, "start");
    let repair = devnet.json(&["repair", cid]);
    assert_eq!((repair.1, &repair.0["whole"]), (0, &Value::Bool(true)), "{}", repair.0);
    assert_eq!(devnet.json(&["audit", link]).1, 0, "whole again, with one node still gone");
    let (again, code) = devnet.json(&["repair", link]);
    assert_eq!((code, again["repaired"].as_array().unwrap().len()), (0, 0), "{again}");
    devnet.order(first, "start");
    assert_eq!(devnet.json(&["nodes", "--check"]).1, 0);
}

/// Somebody else keeps the object whole, once its owner has signed that; the link is not needed for it.
fn others_may_take_care(devnet: &Devnet, link: &str) {
    let (stat, _) = devnet.json(&["stat", link]);
    let cid = stat["cid"].as_str().unwrap();
    let carer = |arguments: &[&str]| devnet.json(&[&["--account", "carer"], arguments].concat());
    let refused = devnet.run(&["--account", "carer", "repair", cid]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--mandate"));

    let key = carer(&["account"]).0["payer"].as_str().unwrap().to_owned();
    let mandate = ["mandate", link, "--holder", &key, "--until", "2999-12-31"];
    let printed = devnet.run(&mandate);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    assert!(devnet.run(&[&mandate[..], &["-o", "care.mandate"]].concat()).stdout.is_empty());
    assert_eq!(fs::read(devnet.home.join("care.mandate")).unwrap(), printed.stdout);
    let (verified, _) = devnet.json(&["verify", "care.mandate"]);
    assert_eq!((&verified["type"], &verified["body"]["holder"]), (&"mandate".into(), &key.as_str().into()));
    let stranger = devnet.run(&["--account", "carer", "mandate", cid, "--holder", &key]);
    assert_eq!(stranger.status.code(), Some(1), "only the owner's account has the control key");

    let holds =
        |node: &Value| stat["parts"].as_array().unwrap().iter().any(|part| part["node"] == node["id"]);
    let lost = devnet.nodes().iter().position(holds).unwrap();
    devnet.order(lost, "kill");
    let (repair, code) = carer(&["repair", cid, "--mandate", "care.mandate"]);
    assert_eq!((code, &repair["whole"]), (0, &Value::Bool(true)), "{repair}");
    devnet.order(lost, "start");
}
