//! Names: what two machines of one account put comes back from 24 words, and what is removed does not.

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Devnet, noise, program};

/// Runs with words on standard input.
fn restore(devnet: &Devnet, account: &str, words: &str) -> Output {
    let mut process = program(&devnet.home)
        .args(["--json", "--account", account, "account", "restore"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(words.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

fn names(devnet: &Devnet, account: &str) -> Vec<(String, u64)> {
    let (list, code) = devnet.json(&["--account", account, "ls", "--recursive"]);
    assert_eq!(code, 0, "{list}");
    let files = list["files"].as_array().unwrap().iter();
    files.map(|file| (file["name"].as_str().unwrap().to_owned(), file["size"].as_u64().unwrap())).collect()
}

#[test]
fn what_was_put_comes_back_from_the_words_alone() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let devnet = Devnet::start(home, &["--nodes", "8", "--coding", "5+3"]);
    let film = noise(300_001);
    fs::write(home.join("film.mp4"), &film).unwrap();

    // The second machine has the same secret and nothing else.
    let put = |account: &str, arguments: &[&str]| {
        let (put, code) = devnet.json(&[&["--account", account, "put"], arguments].concat());
        assert_eq!((code, &put["pushed"]), (0, &Value::Bool(true)), "{put}");
        put["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(put("one", &["film.mp4", "--name", "films/river.mp4"]), "/films/river.mp4");
    let phrase = devnet.run(&["--account", "one", "account", "phrase"]);
    let words = String::from_utf8(phrase.stdout).unwrap();
    assert_eq!(words.split_whitespace().count(), 24);
    assert!(String::from_utf8(phrase.stderr).unwrap().contains("can read and release all that you store"));
    assert_eq!(restore(&devnet, "two", &words).status.code(), Some(0));
    assert_eq!(put("two", &["film.mp4"]), "/film.mp4");
    assert_eq!(put("two", &["film.mp4"]), "/film (2).mp4", "a name that is taken gets a number");
    for (name, kind) in [("film.mp4/part", "is a file"), ("films", "is a folder")] {
        let refused = devnet.run(&["--account", "two", "put", "film.mp4", "--name", name]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(1) && said.contains(kind), "{said}");
        let refused = devnet.run(&["--account", "two", "mv", "/film (2).mp4", name]);
        assert!(refused.status.code() == Some(1), "{refused:?}");
    }
    fs::rename(home.join("film.mp4"), home.join("river.mp4")).unwrap();
    assert_eq!(put("one", &["river.mp4", "--name", "films/", "--replace"]), "/films/river.mp4");
    fs::rename(home.join("river.mp4"), home.join("film.mp4")).unwrap();
    let moved = devnet.run(&["--account", "one", "mv", "/film (2).mp4", "/films/"]);
    assert_eq!(moved.status.code(), Some(0), "{moved:?}");

    let all = names(&devnet, "two");
    assert_eq!(
        all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["/film.mp4", "/films/film (2).mp4", "/films/river.mp4"]
    );
    fs::remove_dir_all(home.join("one.index")).unwrap();
    fs::remove_dir_all(home.join("two.index")).unwrap();
    fs::remove_file(home.join("one")).unwrap();
    fs::remove_file(home.join("two")).unwrap();
    for node in [0, 3, 6] {
        devnet.order(node, "kill");
    }
    wrong_words_change_nothing(&devnet, &words);
    let restored = restore(&devnet, "bare", &words);
    let answer: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!((restored.status.code(), &answer["files"]), (Some(0), &Value::from(3)), "{answer}");
    let freshness = &answer["freshness"];
    assert_eq!((&freshness["answered"], &freshness["copies"]), (&Value::from(5), &Value::from(8)));
    assert_eq!(freshness["devices"].as_array().unwrap().len(), 2);
    assert_eq!(names(&devnet, "bare"), all);
    for (name, _) in &all {
        let read = devnet.run(&["--account", "bare", "get", name]);
        assert!(read.stdout == film, "{name}: {}", String::from_utf8_lossy(&read.stderr));
    }
    for node in [0, 3, 6] {
        devnet.order(node, "start");
    }
    export_and_import(&devnet, &all);
    removed_is_removed(&devnet, &film);
}

fn wrong_words_change_nothing(devnet: &Devnet, words: &str) {
    let first = words.split_whitespace().next().unwrap();
    let wrong = words.replacen(first, if first == "zoo" { "abandon" } else { "zoo" }, 1);
    let refused = restore(devnet, "bare", &wrong);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(!devnet.home.join("bare").exists());
    assert_eq!(devnet.run(&["--account", "other", "account"]).status.code(), Some(0));
    let refused = restore(devnet, "other", words);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("another account"));
}

fn export_and_import(devnet: &Devnet, all: &[(String, u64)]) {
    assert_eq!(devnet.run(&["--account", "bare", "export", "index.hwx"]).status.code(), Some(0));
    let sealed = fs::read(devnet.home.join("index.hwx")).unwrap();
    assert!(!sealed.windows(5).any(|window| window == b"river"), "the export is encrypted");
    fs::remove_dir_all(devnet.home.join("bare.index")).unwrap();
    let (import, code) = devnet.json(&["--account", "bare", "import", "index.hwx"]);
    assert_eq!((code, &import["files"]), (0, &Value::from(all.len())), "{import}");
    assert_eq!(devnet.run(&["--account", "other", "import", "index.hwx"]).status.code(), Some(1));
}

fn removed_is_removed(devnet: &Devnet, film: &[u8]) {
    let link = devnet.run(&["--account", "bare", "put", "film.mp4", "--name", "gone.mp4"]).stdout;
    let link = String::from_utf8(link).unwrap();
    let (removed, code) = devnet.json(&["--account", "bare", "rm", "/gone.mp4"]);
    assert_eq!((code, &removed["files"][0]["ended"]), (0, &Value::from(16)), "{removed}");
    assert_eq!(devnet.run(&["get", link.trim()]).status.code(), Some(1), "no node holds it any more");
    assert_eq!(devnet.run(&["--account", "bare", "get", "/gone.mp4"]).status.code(), Some(1));

    let (put, _) = devnet.json(&["--account", "bare", "put", "film.mp4", "--name", "record", "--erasable"]);
    assert!(devnet.run(&["--account", "bare", "get", "/record"]).stdout == film);
    let words = String::from_utf8(devnet.run(&["--account", "bare", "account", "phrase"]).stdout).unwrap();
    assert_eq!(restore(devnet, "third", &words).status.code(), Some(0));
    let refused = devnet.run(&["--account", "third", "get", "/record"]);
    assert!(
        String::from_utf8(refused.stderr).unwrap().contains("erasable"),
        "the words do not bring its key back"
    );
    let (removed, code) = devnet.json(&["--account", "bare", "rm", "/record"]);
    assert_eq!((code, &removed["files"][0]["key"]), (0, &Value::from("destroyed")), "{removed}");
    assert_eq!(fs::read_dir(devnet.home.join("bare.keys")).unwrap().count(), 0);
    assert_eq!(devnet.run(&["stat", put["cid"].as_str().unwrap()]).status.code(), Some(1));
}
