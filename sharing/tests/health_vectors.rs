//! Runs every golden vector in `docs/vectors/health`, and damages them. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chunker::AccountSecret;
use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use protocol::{NetworkId, Signed};
use serde_json::Value;
use sharing::{
    HealthKey, HealthLink, HealthLinkFields, HealthLinkText, LinkId, Passcode, Trail, TrailKeys, link_key,
    open_jwe,
};

fn file(name: &str) -> Value {
    let path = format!("{}/../docs/vectors/health/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn hex32(value: &Value) -> [u8; 32] {
    hex(value).try_into().unwrap()
}

fn network(file: &Value) -> NetworkId {
    NetworkId::from_bytes(hex32(&file["network"]))
}

/// Runs each vector of a file; it says whether it is accepted.
fn each(file: &Value, run: impl Fn(&Value) -> Result<(), String>) {
    let vectors = file["vectors"].as_array().unwrap();
    for accepted in [true, false] {
        assert!(
            vectors.iter().any(|vector| vector["accepted"] == accepted),
            "some are accepted, some are not"
        );
    }
    for vector in vectors {
        let result = run(vector);
        assert_eq!(result.is_ok(), vector["accepted"] == true, "{}: {result:?}", vector["name"]);
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn file_key(file: &Value) -> HealthKey {
    let keys = &file["keys"][0];
    let account = AccountSecret::from_bytes(hex32(&keys["account"]));
    HealthKey::derive(&account, LinkId::from_bytes(hex32(&keys["id"])))
}

#[test]
fn links() {
    each(&file("links"), |vector| {
        let link: HealthLinkText = vector["link"].as_str().unwrap().parse().map_err(words)?;
        assert_eq!(*link.expose().parse::<HealthLinkText>().unwrap().expose(), *link.expose());
        Ok(())
    });
}

#[test]
fn keys_and_files() {
    let file = file("files");
    let keys = &file["keys"][0];
    let (account, id) =
        (AccountSecret::from_bytes(hex32(&keys["account"])), LinkId::from_bytes(hex32(&keys["id"])));
    assert_eq!(HealthKey::derive(&account, id).expose(), &hex32(&keys["file_key"]));
    assert_eq!(link_key(&account, id).public().as_bytes(), &hex32(&keys["link_key"]));
    let passcode = Passcode::new(keys["passcode"].as_str().unwrap()).unwrap();
    assert_eq!(HealthLinkFields::verifier(id, &passcode).as_bytes(), &hex32(&keys["verifier"]));
    each(&file, |vector| {
        let (_, plain) = open_jwe(&file_key(&file), vector["jwe"].as_str().unwrap()).map_err(words)?;
        assert_eq!(plain, hex(&vector["plain"]));
        Ok(())
    });
}

#[test]
fn records() {
    let file = file("records");
    each(&file, |vector| {
        let bytes = hex(&vector["record"]);
        let record: Signed<HealthLink> = Signed::decode(&bytes, &network(&file)).map_err(words)?;
        assert_eq!(record.encode(), bytes);
        Ok(())
    });
}

#[test]
fn trails() {
    let file = file("trails");
    let keys = TrailKeys::derive(&AccountSecret::from_bytes(hex32(&file["keys"][0]["account"])));
    assert_eq!(keys.signer().public().as_bytes(), &hex32(&file["keys"][0]["signer"]));
    each(&file, |vector| {
        let mut trail = Trail::begin(keys.signer().public(), network(&file));
        for entry in vector["entries"].as_array().unwrap() {
            trail.take(&hex(entry)).map_err(words)?;
        }
        assert_eq!(trail.head().commitment(&keys).as_bytes(), &hex32(&vector["commitment"]));
        Ok(())
    });
}

#[test]
fn what_is_damaged_does_not_bring_a_reader_down() {
    let (links, files, records) = (file("links"), file("files"), file("records"));
    let texts = |file: &Value, key: &str| -> Vec<Vec<u8>> {
        let vectors = file["vectors"].as_array().unwrap().iter();
        vectors.map(|vector| vector[key].as_str().unwrap().as_bytes().to_vec()).collect()
    };
    let (link_corpus, file_corpus) = (texts(&links, "link"), texts(&files, "jwe"));
    let record_corpus: Vec<_> =
        records["vectors"].as_array().unwrap().iter().map(|vector| hex(&vector["record"])).collect();
    let (key, network) = (file_key(&files), network(&records));
    fuzz(|random| {
        if let Ok(link) = String::from_utf8(random.damaged(&link_corpus))
            && let Ok(link) = link.parse::<HealthLinkText>()
        {
            assert_eq!(*link.expose().parse::<HealthLinkText>().unwrap().expose(), *link.expose());
        }
        if let Ok(jwe) = String::from_utf8(random.damaged(&file_corpus)) {
            drop(open_jwe(&key, &jwe));
        }
        let record = random.damaged(&record_corpus);
        if let Ok(signed) = Signed::<HealthLink>::decode(&record, &network) {
            assert_eq!(signed.encode(), record);
        }
    });
}
