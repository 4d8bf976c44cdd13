//! The program from outside: exit codes, where output goes, and what first use leaves behind. No network is needed.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The program in a home folder of its own, without anything of this user's environment.
fn headwater(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command
}

fn run(home: &TempDir, arguments: &[&str]) -> Output {
    headwater(home.path()).args(arguments).output().expect("the program runs")
}

/// Exit code and standard error of a run that must say nothing on standard output.
fn failure(home: &TempDir, arguments: &[&str]) -> (i32, String) {
    let output = run(home, arguments);
    assert!(output.stdout.is_empty(), "{arguments:?} wrote on standard output");
    (output.status.code().expect("it was not killed"), String::from_utf8(output.stderr).unwrap())
}

fn home() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A well-formed link to nothing: 10 characters of scheme, 59 of address, #, 43 of key.
const LINK: &str = "headwater:bafyr4iaaaebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4#\
                    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[test]
fn usage_errors_exit_with_2() {
    let home = home();
    let cases: &[&[&str]] = &[
        &[],
        &["fetch"],
        &["put", "--coding", "5"],
        &["put", "--coding", "5+0"],
        &["put", "--coding", "200+56"],
        &["put", "--keep", "soon"],
        &["get"],
        &["get", LINK, "--range", "9-3"],
        &["get", "not a link"],
        &["get", &LINK[..LINK.len() - 1]],
        &["get", &LINK[..69]],
        &["stat", "bafy"],
        &["audit", LINK, "--leaves", "0"],
        &["repair", "headwater:"],
        &["completions", "cmd.exe"],
        &["devnet", "--nodes", "8"],
        &["devnet", "--dir", "net", "--nodes", "7"],
        &["devnet", "--dir", "net", "--nodes", "4", "--coding", "3+2"],
        &["devnet", "--dir", "net", "--nodes", "100000"],
    ];
    for arguments in cases {
        let (code, error) = failure(&home, arguments);
        assert_eq!(code, 2, "{arguments:?}: {error}");
        assert!(!error.is_empty());
    }
    assert!(!home.path().join("net").exists(), "a usage error must not create the devnet's folder");
}

#[test]
fn a_malformed_link_is_one_line_that_does_not_repeat_the_key() {
    let home = home();
    let key = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3Jld";
    let (_, error) = failure(&home, &["get", &format!("{}{key}", &LINK[..70])]);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("headwater get: "), "{error}");
    assert!(!error.contains(key), "{error}");
}

