use serde::{Deserialize, Serialize};

use super::{bytes32, golden, hex};
use crate::{AccountSecret, CellSize, ContentKey, FileMark, ObjectKeys, Salt};

#[derive(Serialize, Deserialize)]
struct File {
    account: Vec<Account>,
    object: Vec<Object>,
}

#[derive(Serialize, Deserialize)]
struct Account {
    secret: String,
    salt: String,
    payer_key_seed: String,
    pointer_key_seed: String,
    creator_key_seed: String,
    index_key: String,
    s3_seed: String,
    spool_key: String,
    content_key: String,
    control_key_seed: String,
}

#[derive(Serialize, Deserialize)]
struct Object {
    content_key: String,
    salt: String,
    cell: u8,
    cell_key: String,
    header_key: String,
    commitment: String,
}

fn account(secret: [u8; 32], salt: [u8; 32]) -> Account {
    let account = AccountSecret::from_bytes(secret);
    let object = Salt::from_bytes(salt);
    Account {
        secret: hex(secret),
        salt: hex(salt),
        payer_key_seed: hex(account.payer_seed().expose()),
        pointer_key_seed: hex(account.pointer_seed().expose()),
        creator_key_seed: hex(account.creator_seed().expose()),
        index_key: hex(account.index_key().expose()),
        s3_seed: hex(account.s3_seed().expose()),
        spool_key: hex(account.spool_key(&object).expose()),
        content_key: hex(account.content_key(&object).expose()),
        control_key_seed: hex(account.control_seed(&object).expose()),
    }
}

fn object(content_key: [u8; 32], salt: [u8; 32], cell: u8) -> Object {
    let size = CellSize::from_log2(cell).unwrap();
    let keys = ObjectKeys::derive(&ContentKey::from_bytes(content_key), &Salt::from_bytes(salt), size);
    Object {
        content_key: hex(content_key),
        salt: hex(salt),
        cell,
        cell_key: hex(keys.cell()),
        header_key: hex(keys.header()),
        commitment: hex(keys.commitment().as_bytes()),
    }
}

#[test]
fn keys() {
    let (secret, salt, key) = (bytes32("account secret"), bytes32("salt"), bytes32("content key"));
    let file = File {
        account: vec![account(secret, salt), account(secret, [0; 32]), account([0; 32], salt)],
        object: (10..=14).map(|cell| object(key, salt, cell)).chain([object([0; 32], [0; 32], 14)]).collect(),
    };
    let file = golden("keys.json", &file);
    // Everything that is derived is one of a kind.
    let mut derived: Vec<String> =
        file.object.into_iter().flat_map(|o| [o.cell_key, o.header_key, o.commitment]).collect();
    for account in file.account {
        derived.extend([
            account.payer_key_seed,
            account.content_key,
            account.control_key_seed,
            account.pointer_key_seed,
            account.creator_key_seed,
            account.index_key,
            account.s3_seed,
            account.spool_key,
        ]);
    }
    let count = derived.len();
    derived.sort();
    derived.dedup();
    // The first two accounts share their secret, and with it payer, pointer, creator and index key, and the S3 seed.
    assert_eq!(derived.len(), count - 5);
}

#[test]
fn marks_differ_by_key_hash_and_options() {
    let [key, other] = [1, 2].map(|byte| AccountSecret::from_bytes([byte; 32]).index_key());
    let marks = [
        key.mark(&[0; 32], b""),
        key.mark(&[0; 32], b"1080p"),
        key.mark(&[1; 32], b""),
        other.mark(&[0; 32], b""),
    ];
    for (n, mark) in marks.iter().enumerate() {
        assert!(!marks[..n].contains(mark), "mark {n}");
        assert_eq!(FileMark::from_bytes(*mark.as_bytes()), *mark);
    }
}

#[test]
fn secrets_are_not_printed() {
    let secret = AccountSecret::from_bytes([0x5a; 32]);
    assert_eq!(format!("{secret:?}"), "AccountSecret(…)");
    assert_eq!(format!("{:?}", secret.payer_seed()), "KeySeed(…)");
    assert_eq!(format!("{:?}", secret.index_key()), "IndexKey(…)");
    let key = ContentKey::from_bytes([0x5a; 32]);
    assert_eq!(format!("{key:?}"), "ContentKey(…)");
    let keys = ObjectKeys::derive(&key, &Salt::from_bytes([1; 32]), CellSize::LARGEST);
    assert_eq!(format!("{keys:?}"), "ObjectKeys(…)");
}
