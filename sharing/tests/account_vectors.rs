//! Runs every golden vector in `docs/vectors/account`. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chunker::{AccountSecret, Salt};
use data_encoding::HEXLOWER;
use proofs::canonical;
use protocol::{PointerValue, Sequence, Slot, UnixSeconds};
use serde_json::{Value, json};
use sharing::{
    AccountIndex, Clock, ContentHash, DeviceId, Entry, EntryError, EntryName, Export, ExportError, IndexPage,
    IndexPath, IndexRoot, PageError, PagePrefix, PointerContents, PointerContentsError, RootError, Seen,
    Stamp,
};

fn file(name: &str) -> Value {
    let path = format!("{}/../docs/vectors/account/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// The vectors in a file that has both accepted and rejected ones.
fn vectors(name: &str) -> Vec<Value> {
    let vectors = file(name)["vectors"].as_array().unwrap().clone();
    assert!(vectors.iter().any(|vector| vector["error"].is_string()), "{name} has rejections");
    assert!(vectors.iter().any(|vector| vector["error"].is_null()), "{name} has accepted vectors");
    vectors
}

fn bytes(vector: &Value, key: &str) -> Vec<u8> {
    HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()
}

fn secret(name: &str) -> AccountSecret {
    AccountSecret::from_bytes(bytes(&file(name), "secret").try_into().unwrap())
}

/// Compares how a vector ended with how it says it ends.
fn check<T>(vector: &Value, result: Result<T, &'static str>, accepted: impl FnOnce(T)) {
    let (name, expected) = (&vector["name"], vector["error"].as_str());
    match (result, expected) {
        (Ok(value), None) => accepted(value),
        (Ok(_), Some(expected)) => panic!("{name}: accepted, but is {expected}"),
        (Err(error), expected) => assert_eq!(Some(error), expected, "{name}"),
    }
}

#[test]
fn entries() {
    for vector in &vectors("entries.json") {
        let bytes = bytes(vector, "entry");
        let result = Entry::decode(&bytes).map_err(|error| entry_error(&error));
        check(vector, result, |entry| assert_eq!(entry.encode(), bytes, "{}", vector["name"]));
    }
}

fn entry_error(error: &EntryError) -> &'static str {
    match error {
        EntryError::Cbor(_) => "malformed",
        EntryError::Kinds(_) => "kinds",
        EntryError::Name => "name",
    }
}

#[test]
fn pages() {
    for vector in &vectors("pages.json") {
        let bytes = bytes(vector, "page");
        let prefix = prefix(vector["bits"].as_u64().unwrap(), vector["start"].as_u64().unwrap());
        let result = IndexPage::decode(&bytes, prefix).map_err(|error| page_error(&error));
        check(vector, result, |entries| {
            assert_eq!(json!(entries.len()), vector["entries"], "{}", vector["name"]);
            if prefix == PagePrefix::ALL {
                let pages = AccountIndex::new(entries, Seen::default()).pages().unwrap();
                assert_eq!(pages, [IndexPage { prefix, bytes }], "{}", vector["name"]);
            }
        });
    }
}

/// A prefix of no bits or of one.
fn prefix(bits: u64, start: u64) -> PagePrefix {
    if bits == 0 {
        return PagePrefix::ALL;
    }
    let root = file("roots.json")["vectors"][1]["root"].as_str().unwrap().to_owned();
    let root = IndexRoot::decode(&HEXLOWER.decode(root.as_bytes()).unwrap()).unwrap();
    assert_eq!(root.pages().len(), 2);
    root.pages()[usize::try_from(start).unwrap()].prefix
}

fn page_error(error: &PageError) -> &'static str {
    match error {
        PageError::Cbor(_) => "malformed",
        PageError::Version { .. } => "version",
        PageError::Entry { .. } => "entry",
        PageError::Order { .. } => "order",
        PageError::Place { .. } => "place",
        PageError::Hash => "hash",
    }
}

#[test]
fn splits() {
    let file = file("pages.json");
    for vector in file["splits"].as_array().unwrap() {
        let count = vector["count"].as_u64().unwrap();
        let paths = (0..count).map(|number| {
            if vector["long"] == true {
                vec![format!("{number:03}{}", "x".repeat(240)); 4].join("/")
            } else {
                number.to_string()
            }
        });
        let at = Stamp { clock: Clock::FIRST, device: DeviceId::from_bytes([1; 8]) };
        let gone =
            |path| Entry::gone(at, EntryName::File(IndexPath::new(path).unwrap()), UnixSeconds::new(1));
        let index = AccountIndex::new(paths.map(gone), Seen::default());
        let pages = index.pages().unwrap().into_iter().map(|IndexPage { prefix, bytes }| {
            json!({ "bits": prefix.bits(), "hash": ContentHash::of(&bytes).to_string() })
        });
        assert_eq!(vector["pages"], Value::Array(pages.collect()), "{}", vector["name"]);
    }
}

