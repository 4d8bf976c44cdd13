//! Random bytes for everything here that reads bytes from elsewhere: whatever comes, there is an answer, and what is
//! accepted is written the same way again.
//!
//! `FUZZ_SECONDS` (1) is the time for each target, `FUZZ_SEED` the seed to begin with; a failure prints the seed.

#![expect(clippy::unwrap_used, reason = "in tests a panic is how failures are told")]

use std::time::{Duration, Instant};

use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use chunker::{Coding, ContentKey, Link, Manifest};
use hkdf::Hkdf;
use serde_json::Value;
use sha2::Sha256;

/// Runs `target` with mutations of `corpus` until its time is over.
fn fuzz(name: &str, corpus: &[Vec<u8>], target: impl Fn(&[u8])) {
    let seconds =
        std::env::var("FUZZ_SECONDS").map_or(1, |text| text.parse().expect("FUZZ_SECONDS is a number"));
    let first = std::env::var("FUZZ_SEED").map_or(0, |text| text.parse().expect("FUZZ_SEED is a number"));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed: u64 = first;
    while seed == first || Instant::now() < end {
        let failing = Failing { name, seed };
        let input = Random::new(seed).mutation(corpus);
        target(&input);
        std::mem::forget(failing);
        seed += 1;
    }
    println!("{name}: seeds {first} to {}", seed - 1);
}

/// Says which seed it was when a target panics.
struct Failing<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        eprintln!("{} fails with FUZZ_SEED={}", self.name, self.seed);
    }
}

/// A stream of numbers that follows from a seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("it is below a usize")
    }

    /// One of the corpus with a few bytes changed, inserted, removed or repeated.
    fn mutation(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus[self.below(corpus.len())].clone();
        for _ in 0..self.below(6) {
            let place = self.below(bytes.len() + 1);
            let byte = self.next().to_le_bytes()[0];
            match self.below(6) {
                0 => bytes.insert(place, byte),
                1 => bytes.truncate(place),
                2 => drop(bytes.drain(place..(place + self.below(8)).min(bytes.len()))),
                3 => bytes.extend_from_within(place..),
                4 if place < bytes.len() => bytes[place] ^= 1 << (byte % 8),
                _ if place < bytes.len() => bytes[place] = byte,
                _ => bytes.push(byte),
            }
        }
        bytes
    }
}

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
    fuzz("manifest", &corpus("manifest", "manifest", unhex), |bytes| {
        if let Ok(manifest) = Manifest::decode(bytes) {
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
    fuzz("header", &plains, |bytes| {
        let mut plain = bytes.to_vec();
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
    fuzz("link", &corpus("link", "link", |text| text.as_bytes().to_vec()), |bytes| {
        if let Ok(text) = str::from_utf8(bytes)
            && let Ok(link) = text.parse::<Link>()
        {
            assert_eq!(link.to_string(), text);
        }
    });
}

#[test]
fn coding() {
    let corpus = ["1+1", "5+3", "254+1", "10+4"].map(|text| text.as_bytes().to_vec());
    fuzz("coding", &corpus, |bytes| {
        if let Ok(text) = str::from_utf8(bytes)
            && let Ok(coding) = text.parse::<Coding>()
        {
            assert_eq!(coding.to_string().parse(), Ok(coding));
        }
    });
}
