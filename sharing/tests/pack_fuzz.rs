//! Seeded fuzzing of what a folder of records is read from.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _, Nonce};
use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use serde_json::Value;
use sharing::{Catalogue, PackRef, RecordLink};

fn vectors(file: &str) -> Vec<Value> {
    let path = format!("{}/../docs/vectors/packs/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn bytes(vector: &Value, key: &str) -> Vec<u8> {
    HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()
}

fn only_pack(vector: &Value) -> PackRef {
    Catalogue::decode(&bytes(vector, "catalogue")).unwrap().packs()[0].clone()
}

/// The key that seals index and top of a pack, and the nonce of a part.
fn index_cipher(pack: &PackRef) -> ChaCha20Poly1305 {
    let key = blake3::derive_key("headwater v1 pack index key", pack.key().expose());
    ChaCha20Poly1305::new((&key).into())
}

fn nonce(flag: u8) -> Nonce {
    let mut nonce = [0; 12];
    nonce[11] = flag;
    nonce.into()
}

/// What is sealed, damaged and sealed again: as somebody with the key can write it who means harm.
fn resealed(pack: &PackRef, flag: u8, plain: &[u8]) -> Vec<u8> {
    let mut text = plain.to_vec();
    let tag = index_cipher(pack)
        .encrypt_inout_detached(&nonce(flag), b"", InOutBuf::from(text.as_mut_slice()))
        .unwrap();
    text.extend_from_slice(&tag);
    text
}

fn opened(pack: &PackRef, flag: u8, sealed: &[u8]) -> Vec<u8> {
    let (text, tag) = sealed.split_last_chunk::<16>().unwrap();
    let mut plain = text.to_vec();
    index_cipher(pack)
        .decrypt_inout_detached(&nonce(flag), b"", plain.as_mut_slice().into(), tag.into())
        .unwrap();
    plain
}

#[test]
fn catalogues() {
    let corpus: Vec<_> = vectors("catalogues.json").iter().map(|vector| bytes(vector, "bytes")).collect();
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(catalogue) = Catalogue::decode(&bytes) {
            assert_eq!(catalogue.encode().unwrap(), bytes);
        }
    });
}

#[test]
fn tops() {
    let good = &vectors("tops.json")[0];
    let pack = only_pack(good);
    let corpus = [opened(&pack, 1, &bytes(good, "top"))];
    fuzz(|random| {
        let top = resealed(&pack, 1, &random.damaged(&corpus));
        if let Ok(top) = pack.open_top(&top) {
            assert!(top.blocks().is_sorted_by(|one, two| one.first < two.first));
            assert_eq!(top.index_range().end, pack.top_range().start);
        }
    });
}

#[test]
fn blocks() {
    let good = &vectors("blocks.json")[0];
    let pack = only_pack(good);
    let top = pack.open_top(&bytes(good, "top")).unwrap();
    let place = &top.blocks()[0];
    let corpus = [opened(&pack, 0, &bytes(good, "block"))];
    fuzz(|random| {
        let mut plain = random.damaged(&corpus);
        // A block of another length is refused before it is opened.
        plain.resize(corpus[0].len(), 0);
        let sealed = resealed(&pack, 0, &plain);
        let Ok(block) = pack.open_block(&top, place, &sealed) else { return };
        for (name, place) in block.entries() {
            assert!(place.range().end <= top.records_len());
            assert!(name.as_str().split('/').all(|part| part != ".." && !part.is_empty()));
        }
    });
}

#[test]
fn links() {
    let corpus: Vec<_> = vectors("links.json")
        .iter()
        .map(|vector| vector["link"].as_str().unwrap().as_bytes().to_vec())
        .collect();
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        let Ok(text) = std::str::from_utf8(&bytes) else { return };
        if let Ok(link) = text.parse::<RecordLink>() {
            assert_eq!(link.to_string(), text);
        }
    });
}
