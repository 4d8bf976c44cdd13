//! Runs every golden vector in `docs/vectors/recovery`, made by the reference implementation of SLIP-0039, and what must hold of any shares.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;

use chunker::AccountSecret;
use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use rand::{TryCryptoRng, TryRng};
use serde_json::{Value, json};
use sharing::{JoinSharesError, RecoveryShare, RecoveryShareError, join_secret, split_secret};

fn vectors(name: &str) -> Vec<Value> {
    let path = format!("{}/../docs/vectors/recovery/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str::<Value>(&text).unwrap()["vectors"].as_array().unwrap().clone()
}

fn bytes(vector: &Value, key: &str) -> Vec<u8> {
    HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()
}

fn shares(vector: &Value) -> Vec<RecoveryShare> {
    let texts = vector["shares"].as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap().parse().unwrap()).collect()
}

/// Random bytes that were chosen before.
struct Chosen(Vec<u8>);

impl TryRng for Chosen {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("bytes alone are asked for")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("bytes alone are asked for")
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.copy_from_slice(&self.0.drain(..to.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Chosen {}

#[test]
fn shares_are_those_of_the_reference_implementation() {
    for vector in vectors("splittings.json") {
        let secret = AccountSecret::from_bytes(bytes(&vector, "secret").try_into().unwrap());
        let need = usize::try_from(vector["need"].as_u64().unwrap()).unwrap();
        let wanted = vector["shares"].as_array().unwrap();
        let mut random = Chosen(bytes(&vector, "random"));
        let shares = split_secret(&secret, need, wanted.len(), &mut random).unwrap();
        assert!(random.0.is_empty(), "{}: not all that is random was taken", vector["name"]);
        let words: Vec<_> = shares.iter().map(|share| share.expose_words().to_string()).collect();
        assert_eq!(json!(words), vector["shares"], "{}", vector["name"]);
    }
}

#[test]
fn joins() {
    for vector in vectors("joins.json") {
        match join_secret(&shares(&vector)) {
            Ok(secret) => {
                assert_eq!(secret.expose().as_slice(), bytes(&vector, "secret"), "{}", vector["name"]);
            }
            Err(error) => assert_eq!(vector["error"], join_error(error), "{}: {error}", vector["name"]),
        }
    }
}

fn join_error(error: JoinSharesError) -> &'static str {
    match error {
        JoinSharesError::None => "none",
        JoinSharesError::TooFew { .. } => "too_few",
        JoinSharesError::Mixed { .. } => "mixed",
        JoinSharesError::Twice { .. } => "twice",
        JoinSharesError::Digest => "digest",
    }
}

#[test]
fn texts() {
    for vector in vectors("texts.json") {
        let text = vector["text"].as_str().unwrap();
        match text.parse::<RecoveryShare>() {
            Ok(share) => {
                assert_eq!(
                    (json!(share.number()), json!(share.need())),
                    (vector["number"].clone(), vector["need"].clone())
                );
                let again = share.expose_words().parse::<RecoveryShare>().unwrap();
                assert_eq!(again.expose_words(), share.expose_words());
            }
            Err(error) => assert_eq!(vector["error"], share_error(error), "{}: {error}", vector["name"]),
        }
    }
}

fn share_error(error: RecoveryShareError) -> &'static str {
    match error {
        RecoveryShareError::Count { .. } => "count",
        RecoveryShareError::Word { .. } => "word",
        RecoveryShareError::Checksum => "checksum",
        RecoveryShareError::Groups { .. } => "groups",
        RecoveryShareError::Work { .. } => "work",
        RecoveryShareError::Padding => "padding",
    }
}

#[test]
fn damaged_shares_are_no_shares() {
    let corpus: Vec<Vec<u8>> = vectors("splittings.json")[2]["shares"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().as_bytes().to_vec())
        .collect();
    fuzz(|random| {
        let text = random.damaged(&corpus);
        let Ok(text) = std::str::from_utf8(&text) else { return };
        if let Ok(share) = text.parse::<RecoveryShare>() {
            let known = corpus.iter().any(|known| known.as_slice() == share.expose_words().as_bytes());
            assert!(known, "{text} was taken for a share");
        }
    });
}

#[test]
fn any_of_them_bring_it_back_and_other_numbers_are_refused() {
    let secret = AccountSecret::from_bytes(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()));
    for (need, of) in [(2, 2), (2, 16), (7, 9), (16, 16)] {
        let shares = split_secret(&secret, need, of, &mut rand::rng()).unwrap();
        assert_eq!(join_secret(&shares[of - need..]), Ok(secret.clone()));
        assert_eq!(join_secret(&shares[..need - 1]), Err(JoinSharesError::TooFew { found: need - 1, need }));
    }
    for (need, of) in [(0, 0), (0, 3), (1, 1), (1, 3), (4, 3), (2, 17), (17, 17)] {
        assert!(split_secret(&secret, need, of, &mut rand::rng()).is_err(), "{need} of {of}");
    }
}
