//! The program from outside: exit codes, where output goes, and what first use leaves behind. No network is needed.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

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

/// The id of no publication.
const ID: &str = "bafyr4iaaaebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4";

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
        &["devnet", "--dir", "net", "--denylist", "me"],
        &["gateway", "--public-url", "media.example"],
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
        for arguments in [&["nodes"][..], &["put", "/etc/hostname"], &["get", LINK], &["publications"]] {
            let (code, error) = failure(&home, &[&["--network", "net.json"], arguments].concat());
            assert_eq!(code, 2, "{arguments:?}: {contents:?}: {error}");
            assert!(error.contains("net.json") && !error.contains("no network to talk to"), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}

/// A network file without nodes that names this gateway.
fn network_with_gateway(home: &TempDir, gateway: &str) {
    let json = format!(r#"{{"network":"{}","gateway":"{gateway}","nodes":[]}}"#, "ab".repeat(32));
    fs::write(home.path().join("empty.json"), json).unwrap();
}

#[test]
fn addresses_of_gateways_cannot_be_meant_unless_they_are_some() {
    let home = home();
    empty_network(&home);
    let commands: &[&[&str]] = &[
        &["publications"],
        &["publications", "show", ID],
        &["publications", "withdraw", ID],
        &["deny", ID, "--reason", "x"],
        &["publish", "/etc/hostname", "--title", "x"],
    ];
    for arguments in commands {
        let without = [&["--network", "empty.json"], *arguments].concat();
        let (code, error) = failure(&home, &without);
        assert_eq!((code, error.contains("--gateway URL")), (2, true), "{without:?}: {error}");
        for gateway in ["media.example", "localhost:8080", "ftp://media.example"] {
            let (code, error) = failure(&home, &[&without[..], &["--gateway", gateway]].concat());
            assert_eq!((code, error.contains(gateway)), (2, true), "{arguments:?}: {error}");
        }
    }
    network_with_gateway(&home, "localhost:8080");
    let (code, error) = failure(&home, &["--network", "empty.json", "publications"]);
    assert_eq!((code, error.contains("empty.json")), (2, true), "{error}");
}

#[test]
fn a_gateway_that_cannot_be_reached_is_called_so_with_its_address() {
    let home = home();
    // Nothing listens on port 1.
    network_with_gateway(&home, "http://127.0.0.1:1");
    let cases: &[&[&str]] = &[&["publications"], &["publications", "show", ID]];
    for arguments in cases {
        let (code, error) = failure(&home, &[&["--network", "empty.json"], *arguments].concat());
        assert_eq!(code, 1, "{error}");
        let expected = "http://127.0.0.1:1 cannot be reached: connection refused\n";
        assert!(error.ends_with(expected) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn what_is_done_at_gateways_is_answered_in_json() {
    let home = home();
    network_with_gateway(&home, "http://127.0.0.1:1");
    let address = format!("http://127.0.0.1:1/watch/{ID}");
    for (arguments, done) in [
        (&["publications", "withdraw", &address][..], "withdrawn"),
        (&["deny", ID, "--reason", "a court said so"], "denied"),
    ] {
        let output = run(&home, &[&["--json", "--network", "empty.json"], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&answer["target"], &answer["done"]), (&ID.into(), &done.into()), "{answer}");
        let told = &answer["gateways"][0];
        assert_eq!(
            (&told["gateway"], &told["done"]),
            (&"http://127.0.0.1:1/".into(), &false.into()),
            "{answer}"
        );
        assert!(told["reason"].as_str().unwrap().contains("cannot be reached"), "{answer}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
    }
}

#[test]
fn publications_are_named_by_id_or_address() {
    let home = home();
    network_with_gateway(&home, "http://127.0.0.1:1");
    for arguments in [
        &["publications", "show", "film"][..],
        &["publications", "withdraw", "https://media.example/film"],
        &["deny", "film", "--reason", "x"],
    ] {
        let (code, error) = failure(&home, arguments);
        assert_eq!((code, error.contains("https://…/watch/ID")), (2, true), "{arguments:?}: {error}");
    }
    let (code, error) = failure(&home, &["publications", "--mine", "show", ID]);
    assert_eq!((code, error.contains("--mine")), (2, true), "{error}");
}

#[test]
fn a_publication_is_checked_before_anything_is_stored() {
    let home = home();
    network_with_gateway(&home, "http://127.0.0.1:1");
    let publish = |more: &[&str]| {
        let common =
            ["--network", "empty.json", "publish", "/etc/hostname", "--title", "x", "--coding", "2+1"];
        failure(&home, &[&common, more].concat())
    };
    for (more, words) in [
        (
            &["--subtitles", "de.vtt:Deutsch"][..],
            &["\"Deutsch\"", "name of a language", "de.vtt:TAG:Deutsch"][..],
        ),
        (&["--language", "English"], &["name of a language", "pt-BR"]),
        (&["--language", "en_US"], &["no language tag"]),
    ] {
        let (code, error) = publish(more);
        assert_eq!(code, 2, "{more:?}: {error}");
        assert!(words.iter().all(|word| error.contains(word)), "{more:?}: {error}");
    }
    assert!(!home.path().join(".config").exists(), "nothing was stored, so no account is needed");
    fs::write(home.path().join("cover.jpg"), "no picture").unwrap();
    let (code, error) = publish(&["--cover", "cover.jpg"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("cannot take cover.jpg for a cover") && !error.contains("MediaType"), "{error}");
    let (code, error) = publish(&["--attach", "map.pdf"]);
    assert_eq!((code, error.contains("map.pdf")), (1, true), "{error}");
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
    for (arguments, name) in [
        (&["--json", "publish", "film.mp4"][..], "--title <TITLE>"),
        (&["--json", "get"], "<LINK|NAME|ADDRESS>"),
    ] {
        let (_, error) = failure(&home, arguments);
        let json: Value = serde_json::from_str(&error).unwrap();
        let said = json["error"].as_str().unwrap();
        assert!(said.contains(name) && !said.contains("Usage"), "{said}");
    }
    let notes = run(&home, &["--json", "account"]).stderr;
    let note: Value = serde_json::from_slice(&notes).unwrap();
    assert!(note["note"].as_str().unwrap().contains("created your account"), "{note}");
}

#[test]
fn usage_lines_do_not_ask_for_what_the_environment_gives() {
    let home = home();
    let missing = |command: &mut Command| {
        let output = command.args(["publish", "film.mp4"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let plain = missing(&mut headwater(home.path()));
    assert!(plain.contains("--title <TITLE>") && !plain.contains("--network"), "{plain}");
    let mut in_environment = headwater(home.path());
    in_environment.env("HEADWATER_NETWORK", "net.json").env("HEADWATER_CODING", "2+1");
    assert_eq!(missing(&mut in_environment), plain);
    // What is wrong in the environment is still told.
    let output =
        headwater(home.path()).args(["put", "film.mp4"]).env("HEADWATER_CODING", "two").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("--coding"), "{error}");
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

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let home = home();
    let child = headwater(home.path()).arg("account").stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(141));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!said.to_lowercase().contains("pipe"), "{said}");
}
