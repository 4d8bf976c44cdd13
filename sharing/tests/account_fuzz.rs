//! Seeded fuzzing of what an account's index is read from.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chunker::AccountSecret;
use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use protocol::{PointerValue, Sequence, Slot};
use serde_json::Value;
use sharing::{AccountIndex, Entry, Export, IndexPage, IndexRoot, PagePrefix, PointerContents, Seen};

/// What the golden vectors hold under `key`, accepted or not; only short ones, which leave time for more cases.
fn corpus(file: &str, key: &str) -> Vec<Vec<u8>> {
    let vectors = read(file);
    let bytes = vectors["vectors"].as_array().unwrap().iter();
    let bytes = bytes.map(|vector| HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap());
    bytes.filter(|bytes| (1..8192).contains(&bytes.len())).collect()
}

fn read(file: &str) -> Value {
    let path = format!("{}/../docs/vectors/account/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn account(file: &str) -> AccountSecret {
    let secret = HEXLOWER.decode(read(file)["secret"].as_str().unwrap().as_bytes()).unwrap();
    AccountSecret::from_bytes(secret.try_into().unwrap())
}

#[test]
fn entries() {
    let corpus = corpus("entries.json", "entry");
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(entry) = Entry::decode(&bytes) {
            assert_eq!(entry.encode(), bytes);
            assert_eq!(entry.name().to_string().parse().as_ref(), Ok(entry.name()));
        }
    });
}

#[test]
fn pages() {
    let corpus = corpus("pages.json", "page");
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(entries) = IndexPage::decode(&bytes, PagePrefix::ALL) {
            let pages = AccountIndex::new(entries, Seen::default()).pages().unwrap();
            assert_eq!(pages, [IndexPage { prefix: PagePrefix::ALL, bytes }]);
        }
    });
}

#[test]
fn roots() {
    let corpus = corpus("roots.json", "root");
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(root) = IndexRoot::decode(&bytes) {
            assert_eq!(root.encode(), bytes);
            assert_eq!(IndexRoot::new(root.pages().to_vec()), Ok(root));
        }
    });
}

/// No change of a sealed value goes unnoticed.
#[test]
fn pointers() {
    let (corpus, account) = (corpus("pointers.json", "value"), account("pointers.json"));
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        let is_known = corpus.contains(&bytes);
        let Ok(value) = PointerValue::new(bytes) else { return };
        let opened = PointerContents::open(&value, &account, Slot::new(1), Sequence::new(5));
        assert!(is_known || opened.is_err());
    });
}

#[test]
fn exports() {
    let (corpus, account) = (corpus("exports.json", "export"), account("exports.json"));
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(index) = Export::read(&bytes, &account)
            && bytes[5] == 0
        {
            assert_eq!(Export::Plain.write(&index, &account).unwrap(), bytes);
        }
    });
}
