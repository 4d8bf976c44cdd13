//! Seeded fuzzing of everything about sealed shares that is read from elsewhere.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use chunker::{ContentKey, Manifest};
use data_encoding::{BASE64, HEXLOWER};
use fuzzing::fuzz;
use serde_json::Value;
use sharing::{SealedReader, SealedUpload, ShareLink, ShareRecord, SharedFolder};

fn read(file: &str) -> Value {
    let path = format!("{}/../docs/vectors/shares/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What the golden vectors hold under `key`, accepted or not.
fn corpus(file: &str, key: &str, decode: impl Fn(&str) -> Vec<u8>) -> Vec<Vec<u8>> {
    let vectors = read(file);
    let bytes =
        vectors["vectors"].as_array().unwrap().iter().map(|vector| decode(vector[key].as_str().unwrap()));
    bytes.filter(|bytes| !bytes.is_empty()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn links() {
    let corpus = corpus("links.json", "link", |text| text.as_bytes().to_vec());
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(text) = str::from_utf8(&bytes)
            && let Ok(link) = text.parse::<ShareLink>()
        {
            assert_eq!(link.to_string(), text);
        }
    });
}

#[test]
fn records() {
    let corpus = corpus("records.json", "record", unhex);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(ShareRecord::Share(record)) = ShareRecord::decode(&bytes) {
            assert_eq!(record.encode(), bytes);
        }
    });
}

#[test]
fn heads_of_uploads() {
    let corpus = corpus("uploads.json", "head", unhex);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(upload) = SealedUpload::decode(&bytes) {
            assert_eq!(upload.encode()[4..], bytes);
        }
    });
}

#[test]
fn folders() {
    let corpus = corpus("folders.json", "list", unhex);
    fuzz(|random| {
        let list = random.damaged(&corpus);
        let object_len = 4 + list.len() as u64 + random.index(30) as u64;
        if let Ok(folder) = SharedFolder::decode(&list, object_len) {
            assert_eq!(folder.head()[4..], list);
            assert!(
                folder
                    .files()
                    .iter()
                    .all(|file| !file.name.as_str().contains("..") || file.name.as_str().len() > 2)
            );
        }
    });
}

/// Whatever comes, no cell is given out that does not open to what its author sealed.
#[test]
fn answers() {
    let file = read("answers.json");
    let object = &file["objects"][0];
    let manifest = BASE64.decode(object["manifest"].as_str().unwrap().as_bytes()).unwrap();
    let manifest = Manifest::decode(&manifest).unwrap();
    let key = ContentKey::from_bytes(unhex(object["key"].as_str().unwrap()).try_into().unwrap());
    let (_, opener) = manifest.open(&key).unwrap();
    let whole: Vec<u8> = (0..3000_u64).map(|i| u8::try_from(i * i % 251).unwrap()).collect();
    let corpus: Vec<_> = corpus("answers.json", "answer", |text| BASE64.decode(text.as_bytes()).unwrap())
        .into_iter()
        .filter(|answer| answer.len() < 8192)
        .collect();
    fuzz(|random| {
        let mut input = Bytes::from(random.damaged(&corpus));
        let mut reader = SealedReader::new(&manifest, 0..3);
        let mut plaintext = Vec::new();
        while let Ok(Some(batch)) = reader.push(&mut input) {
            for cell in batch.cells {
                if opener.open(cell.index, &cell.bytes, &mut plaintext).is_err() {
                    return;
                }
            }
        }
        assert!(whole.starts_with(&plaintext));
        if input.is_empty() && reader.finish().is_ok() {
            assert_eq!(plaintext, whole);
        }
    });
}
