//! `headwater verify` over audits, and `headwater node status`, from outside. No network is needed.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use client::AuditLog;
use data_encoding::HEXLOWER;
use protocol::Transcript;
use serde_json::Value;
use tempfile::TempDir;

fn run(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command.args(arguments).output().unwrap()
}

fn verify(home: &TempDir, contents: &[u8]) -> Output {
    fs::write(home.path().join("file"), contents).unwrap();
    run(home.path(), &["verify", "file"])
}

/// Name, bytes and error of every golden transcript.
fn transcripts() -> Vec<(String, Vec<u8>, Option<String>)> {
    let path = format!("{}/../docs/vectors/audit/transcripts.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let read = |vector: &Value| {
        let bytes = HEXLOWER.decode(vector["transcript"].as_str().unwrap().as_bytes()).unwrap();
        (vector["name"].as_str().unwrap().to_owned(), bytes, vector["error"].as_str().map(str::to_owned))
    };
    file["vectors"].as_array().unwrap().iter().map(read).collect()
}

fn transcript(name: &str) -> Vec<u8> {
    transcripts().into_iter().find(|(found, ..)| found == name).unwrap().1
}

#[test]
fn transcripts_are_checked_with_nothing_but_the_file() {
    let home = tempfile::tempdir().unwrap();
    for (name, bytes, error) in transcripts() {
        let output = verify(&home, &bytes);
        assert_eq!(output.status.code(), Some(i32::from(error.is_some())), "{name}");
        assert_eq!(output.stdout.is_empty(), error.is_some(), "{name}");
    }
}

#[test]
fn the_account_of_an_audit_can_be_read() {
    let home = tempfile::tempdir().unwrap();
    let text = |name: &str| String::from_utf8(verify(&home, &transcript(name)).stdout).unwrap();
    let proved = text("all proved");
    assert!(
        proved.contains("auditor-trusted") && proved.contains("answered after 20 of 4000 ms"),
        "{proved}"
    );
    let lost = text("missing, corrupt twice, refused");
    for word in ["\nmissing ", "\ncorrupt ", "\nrefused (egress) ", "\nproved "] {
        assert!(lost.contains(word), "{word:?} in {lost}");
    }
    assert!(text("drand").contains("not checked here"));
    assert!(text("all proved, without slices").contains("the auditor's word"));
    assert!(text("offline before the draw").contains("nothing was drawn"));

    let json = run(home.path(), &["--json", "verify", "file"]).stdout;
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json["type"], &json["body"]["ended"]), (&"transcript".into(), &"offline".into()), "{json}");
}

#[test]
fn a_log_of_audits_is_checked_to_its_end() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("audits.log");
    let mut log = AuditLog::open(&path).unwrap();
    for name in ["all proved", "nothing there", "late", "offline before the draw"] {
        log.append(&Transcript::decode(&transcript(name)).unwrap()).unwrap();
    }
    let head = log.head();
    drop(log);
    let output = run(home.path(), &["--json", "verify", "audits.log"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({
        "type": "audit_log", "audits": 4, "proved": 1, "unanswered": 2, "chain": head.chain.to_string(),
    });
    assert_eq!(json, expected);

    let mut changed = fs::read(&path).unwrap();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(&path, &changed).unwrap();
    let output = run(home.path(), &["verify", "audits.log"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("is not what was written"), "{error}");
}

#[test]
fn the_status_of_a_folder_needs_a_node_in_it() {
    let home = tempfile::tempdir().unwrap();
    let status = || run(home.path(), &["node", "status", "--dir", "."]);
    assert_eq!(status().status.code(), Some(1));
    fs::write(home.path().join("node.key"), [1; 32]).unwrap();
    let output = status();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("no auditor"));
    let short = run(home.path(), &["node", "status", "ab"]);
    assert_eq!(short.status.code(), Some(1), "there is no network file either");
}