#[test]
fn roots() {
    for vector in &vectors("roots.json") {
        let bytes = bytes(vector, "root");
        let result = IndexRoot::decode(&bytes).map_err(|error| root_error(&error));
        check(vector, result, |root| {
            assert_eq!(root.encode(), bytes, "{}", vector["name"]);
            let bits: Vec<_> = root.pages().iter().map(|page| page.prefix.bits()).collect();
            assert_eq!(json!(bits), vector["bits"]);
            assert_eq!(IndexRoot::new(root.pages().to_vec()), Ok(root));
        });
    }
}

fn root_error(error: &RootError) -> &'static str {
    match error {
        RootError::Cbor(_) | RootError::List(_) => "malformed",
        RootError::Version { .. } => "version",
        RootError::Prefix { .. } => "prefix",
        RootError::Gap => "gap",
    }
}

#[test]
fn merges() {
    let file = file("merges.json");
    let merges = file["merges"].as_array().unwrap();
    assert!(merges.len() > 7);
    for vector in merges {
        let index = |key| {
            let entries = IndexPage::decode(&bytes(vector, key), PagePrefix::ALL).unwrap();
            AccountIndex::new(entries, Seen::default())
        };
        for merged in [index("one").merge(index("two")), index("two").merge(index("one"))] {
            assert_eq!(merged.pages().unwrap()[0].bytes, bytes(vector, "merged"), "{}", vector["name"]);
        }
    }
}

#[test]
fn pointers() {
    let account = secret("pointers.json");
    for vector in &vectors("pointers.json") {
        let value = bytes(vector, "value");
        let slot = Slot::new(vector["slot"].as_u64().unwrap().try_into().unwrap());
        let seq = Sequence::new(vector["seq"].as_u64().unwrap());
        // A value that is too long for any pointer is refused before it is looked at.
        let pointer = PointerValue::new(value.clone()).map_err(|_| "length");
        let result = pointer.and_then(|value| {
            PointerContents::open(&value, &account, slot, seq).map_err(|error| pointer_error(&error))
        });
        check(vector, result, |contents| {
            let salt = Salt::from_bytes(value[..32].try_into().unwrap());
            assert_eq!(contents.seal(&account, slot, seq, salt).as_bytes(), value, "{}", vector["name"]);
            let seen = canonical::to_vec(&contents.seen);
            let encoded = bytes(vector, "contents");
            assert!(encoded.windows(seen.len()).any(|window| window == seen));
        });
    }
}

fn pointer_error(error: &PointerContentsError) -> &'static str {
    match error {
        PointerContentsError::Length { .. } => "length",
        PointerContentsError::Key => "key",
        PointerContentsError::Claim { .. } => "claim",
        PointerContentsError::Padding => "padding",
        PointerContentsError::Cbor(_) => "malformed",
        PointerContentsError::Version { .. } => "version",
    }
}

#[test]
fn exports() {
    let account = secret("exports.json");
    for vector in &vectors("exports.json") {
        let bytes = bytes(vector, "export");
        let result = Export::read(&bytes, &account).map_err(|error| export_error(&error));
        check(vector, result, |index| {
            assert_eq!(json!(index.entries().len()), vector["entries"], "{}", vector["name"]);
            let form = if bytes[5] == 0 {
                Export::Plain
            } else {
                Export::Sealed(Salt::from_bytes(bytes[6..38].try_into().unwrap()))
            };
            assert_eq!(form.write(&index, &account).unwrap(), bytes, "{}", vector["name"]);
        });
    }
}

fn export_error(error: &ExportError) -> &'static str {
    match error {
        ExportError::TooLong { .. } => "too_long",
        ExportError::Magic => "magic",
        ExportError::Kind(_) => "kind",
        ExportError::Key => "key",
        ExportError::Cbor(_) | ExportError::List(_) => "malformed",
        ExportError::Version { .. } => "version",
        ExportError::Entry { .. } => "entry",
        ExportError::Order { .. } => "order",
    }
}
