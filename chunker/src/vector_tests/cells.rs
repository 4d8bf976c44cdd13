use serde::{Deserialize, Serialize};

use super::{bytes32, golden, hex, unhex, unhex32};
use crate::seal::{Opener, Sealer};
use crate::{CellBytes, CellSize, Coding, ContentKey, Geometry, ObjectHeader, ObjectKeys, Salt, Verified};

/// Cells of objects with cells of 1 KiB, coded 3+2.
#[derive(Serialize, Deserialize)]
struct File {
    key: String,
    salt: String,
    accept: Vec<Accepted>,
    reject: Vec<Rejected>,
}

#[derive(Serialize, Deserialize)]
struct Accepted {
    what: String,
    cells: u64,
    len: u64,
    cell: u64,
    sealed: String,
    plain: String,
}

#[derive(Serialize, Deserialize)]
struct Rejected {
    why: String,
    cells: u64,
    len: u64,
    cell: u64,
    sealed: String,
}

fn keys(key: [u8; 32], salt: [u8; 32]) -> ObjectKeys {
    ObjectKeys::derive(&ContentKey::from_bytes(key), &Salt::from_bytes(salt), CellSize::SMALLEST)
}

/// A cell that begins with `plain`, the rest being zeros.
fn sealed(cell: u64, is_last: bool, plain: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; 1024];
    buffer[..plain.len()].copy_from_slice(plain);
    Sealer::new(&keys(bytes32("content key"), bytes32("salt"))).seal(cell, is_last, &mut buffer);
    buffer
}

fn made() -> File {
    let text: Vec<u8> = (0..=255).cycle().take(1008).collect();
    let accepted = |what: &str, cells, len, cell, content: usize| Accepted {
        what: what.to_owned(),
        cells,
        len,
        cell,
        sealed: hex(sealed(cell, cell + 1 == cells, &text[..content])),
        plain: hex(&text[..content]),
    };
    let rejected = |why: &str, cells, len, cell, sealed: Vec<u8>| Rejected {
        why: why.to_owned(),
        cells,
        len,
        cell,
        sealed: hex(sealed),
    };
    let mut flipped = sealed(0, false, &text);
    flipped[500] ^= 0x10;
    let mut flipped_tag = sealed(0, false, &text);
    flipped_tag[1023] ^= 1;
    let good = sealed(0, false, &text);
    File {
        key: hex(bytes32("content key")),
        salt: hex(bytes32("salt")),
        accept: vec![
            accepted("the first of two", 2, 2016, 0, 1008),
            accepted("the last of two, full", 2, 2016, 1, 1008),
            accepted("the last of two, one byte", 2, 1009, 1, 1),
            accepted("the only one", 1, 5, 0, 5),
            accepted("the only one of an empty object", 1, 0, 0, 0),
            accepted("with Padmé: 1001 bytes are sealed as 1024", 2, 1001, 0, 1001),
            accepted("with Padmé: nothing but padding", 2, 1001, 1, 0),
        ],
        reject: vec![
            rejected("a bit of the text is flipped", 2, 2016, 0, flipped),
            rejected("a bit of the tag is flipped", 2, 2016, 0, flipped_tag),
            rejected("a cell in the place of another", 3, 3024, 1, good.clone()),
            rejected("the last cell, not sealed as the last", 1, 1008, 0, good.clone()),
            rejected("sealed as the last, but there is one more", 2, 2016, 0, sealed(0, true, &text)),
            rejected("past the end", 2, 2016, 2, sealed(2, true, &text)),
            rejected("non-zero padding after the exact length", 2, 1500, 1, sealed(1, true, &text[..493])),
            rejected("non-zero padding in the last byte", 1, 1007, 0, sealed(0, true, &text)),
            rejected("non-zero bytes in a cell of padding", 2, 1001, 1, sealed(1, true, &text[..2])),
            rejected("non-zero bytes in an empty object", 1, 0, 0, sealed(0, true, &text[..2])),
            rejected("one byte short", 2, 2016, 0, good[..1023].to_vec()),
            rejected("one byte long", 2, 2016, 0, [good.as_slice(), &[0]].concat()),
            rejected("empty", 2, 2016, 0, vec![]),
            rejected("all zeros", 2, 2016, 0, vec![0; 1024]),
        ],
    }
}

fn opener(file: &File, cells: u64, len: u64) -> Opener {
    let geometry = Geometry::new(Coding::new(3, 2).unwrap(), CellSize::SMALLEST, cells).unwrap();
    let header = ObjectHeader::new(len, None, None).unwrap();
    Opener::new(&keys(unhex32(&file.key), unhex32(&file.salt)), geometry, &header)
}

fn verified(sealed: &str) -> CellBytes {
    Verified::for_tests(unhex(sealed)).into()
}

#[test]
fn cells() {
    let file: File = golden("cells.json", &made());
    for vector in &file.accept {
        let mut out = b"before".to_vec();
        let opener = opener(&file, vector.cells, vector.len);
        opener.open(vector.cell, &verified(&vector.sealed), &mut out).unwrap();
        assert_eq!(out, [b"before".as_slice(), &unhex(&vector.plain)].concat(), "{}", vector.what);
    }
    for vector in &file.reject {
        let mut out = b"before".to_vec();
        let opener = opener(&file, vector.cells, vector.len);
        opener.open(vector.cell, &verified(&vector.sealed), &mut out).expect_err(&vector.why);
        assert_eq!(out, b"before", "{}: nothing is given out", vector.why);
    }
}

#[test]
fn another_key_opens_nothing() {
    let file = made();
    let geometry = Geometry::new(Coding::new(3, 2).unwrap(), CellSize::SMALLEST, 2).unwrap();
    let header = ObjectHeader::new(2016, None, None).unwrap();
    for (key, salt) in [("other", "salt"), ("content key", "other")] {
        let opener = Opener::new(&keys(bytes32(key), bytes32(salt)), geometry, &header);
        assert!(opener.open(0, &verified(&file.accept[0].sealed), &mut Vec::new()).is_err());
    }
}
