//! Publishing as a person does it: a film in several sizes, again for longer, listed, shown, denied, withdrawn.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Devnet, http, run};

const DAY_S: u64 = 86_400;

#[test]
fn a_film_is_published_kept_longer_shown_and_taken_back() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    clip(
        home,
        "film.mkv",
        "-f lavfi -i testsrc2=s=640x480:r=5:d=2 -f lavfi -i sine=440:d=2 -c:v libx264 -c:a flac",
    );
    let own: Value = serde_json::from_slice(&run(home, &["--json", "account"]).stdout).unwrap();
    let key = own["creator"].as_str().unwrap();
    let devnet = Devnet::start(home, &["--nodes", "4", "--coding", "2+1", "--denylist", key]);

    let id = publish_twice(&devnet);
    let address = list_and_show(&devnet, &id);
    a_smaller_coding_is_suggested(&devnet);

    let (answer, code) = devnet.json(&["deny", &address, "--reason", "a court said so"]);
    assert_eq!(
        (code, &answer["done"], &answer["gateways"][0]["done"]),
        (0, &"denied".into(), &true.into()),
        "{answer}"
    );
    assert_eq!(answer["target"], id.as_str());
    let (head, _) = http("GET", &format!("{address}/master.m3u8"), "");
    assert!(head.starts_with("HTTP/1.1 451"), "the devnet's gateway follows the denylist: {head}");

    let plain = devnet.run(&["publications", "withdraw", &address]);
    let said = String::from_utf8(plain.stdout).unwrap();
    assert!(plain.status.success() && said.starts_with("withdrawn at http://"), "{said}");
    assert!(devnet.run(&["publications"]).stdout.is_empty());
}

/// Publishes a ladder, and then the same for longer; gives the id.
fn publish_twice(devnet: &Devnet) -> String {
    let publish = |keep: &str| {
        let (answer, code) = devnet.json(&[
            "publish",
            "film.mkv",
            "--title",
            "The river",
            "--by",
            "Ada",
            "--ladder",
            "--keep",
            keep,
        ]);
        assert_eq!((code, answer["tracks"].as_u64()), (0, Some(3)), "{answer}");
        answer
    };
    let first = publish("10d");
    assert_eq!((&first["known"], days_left(&first)), (&false.into(), 10));
    let longer = publish("90d");
    assert_eq!((&longer["known"], &longer["id"]), (&true.into(), &first["id"]), "nothing is stored again");
    assert_eq!(days_left(&longer), 90, "but everything is kept longer");
    assert_eq!(days_left(&publish("1d")), 90, "and never shorter");
    first["id"].as_str().unwrap().to_owned()
}

fn days_left(answer: &Value) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    // A few minutes of a slow machine do not count.
    (answer["kept_until"].as_u64().unwrap() + 3600 - now) / DAY_S
}

/// What is there in a table and one by one; gives the address.
fn list_and_show(devnet: &Devnet, id: &str) -> String {
    let table = String::from_utf8(devnet.run(&["publications", "--mine"]).stdout).unwrap();
    let [head, row] = table.lines().collect::<Vec<_>>()[..] else { panic!("{table}") };
    assert!(
        head.starts_with("DATE") && row.contains("  0:02  ") && row.contains("The river  Ada"),
        "{table}"
    );
    assert!(row.ends_with(id), "{table}");
    let (list, _) = devnet.json(&["publications"]);
    let address =
        format!("{}{}", devnet.state()["gateway"].as_str().unwrap(), list[0]["watch"].as_str().unwrap());

    let shown = String::from_utf8(devnet.run(&["publications", "show", &address]).stdout).unwrap();
    for words in
        ["The river\n", "  by         Ada\n", "  length     0:02\n", &address, "video-240", "640x480"]
    {
        assert!(shown.contains(words), "{words:?} is not in\n{shown}");
    }
    assert!(!shown.contains(['{', '"']), "{shown}");
    let (details, _) = devnet.json(&["publications", "show", id]);
    assert_eq!((&details["id"], details["tracks"].as_array().unwrap().len()), (&id.into(), 3));
    address
}

fn a_smaller_coding_is_suggested(devnet: &Devnet) {
    let output = devnet.run(&["put", "film.mkv", "--coding", "5+3"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("4 nodes are enough for --coding 3+1"), "{error}");
    let output = devnet.run(&["publish", "film.mkv", "--title", "x", "--coding", "5+3"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("4 nodes are enough for --coding 3+1"), "{error}");
}

/// What ffmpeg makes from these arguments, which are separated by spaces.
fn clip(home: &std::path::Path, name: &str, arguments: &str) {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(arguments.split(' ')).arg(home.join(name));
    assert!(command.status().unwrap().success(), "{command:?}");
}