#[test]
fn a_missing_network_file_says_where_and_what_to_do() {
    let home = home();
    for arguments in [&["get", LINK][..], &["put", "/etc/hostname"], &["nodes"], &["stat", LINK]] {
        let (code, error) = failure(&home, arguments);
        assert_eq!(code, 1, "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains("HEADWATER_NETWORK"), "{error}");
        assert!(error.contains(".config/headwater/network.json"), "{error}");
    }
}

#[test]
fn a_malformed_network_file_is_named() {
    let home = home();
    let file = home.path().join("net.json");
    let malformed: [&[u8]; 6] =
        [b"", b"{}", b"[1]", br#"{"network":"00","nodes":[]}"#, "\u{fffd}".as_bytes(), &[0xff, 0xfe]];
    for contents in malformed {
        fs::write(&file, contents).unwrap();
        let (code, error) = failure(&home, &["--network", "net.json", "nodes"]);
        assert_eq!(code, 1, "{contents:?}: {error}");
        assert!(error.contains("net.json") && !error.contains("no network to talk to"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

/// A network file without nodes: enough to get past it, too little to store anything.
fn empty_network(home: &TempDir) {
    let json = format!(r#"{{"network":"{}","nodes":[]}}"#, "ab".repeat(32));
    fs::write(home.path().join("empty.json"), json).unwrap();
}

const PUT: [&str; 6] = ["put", "/etc/passwd", "--network", "empty.json", "--coding", "2+1"];

#[test]
fn the_first_put_creates_a_private_account_and_says_so() {
    let home = home();
    empty_network(&home);
    let (code, first) = failure(&home, &PUT);
    assert_eq!(code, 1, "{first}");
    let account = home.path().join(".config/headwater/account");
    assert_eq!(fs::metadata(&account).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&account).unwrap().trim().len(), 64);
    assert!(first.contains("created your account") && first.contains(".config/headwater/account"), "{first}");

    let before = fs::read(&account).unwrap();
    let (_, second) = failure(&home, &PUT);
    assert!(!second.contains("created"), "{second}");
    assert_eq!(fs::read(&account).unwrap(), before);
}

#[test]
fn the_account_may_lie_elsewhere_and_must_be_one() {
    let home = home();
    empty_network(&home);
    let output = headwater(home.path()).args(PUT).env("HEADWATER_ACCOUNT", "mine").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(home.path().join("mine").exists());
    assert!(!home.path().join(".config").exists());

    fs::write(home.path().join("mine"), "not a secret").unwrap();
    let (code, error) = failure(&home, &[&["--account", "mine"][..], &PUT].concat());
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("64 hexadecimal digits"), "{error}");
}

#[test]
fn what_cannot_be_put_is_named_before_anything_happens() {
    let home = home();
    empty_network(&home);
    let put = |file| [PUT[0], file, PUT[2], PUT[3], PUT[4], PUT[5]];
    let (code, error) = failure(&home, &put("absent"));
    assert_eq!((code, error.contains("absent")), (1, true), "{error}");
    let (code, error) = failure(&home, &put("/etc"));
    assert_eq!((code, error.contains("tar c")), (2, true), "{error}");
    assert!(!home.path().join(".config").exists(), "nothing was stored, so no account is needed");
}

#[test]
fn links_are_read_from_files_and_standard_input() {
    let home = home();
    fs::write(home.path().join("film.link"), format!("{LINK}\n")).unwrap();
    // Past the link, the network file is what is missing.
    let (code, error) = failure(&home, &["get", "@film.link"]);
    assert_eq!((code, error.contains("HEADWATER_NETWORK")), (1, true), "{error}");
    let (code, error) = failure(&home, &["get", "@absent.link"]);
    assert_eq!((code, error.contains("absent.link")), (1, true), "{error}");
    let (code, error) = failure(&home, &["get", "-"]);
    assert_eq!((code, error.contains("not a link")), (2, true), "{error}");
}

#[test]
fn verify_refuses_what_is_no_record() {
    let home = home();
    fs::write(home.path().join("record"), [0xa6, 1, 2, 3]).unwrap();
    let (code, error) = failure(&home, &["verify", "record"]);
    assert_eq!((code, error.contains("record does not verify")), (1, true), "{error}");
    assert!(error.contains("not a signed record") && !error.contains(['{', '}']), "{error}");
    let (code, error) = failure(&home, &["verify", "absent"]);
    assert_eq!((code, error.contains("absent")), (1, true), "{error}");
}

#[test]
fn the_account_shows_its_payer_key_and_its_file() {
    let home = home();
    let first = run(&home, &["account", "--json"]);
    let answer: Value = serde_json::from_slice(&first.stdout).unwrap();
    let payer = answer["payer"].as_str().unwrap();
    assert_eq!(payer.len(), 64, "{answer}");
    let file = answer["file"].as_str().unwrap();
    assert_eq!(Path::new(file), home.path().join(".config/headwater/account"));
    let secret = fs::read_to_string(file).unwrap();
    let second = String::from_utf8(run(&home, &["account"]).stdout).unwrap();
    assert!(second.contains(payer) && second.contains(file), "{second}");
    assert!(!second.contains(secret.trim()), "the secret is not shown");
}

#[test]
fn a_mandate_names_its_holder_and_a_day_to_come() {
    let home = home();
    let holder = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
    let cases: &[&[&str]] = &[
        &["mandate", LINK],
        &["mandate", LINK, "--holder", "ab"],
        &["mandate", LINK, "--holder", &"ff".repeat(32)],
        &["mandate", LINK, "--holder", holder, "--until", "2027-02-30"],
        &["mandate", LINK, "--holder", holder, "--until", "2001-01-01"],
    ];
    for arguments in cases {
        let (code, error) = failure(&home, arguments);
        assert_eq!(code, 2, "{arguments:?}: {error}");
    }
}

#[test]
fn errors_are_json_when_answers_are() {
    let home = home();
    let cases: &[(&[&str], i32)] = &[
        (&["--json", "get", LINK], 1),
        (&["--json", "get", "not a link"], 2),
        (&["get", "--json"], 2),
        (&["--json", "fetch"], 2),
    ];
    for (arguments, expected) in cases {
        let (code, error) = failure(&home, arguments);
        let json: Value = serde_json::from_str(&error).unwrap_or_else(|_| panic!("{arguments:?}: {error}"));
        assert_eq!((code, &json["code"]), (*expected, &Value::from(*expected)), "{error}");
        assert!(!json["error"].as_str().unwrap().is_empty(), "{error}");
    }
    let notes = run(&home, &["--json", "account"]).stderr;
    let note: Value = serde_json::from_slice(&notes).unwrap();
    assert!(note["note"].as_str().unwrap().contains("created your account"), "{note}");
}

#[test]
fn help_version_and_completions_are_data() {
    let home = home();
    for arguments in [&["--help"][..], &["--version"], &["put", "--help"]] {
        let output = run(&home, arguments);
        assert!(output.status.success());
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&home, &["completions", shell]);
        assert!(output.status.success());
        let script = String::from_utf8(output.stdout).unwrap();
        for command in
            ["put", "get", "stat", "audit", "repair", "account", "mandate", "nodes", "verify", "devnet"]
        {
            assert!(script.contains(command), "{shell} completions do not know {command}");
        }
    }
}
