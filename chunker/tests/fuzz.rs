//! Damaged bytes for everything here that reads bytes from elsewhere, as [`fuzzing::fuzz`] describes: whatever comes,
//! there is an answer, and what is accepted is written the same way again.

#![expect(clippy::unwrap_used, reason = "in tests a panic is how failures are told")]

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use chunker::{Coding, ContentKey, Link, Manifest};
use fuzzing::fuzz;
use hkdf::Hkdf;
use serde_json::Value;
use sha2::Sha256;

fn vectors(name: &str) -> Value {
    let path = format!("{}/../docs/vectors/chunker/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The field `field` of all vectors in a file.
fn corpus(name: &str, field: &str, decode: impl Fn(&str) -> Vec<u8>) -> Vec<Vec<u8>> {
    let file = vectors(name);
    let lists = [&file["accept"], &file["reject"]].map(|list| list.as_array().unwrap());
    lists.into_iter().flatten().map(|vector| decode(vector[field].as_str().unwrap())).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn manifest() {
    let corpus = corpus("manifest", "manifest", unhex);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(manifest) = Manifest::decode(&bytes) {
            assert_eq!(manifest.encode(), bytes);
            assert_eq!(manifest.geometry().shards(), manifest.roots().len());
        }
    });
}

/// Whatever a header holds, it is sealed properly: anyone can be an author.
#[test]
fn header() {
    let key: [u8; 32] = unhex(vectors("header")["accept"][0]["key"].as_str().unwrap()).try_into().unwrap();
    let manifests = corpus("header", "manifest", unhex);
    let place = place_of_header(&manifests[0]);
    let cipher = header_cipher(&key, &manifests[0]);
    let opened = |manifest: &Vec<u8>| {
        let (text, tag) = manifest[place..][..512].split_at(496);
        let mut plain = text.to_vec();
        let tag = Tag::try_from(tag).unwrap();
        cipher.decrypt_inout_detached(&Nonce::default(), b"", plain.as_mut_slice().into(), &tag).ok()?;
        Some(plain)
    };
    let plains: Vec<Vec<u8>> = manifests.iter().filter_map(opened).collect();
    assert!(plains.len() > 40);
    fuzz(|random| {
        let mut plain = random.damaged(&plains);
        plain.resize(496, 0);
        let tag = cipher.encrypt_inout_detached(&Nonce::default(), b"", plain.as_mut_slice().into()).unwrap();
        let mut manifest = manifests[0].clone();
        manifest[place..][..512].copy_from_slice(&[plain.as_slice(), &tag].concat());
        if let Ok((header, opener)) = Manifest::decode(&manifest).unwrap().open(&ContentKey::from_bytes(key))
        {
            // Padmé(993) = 1024: already two cells.
            assert!((993..=2016).contains(&opener.object_len()));
            assert!(header.name().is_none_or(|name| (1..=255).contains(&name.len())));
            assert!(
                header.media_type().is_none_or(|text| text.is_ascii() && (1..=127).contains(&text.len()))
            );
        }
    });
}

/// Where the 512 bytes of the sealed header begin: after the key, and a head of three bytes.
fn place_of_header(manifest: &[u8]) -> usize {
    manifest.windows(7).position(|window| window == b"\x66header").unwrap() + 7 + 3
}

/// The key schedule of spec §7 once more.
fn header_cipher(key: &[u8; 32], manifest: &[u8]) -> ChaCha20Poly1305 {
    let salt = Manifest::decode(manifest).unwrap().salt();
    let mut okm = [0; 96];
    Hkdf::<Sha256>::new(Some(salt.as_bytes()), key).expand(b"headwater/1 object\x01\x0a", &mut okm).unwrap();
    ChaCha20Poly1305::new_from_slice(&okm[32..64]).unwrap()
}

#[test]
fn link() {
    let corpus = corpus("link", "link", |text| text.as_bytes().to_vec());
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(text) = str::from_utf8(&bytes)
            && let Ok(link) = text.parse::<Link>()
        {
            assert_eq!(link.to_string(), text);
        }
    });
}

#[test]
fn coding() {
    let corpus = ["1+1", "5+3", "254+1", "10+4"].map(|text| text.as_bytes().to_vec());
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(text) = str::from_utf8(&bytes)
            && let Ok(coding) = text.parse::<Coding>()
        {
            assert_eq!(coding.to_string().parse(), Ok(coding));
        }
    });
}
