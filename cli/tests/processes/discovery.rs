//! Nodes that are told of nobody find each other by multicast DNS, and those of another network on the same wire stay
//! apart. Where it may, the test has a network of its own, of nothing but the loopback interface.

use std::path::Path;
use std::process::Command;

use crate::process::{Process, json, wait_until};

/// Makes multicast work on the loopback interface of a new network namespace, and runs what follows there.
const ALONE: &str = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo && exec \"$@\"";

/// Runs the test that is named in a network namespace of its own; false where this machine does not permit that.
pub(crate) fn runs_alone(test: &str) -> bool {
    let alone = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "--map-root-user", "sh", "-c", ALONE, "sh"]).args(command);
        unshare.output()
    };
    if !alone(&["true"]).is_ok_and(|output| output.status.success()) {
        return false;
    }
    let program = std::env::current_exe().unwrap();
    let output = alone(&[program.to_str().unwrap(), "--exact", "--ignored", test]).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    true
}

/// Two nodes of one network and one of another, none of which is told of any other.
pub(crate) fn finds_its_own(home: &Path) {
    let start = |dir: &str, network: &str| {
        let arguments =
            ["node", "--open", "--same-site", "--discover", "--dir", dir, "--listen", "127.0.0.1:0"];
        let network = ["--network-id", network];
        Process::start(home, &home.join(format!("{dir}.log")), &[&arguments[..], &network].concat()).0
    };
    let (ours, theirs) = ("7e".repeat(32), "5a".repeat(32));
    let _running = [start("one", &ours), start("two", &ours), start("other", &theirs)];
    let known = |dir: &str| json(home, &["ticket", "--dir", dir]).0["nodes"].as_u64().unwrap();
    wait_until("both nodes know each other", || [known("one"), known("two")] == [2, 2]);
    let refused = |dir: &str| {
        std::fs::read_to_string(home.join(format!("{dir}.log"))).unwrap().contains("wrong_network")
    };
    wait_until("the third one was met and refused", || {
        refused("other") && (refused("one") || refused("two"))
    });
    assert_eq!([known("one"), known("two"), known("other")], [2, 2, 1]);
}
