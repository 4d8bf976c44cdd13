//! Every decoder against damaged input, as [`fuzzing::fuzz`] describes: whatever comes, there is an answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use data_encoding::HEXLOWER;
use fuzzing::fuzz;
use ledger::{Account, Entry, Ledger, LedgerRecord, Omission, Shortfall, SplitAgreement};
use protocol::NetworkId;
use serde_json::Value;
use world::World;

/// What the golden vectors hold under `key`, accepted or not; only short ones, which leave time for more cases.
fn corpus(file: &str, key: &str, accepted: bool) -> Vec<Vec<u8>> {
    let path = format!("{}/../docs/vectors/ledger/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter();
    let vectors = vectors.filter(|vector| !accepted || vector["error"].is_null());
    let bytes = vectors.map(|vector| HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap());
    bytes.filter(|bytes| (1..8192).contains(&bytes.len())).collect()
}

/// For what the records in a file of vectors are signed.
fn signed_for(file: &str) -> NetworkId {
    let path = format!("{}/../docs/vectors/ledger/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["network"].as_str().unwrap().parse().unwrap()
}

/// Whatever is accepted is written the same way again, and has shares that are the whole.
#[test]
fn agreements() {
    let corpus = corpus("agreements.json", "agreement", false);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(agreement) = SplitAgreement::decode(&bytes) {
            assert_eq!(agreement.encode(), bytes);
            let shares = agreement.parts().parties.iter().map(|party| party.ppm.get());
            assert_eq!(shares.sum::<u32>(), 1_000_000);
            assert!(agreement.signatories().contains(&agreement.parts().creator));
        }
    });
}

/// No change of a signed record goes unnoticed, nor does a record made of parts of two.
#[test]
fn records() {
    let corpus = corpus("records.json", "record", true);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        let is_known = corpus.contains(&bytes);
        assert_eq!(LedgerRecord::decode(&bytes).is_ok(), is_known, "{}", HEXLOWER.encode(&bytes));
    });
}

/// Whatever entry is accepted is written the same way again, and a ledger has an answer to it after which it still adds up.
#[test]
fn entries() {
    let (corpus, signed_for) = (corpus("entries.json", "entry", false), signed_for("entries.json"));
    assert!(corpus.iter().any(|entry| Entry::decode(entry, &signed_for).is_ok()));
    fuzz(|random| {
        let mut ledger = Ledger::new(world::terms());
        for _ in 0..4 {
            let bytes = random.damaged(&corpus);
            if let Ok(entry) = Entry::decode(&bytes, &signed_for) {
                assert_eq!(entry.encode(), bytes);
                drop(ledger.apply(&entry));
            }
            assert_eq!(ledger.balances().iter().map(|(_, balance)| balance).sum::<i128>(), 0);
        }
    });
}

/// Whatever proof is read is written the same way again.
#[test]
fn omissions() {
    let (corpus, signed_for) = (corpus("omissions.json", "omission", true), signed_for("omissions.json"));
    assert!(corpus.iter().all(|omission| Omission::decode(omission, &signed_for).is_ok()));
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(omission) = Omission::decode(&bytes, &signed_for) {
            assert_eq!(omission.encode(), bytes);
        }
    });
}

#[test]
fn shortfalls() {
    let (corpus, signed_for) = (corpus("shortfalls.json", "shortfall", true), signed_for("shortfalls.json"));
    assert!(corpus.iter().all(|shortfall| Shortfall::decode(shortfall, &signed_for).is_ok()));
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(shortfall) = Shortfall::decode(&bytes, &signed_for) {
            assert_eq!(shortfall.encode(), bytes);
        }
    });
}

#[test]
fn accounts() {
    let owner = world::key(1);
    let accounts = [
        Account::Earned(owner),
        Account::External,
        Account::Funds(owner),
        Account::Held(owner),
        Account::Reserved(owner),
    ];
    let corpus: Vec<Vec<u8>> = accounts.iter().map(|account| account.to_string().into_bytes()).collect();
    assert_eq!(World::new().ledger.balances().iter().count(), 0);
    fuzz(|random| {
        let bytes = random.damaged(&corpus);
        if let Ok(text) = std::str::from_utf8(&bytes)
            && let Ok(account) = text.parse::<Account>()
        {
            assert_eq!(account.to_string(), text);
        }
    });
}
