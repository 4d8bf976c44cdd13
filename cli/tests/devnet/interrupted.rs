//! Commands that are stopped in the middle of their work leave nothing behind.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::{Devnet, noise, program, wait_until};

/// More than one stripe of all nodes takes at once, so that shards are under way when it ends.
const SENT: usize = 8_000_000;

#[test]
fn an_interrupted_put_releases_what_was_stored() {
    let home = TempDir::new().unwrap();
    let devnet = Devnet::start(home.path(), &["--nodes", "3", "--coding", "2+1"]);
    let mut put = program(home.path())
        .args(["put", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The pipe holds little, so most of this has been read when it returns; and it stays open.
    let mut stdin = put.stdin.take().unwrap();
    stdin.write_all(&noise(SENT)).unwrap();
    interrupt(&put);
    let output = put.wait_with_output().unwrap();
    drop(stdin);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(output.stdout.is_empty() && error.contains("interrupted"), "{error}");
    wait_until("no node stores anything", || {
        let (listing, _) = devnet.json(&["nodes"]);
        listing["nodes"].as_array().unwrap().iter().all(|node| node["stored"] == 0)
    });
}

fn interrupt(process: &Child) {
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
}
