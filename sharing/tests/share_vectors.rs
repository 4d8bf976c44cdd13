//! Runs every golden vector in `docs/vectors/shares`. `make.py` there makes them from the specification alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use chunker::{AccountSecret, CellSize, Coding, ContentKey, Geometry, Manifest, SealedBatch, SealedBatches};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use protocol::{NetworkId, Record, RecordError, Signed};
use serde_json::{Value, json};
use sharing::{
    LinkId, Passcode, SealedReadError, SealedReader, SealedUpload, SealedUploadError, Share, ShareEnd,
    ShareKeys, ShareLink, ShareLinkError, ShareReader, ShareRecord, ShareSecret, SharedFolder,
    SharedFolderError, UnwrapError, Wrapped,
};

fn file(name: &str) -> Value {
    let path = format!("{}/../docs/vectors/shares/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

fn list(file: &Value, key: &str) -> Vec<Value> {
    file[key].as_array().unwrap().clone()
}

/// The vectors in a file that has both accepted and rejected ones.
fn vectors(file: &Value) -> Vec<Value> {
    let vectors = list(file, "vectors");
    assert!(vectors.iter().any(|vector| vector["error"].is_string()), "there are rejections");
    assert!(vectors.iter().any(|vector| vector["error"].is_null()), "there are accepted vectors");
    vectors
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap()
}

fn hex(vector: &Value, key: &str) -> Vec<u8> {
    HEXLOWER.decode(text(vector, key).as_bytes()).unwrap()
}

fn base64url(vector: &Value, key: &str) -> Vec<u8> {
    BASE64URL_NOPAD.decode(text(vector, key).as_bytes()).unwrap()
}

fn keys(vector: &Value) -> ShareKeys {
    let secret = ShareSecret::from_text(text(vector, "secret")).unwrap();
    let passcode = vector["passcode"].as_str().map(|text| Passcode::new(text).unwrap());
    ShareKeys::derive(text(vector, "id").parse().unwrap(), &secret, passcode.as_ref())
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
fn what_follows_from_a_link() {
    for vector in &list(&file("keys.json"), "keys") {
        let (keys, name) = (keys(vector), &vector["name"]);
        assert_eq!(keys.access().expose().as_slice(), hex(vector, "access"), "{name}");
        if vector["knock"].is_string() {
            assert_eq!(keys.knock().expose().as_slice(), hex(vector, "knock"), "{name}");
            let tag = keys.access().tag(&text(vector, "object").parse().unwrap());
            assert_eq!(tag.as_bytes().as_slice(), hex(vector, "tag"), "{name}");
        }
    }
}

#[test]
fn what_follows_from_an_account() {
    for vector in &list(&file("keys.json"), "account") {
        let account = AccountSecret::from_bytes(hex(vector, "account").try_into().unwrap());
        let id: LinkId = text(vector, "id").parse().unwrap();
        assert_eq!(account.share_secret(id.as_bytes()).expose().as_slice(), hex(vector, "secret"));
        assert_eq!(account.share_key_seed(id.as_bytes()).expose().as_slice(), hex(vector, "share_key_seed"));
    }
}

#[test]
fn passcodes() {
    for vector in &list(&file("keys.json"), "passcodes") {
        assert_eq!(json!(Passcode::new(text(vector, "passcode")).is_ok()), vector["good"], "{vector}");
    }
}

#[test]
fn links() {
    for vector in &vectors(&file("links.json")) {
        let link = text(vector, "link");
        let result = link.parse::<ShareLink>().map_err(|error| match error {
            ShareLinkError::Form => "form",
            ShareLinkError::Origin => "origin",
            ShareLinkError::Id => "id",
            ShareLinkError::Secret => "secret",
        });
        check(vector, result, |parsed| {
            assert_eq!(parsed.to_string(), link);
            assert_eq!(parsed.origin(), text(vector, "origin"));
            assert_eq!(parsed.id().as_bytes().as_slice(), hex(vector, "id"));
            assert_eq!(parsed.secret().expose().as_slice(), hex(vector, "secret"));
            assert_eq!(json!(parsed.has_passcode()), vector["passcode"]);
            assert!(!format!("{parsed:?}").contains(parsed.secret().expose_text().as_str()));
        });
    }
}

#[test]
fn wrapped() {
    for vector in &vectors(&file("wrapped.json")) {
        let keys = keys(vector);
        let bytes = base64url(vector, "wrapped");
        let result = Wrapped::from_slice(&bytes).and_then(|wrapped| wrapped.open(&keys));
        let result = result.map_err(|error| match error {
            UnwrapError::Size { .. } => "size",
            UnwrapError::Tag => "tag",
            UnwrapError::Length { .. } => "length",
            UnwrapError::Padding => "padding",
            UnwrapError::Contents(_) => "malformed",
        });
        check(vector, result, |contents| {
            assert_eq!(Wrapped::seal(&keys, &contents).as_bytes().as_slice(), bytes, "{}", vector["name"]);
        });
    }
}

#[test]
fn records() {
    let file = file("records.json");
    let network: NetworkId = text(&file, "network").parse().unwrap();
    for vector in &vectors(&file) {
        match text(vector, "type") {
            Share::TYPE => record::<Share>(vector, &network),
            ShareEnd::TYPE => record::<ShareEnd>(vector, &network),
            ShareReader::TYPE => record::<ShareReader>(vector, &network),
            other => panic!("no record has type {other}"),
        }
    }
}

fn record<T: Record>(vector: &Value, network: &NetworkId) {
    let bytes = hex(vector, "record");
    let result = Signed::<T>::decode(&bytes, network).map_err(|error| match error {
        RecordError::Network { .. } => "network",
        RecordError::Signature { .. } => "signature",
        RecordError::Type { .. } => "type",
        _ => "malformed",
    });
    check(vector, result, |signed| {
        assert_eq!(signed.encode(), bytes, "{}", vector["name"]);
        assert_eq!(HEXLOWER.encode(signed.by().as_bytes()), text(vector, "by"));
        let any = ShareRecord::decode(&bytes).unwrap();
        assert_eq!(any.kind(), T::TYPE);
        assert!(any.to_string().contains(&signed.body().to_string()));
    });
}

/// What stands in front of the cells of an upload.
#[test]
fn uploads() {
    for vector in &vectors(&file("uploads.json")) {
        let head = hex(vector, "head");
        let result = SealedUpload::decode(&head).map_err(|error| match error {
            SealedUploadError::Cbor(_) => "malformed",
            SealedUploadError::Version { .. } => "version",
            SealedUploadError::CellSize { .. } => "cell",
            SealedUploadError::Coding(_) => "coding",
            SealedUploadError::Geometry(_) => "geometry",
            SealedUploadError::ControlKey => "control",
            SealedUploadError::Mandate(_) => "mandate",
        });
        check(vector, result, |upload| {
            let encoded = upload.encode();
            let (len, cbor) = encoded.split_first_chunk::<4>().unwrap();
            assert_eq!((u32::from_le_bytes(*len) as usize, cbor), (head.len(), head.as_slice()));
        });
    }
}

#[test]
fn folders() {
    for vector in &vectors(&file("folders.json")) {
        let list = hex(vector, "list");
        let object_len = vector["object_len"].as_u64().unwrap();
        let result = SharedFolder::decode(&list, object_len).map_err(|error| match error {
            SharedFolderError::Order { .. } => "order",
            SharedFolderError::ObjectLength { .. } => "object_len",
            _ => "malformed",
        });
        check(vector, result, |folder| {
            let head = folder.head();
            assert_eq!(head[4..], list, "{}", vector["name"]);
            assert_eq!(SharedFolder::list_len(*head.first_chunk().unwrap()), Ok(list.len()));
            assert_eq!(SharedFolder::new(folder.files().to_vec()).as_ref(), Ok(&folder));
            assert_eq!(folder.places().next().unwrap().1.start, head.len() as u64);
            assert_eq!(folder.places().last().unwrap().1.end, object_len);
        });
    }
}

/// Every answer in one piece, and byte by byte: both end in the same way.
#[test]
fn answers() {
    let file = file("answers.json");
    for vector in &vectors(&file) {
        let objects = list(&file, "objects");
        let object = objects.iter().find(|object| object["name"] == vector["object"]).unwrap();
        let manifest = BASE64.decode(text(object, "manifest").as_bytes()).unwrap();
        let manifest = Manifest::decode(&manifest).unwrap();
        let key = ContentKey::from_bytes(hex(object, "key").try_into().unwrap());
        let answer = BASE64.decode(text(vector, "answer").as_bytes()).unwrap();
        for piece in [usize::MAX, 1000, 7] {
            let result = read(&manifest, &key, vector, &answer, piece);
            check(vector, result, |plaintext| {
                let hash = blake3::hash(&plaintext).to_hex();
                assert_eq!(hash.as_str(), text(vector, "plaintext_hash"), "{}", vector["name"]);
            });
        }
    }
}

fn read(
    manifest: &Manifest,
    key: &ContentKey,
    vector: &Value,
    answer: &[u8],
    piece: usize,
) -> Result<Vec<u8>, &'static str> {
    let range = vector["cells"][0].as_u64().unwrap()..vector["cells"][1].as_u64().unwrap();
    let (_, opener) = manifest.open(key).unwrap();
    let mut reader = SealedReader::new(manifest, range.clone());
    let (mut plaintext, mut next) = (Vec::new(), range.start);
    for piece in answer.chunks(piece) {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(batch) = reader.push(&mut input).map_err(|error| name_of(&error))? {
            for cell in batch.cells {
                assert_eq!(cell.index, next);
                opener.open(cell.index, &cell.bytes, &mut plaintext).map_err(|_| "cell")?;
                next += 1;
            }
        }
    }
    reader.finish().map_err(|error| name_of(&error))?;
    Ok(plaintext)
}

fn name_of(error: &SealedReadError) -> &'static str {
    match error {
        SealedReadError::Truncated { .. } => "truncated",
        SealedReadError::Excess => "excess",
        SealedReadError::Frame { .. } => "frame",
        SealedReadError::Slice { .. } => "slice",
    }
}

#[test]
fn layouts() {
    for vector in &list(&file("answers.json"), "layouts") {
        let number = |key: &str| vector[key].as_u64().unwrap();
        let columns = |key: &str| u8::try_from(number(key)).unwrap();
        let coding = Coding::new(columns("k"), columns("m")).unwrap();
        let geometry = Geometry::new(coding, CellSize::LARGEST, number("cells")).unwrap();
        let range = vector["range"][0].as_u64().unwrap()..vector["range"][1].as_u64().unwrap();
        let batches: Vec<SealedBatch> = SealedBatches::new(geometry, range).collect();
        let runs = batches.iter().flat_map(SealedBatch::runs);
        let frames = runs.map(|run| json!([run.segment, run.column.number(), run.first_row, run.rows]));
        assert_eq!(Value::Array(frames.collect()), vector["frames"]);
    }
}
