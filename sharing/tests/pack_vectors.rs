//! Runs every golden vector in `docs/vectors/packs`. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sharing::{
    Catalogue, CatalogueError, IndexPath, PackError, PackRef, PackWriter, RecordLink, RecordLinkError,
};

/// The vectors in a file, most of which are rejections.
fn vectors(name: &str) -> Vec<Value> {
    let path = format!("{}/../docs/vectors/packs/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn bytes(vector: &Value, key: &str) -> Vec<u8> {
    HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()
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

fn only_pack(vector: &Value) -> PackRef {
    Catalogue::decode(&bytes(vector, "catalogue")).unwrap().packs()[0].clone()
}

#[test]
fn packs() {
    for vector in &vectors("packs.json") {
        let said = only_pack(vector);
        let mut writer = PackWriter::new(said.key().clone());
        let mut written = Vec::new();
        for record in vector["records"].as_array().unwrap() {
            let name = IndexPath::new(record[0].as_str().unwrap()).unwrap();
            let mut record = HEXLOWER.decode(record[1].as_str().unwrap().as_bytes()).unwrap();
            writer.push(name, &mut record).unwrap();
            written.extend_from_slice(&record);
        }
        let ending = writer.finish().unwrap();
        written.extend_from_slice(&ending.bytes);
        assert!(written == bytes(vector, "pack"), "{}", vector["name"]);
        assert_eq!(PackRef::new(ending.summary, said.object(), said.until()), said);
    }
}

#[test]
fn tops() {
    for vector in &vectors("tops.json") {
        let result = only_pack(vector).open_top(&bytes(vector, "top")).map_err(|error| pack_error(&error));
        check(vector, result, |top| {
            let ranges: Vec<_> = top.blocks().iter().map(|block| block.range.clone()).collect();
            assert_eq!((top.records_len(), ranges), (60, vec![60..160, 160..360]));
        });
    }
}

#[test]
fn blocks() {
    for vector in &vectors("blocks.json") {
        let pack = only_pack(vector);
        let top = pack.open_top(&bytes(vector, "top")).unwrap();
        let place = &top.blocks()[usize::try_from(vector["number"].as_u64().unwrap()).unwrap()];
        let result = pack.open_block(&top, place, &bytes(vector, "block"));
        check(vector, result.map_err(|error| pack_error(&error)), |block| {
            assert!(!block.entries().is_empty());
            for (name, place) in block.entries() {
                assert_eq!(block.find(name), Some(*place));
            }
        });
    }
}

fn pack_error(error: &PackError) -> &'static str {
    match error {
        PackError::Length { .. } => "length",
        PackError::Key => "key",
        PackError::Cbor(_) => "malformed",
        PackError::Empty => "empty",
        PackError::Name { .. } => "name",
        PackError::Order { .. } => "order",
        PackError::Block { .. } => "block",
        PackError::Extent { .. } => "extent",
        PackError::First { .. } => "first",
        PackError::Last { .. } => "last",
        PackError::Place { .. } => "place",
    }
}

#[test]
fn catalogues() {
    for vector in &vectors("catalogues.json") {
        let bytes = bytes(vector, "bytes");
        let result = Catalogue::decode(&bytes).map_err(|error| match error {
            CatalogueError::Cbor(_) | CatalogueError::List(_) | CatalogueError::TooLong { .. } => "malformed",
            CatalogueError::Version { .. } => "version",
            CatalogueError::Name { .. } => "name",
            CatalogueError::Order { .. } => "order",
            CatalogueError::Bounds { .. } => "bounds",
            CatalogueError::NoneGone | CatalogueError::Gone { .. } => "gone",
        });
        check(vector, result, |catalogue| {
            assert_eq!(json!(catalogue.packs().len()), vector["packs"]);
            assert_eq!(catalogue.encode().unwrap(), bytes);
        });
    }
}

#[test]
fn links() {
    for vector in &vectors("links.json") {
        let text = vector["link"].as_str().unwrap();
        let result = text.parse::<RecordLink>().map_err(|error| match error {
            RecordLinkError::Scheme => "scheme",
            RecordLinkError::NoKey => "no_key",
            RecordLinkError::Cid(_) => "cid",
            RecordLinkError::Key => "key",
            RecordLinkError::Place => "place",
        });
        check(vector, result, |link| {
            assert_eq!(link.to_string(), text);
            assert!(!format!("{link:?}").contains(&text[text.len() - 102..]));
            assert_eq!(link.open(&bytes(vector, "sealed")).unwrap(), bytes(vector, "record"));
            let mut changed = bytes(vector, "sealed");
            changed[0] ^= 1;
            assert_eq!(link.open(&changed), Err(PackError::Key));
        });
    }
}
