use serde::{Deserialize, Serialize};

use super::{BASE_POINT, bytes32, cbor, golden, hex, unhex};
use crate::{MANIFEST_LEN_MAX, Manifest};

#[derive(Serialize, Deserialize)]
struct File {
    accept: Vec<Accepted>,
    reject: Vec<Rejected>,
}

#[derive(Serialize, Deserialize)]
struct Accepted {
    what: String,
    manifest: String,
    cid: String,
    coding: String,
    cell: u8,
    cells: u64,
    salt: String,
    seed: String,
    roots: Vec<String>,
    control: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Rejected {
    why: String,
    manifest: String,
}

/// The entries of a manifest in canonical order, each value encoded.
#[derive(Clone)]
pub(super) struct Entries(pub(super) Vec<(&'static str, Vec<u8>)>);

impl Entries {
    pub(super) fn new(k: u8, m: u8, cell: u8, cells: u64, shards: usize) -> Self {
        let roots: Vec<u8> = (0..shards).flat_map(|number| bytes32(&format!("root {number}"))).collect();
        Self(vec![
            ("k", cbor::uint(k.into())),
            ("m", cbor::uint(m.into())),
            ("v", cbor::uint(1)),
            ("cell", cbor::uint(cell.into())),
            ("salt", cbor::bytes(&bytes32("salt"))),
            ("seed", cbor::bytes(&bytes32("seed"))),
            ("cells", cbor::uint(cells)),
            ("roots", cbor::bytes(&roots)),
            ("suite", cbor::uint(1)),
            ("commit", cbor::bytes(&bytes32("commitment"))),
            ("header", cbor::bytes(&[0x5a; 512])),
            ("control", cbor::bytes(&BASE_POINT)),
        ])
    }

    pub(super) fn with(&self, key: &str, value: Vec<u8>) -> Self {
        let mut entries = self.clone();
        entries.0.iter_mut().find(|(other, _)| *other == key).unwrap().1 = value;
        entries
    }

    fn without(&self, key: &str) -> Self {
        Self(self.0.iter().filter(|(other, _)| *other != key).cloned().collect())
    }

    fn and(&self, place: usize, key: &'static str, value: Vec<u8>) -> Self {
        let mut entries = self.clone();
        entries.0.insert(place, (key, value));
        entries
    }

    /// The same with required tags, in this order.
    fn requiring(&self, tags: &[&str]) -> Self {
        let list = tags.iter().fold(cbor::array(tags.len()), |list, tag| [list, cbor::text(tag)].concat());
        let place = self.0.iter().position(|(key, _)| *key == "seed").unwrap() + 1;
        self.and(place, "tags", list)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        cbor::map(&self.0)
    }
}

fn small() -> Entries {
    Entries::new(3, 2, 10, 2, 4)
}

fn wrong_values() -> Vec<(String, Vec<u8>)> {
    let numbers = [
        ("v", 0),
        ("v", 2),
        ("suite", 0),
        ("suite", 2),
        ("cell", 9),
        ("cell", 15),
        ("cell", 255),
        ("k", 0),
        ("k", 254),
        ("k", 255),
        ("k", 256),
        ("m", 0),
        ("m", 253),
        ("cells", 0),
        ("cells", 3),
        ("cells", 4),
        ("cells", (1 << 40) + 1),
        ("cells", u64::MAX),
    ];
    let strings = [
        ("salt", 0),
        ("salt", 31),
        ("salt", 33),
        ("seed", 31),
        ("seed", 33),
        ("commit", 31),
        ("commit", 33),
        ("header", 0),
        ("header", 511),
        ("header", 513),
        ("roots", 0),
        ("roots", 3 * 32),
        ("roots", 4 * 32 - 1),
        ("roots", 4 * 32 + 1),
        ("roots", 5 * 32),
        ("control", 31),
        ("control", 33),
    ];
    let number = |(key, value)| (format!("{key} = {value}"), small().with(key, cbor::uint(value)).encode());
    let string = |(key, len)| {
        let value = cbor::bytes(&BASE_POINT.repeat(17)[..len]);
        (format!("{key} of {len} bytes"), small().with(key, value).encode())
    };
    numbers.into_iter().map(number).chain(strings.into_iter().map(string)).collect()
}

fn wrong_keys_of_curve_points() -> Vec<(String, Vec<u8>)> {
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let mut y_above_p = [0xff; 32]; // p + 1: the identity, written too large
    (y_above_p[0], y_above_p[31]) = (0xee, 0x7f);
    let mut minus_zero = [0; 32]; // the identity, x = −0
    (minus_zero[0], minus_zero[31]) = (1, 0x80);
    [("no curve point", no_point), ("y not reduced", y_above_p), ("x = 0 with a sign", minus_zero)]
        .map(|(why, key)| (format!("control: {why}"), small().with("control", cbor::bytes(&key)).encode()))
        .into()
}

fn wrong_types() -> Vec<(String, Vec<u8>)> {
    let salt = bytes32("salt");
    let array = [vec![0x98, 32], salt.iter().flat_map(|&byte| cbor::uint(byte.into())).collect()].concat();
    let chunks = [vec![0x5f], cbor::bytes(&salt), vec![0xff]].concat();
    let salt_len_in_two_bytes = [vec![0x59, 0, 32], salt.to_vec()].concat();
    let cases: [(&str, &str, Vec<u8>); 16] = [
        ("k negative", "k", vec![0x22]),
        ("k as text", "k", cbor::text("3")),
        ("k null", "k", vec![0xf6]),
        ("k true", "k", vec![0xf5]),
        ("k undefined", "k", vec![0xf7]),
        ("k as a float", "k", vec![0xfb, 0x40, 0x08, 0, 0, 0, 0, 0, 0]),
        ("k as a big number", "k", vec![0xc2, 0x41, 3]),
        ("k with a tag", "k", vec![0xd8, 0x2a, 3]),
        ("k not as short as possible", "k", vec![0x18, 3]),
        ("cells in eight bytes", "cells", vec![0x1b, 0, 0, 0, 0, 0, 0, 0, 2]),
        ("salt as text", "salt", cbor::text(&"s".repeat(32))),
        ("salt as an array", "salt", array),
        ("salt in chunks", "salt", chunks),
        ("salt's length not as short as possible", "salt", salt_len_in_two_bytes),
        ("roots as a list", "roots", [vec![0x84], cbor::bytes(&salt).repeat(4)].concat()),
        ("header null", "header", vec![0xf6]),
    ];
    cases.into_iter().map(|(why, key, value)| (why.to_owned(), small().with(key, value).encode())).collect()
}

fn wrong_tags() -> Vec<(String, Vec<u8>)> {
    let long = |len: usize| "v".repeat(len);
    let many: Vec<_> = (0..9).map(|number| format!("n={number}")).collect();
    let heavy: Vec<_> = (0..4).map(|number| format!("n{number}={}", long(48))).collect();
    let texts = |tags: &[String]| small().requiring(&tags.iter().map(String::as_str).collect::<Vec<_>>());
    let one = |tag: &str| small().requiring(&[tag]);
    let field = |value: Vec<u8>| small().requiring(&[]).with("tags", value);
    let cases = [
        ("no tag in the list", small().requiring(&[])),
        ("tags null", field(vec![0xf6])),
        ("tags as text", field(cbor::text("country=DE"))),
        ("a tag as bytes", field([vec![0x81], cbor::bytes(b"country=DE")].concat())),
        ("tags in an indefinite list", field([vec![0x9f], cbor::text("country=DE"), vec![0xff]].concat())),
        ("a tag twice", small().requiring(&["country=DE", "country=DE"])),
        ("tags in another order", small().requiring(&["country=DE", "class=ssd"])),
        ("nine tags", texts(&many)),
        ("tags of 204 bytes", texts(&heavy)),
        ("a tag without a value", one("country")),
        ("a tag with an empty value", one("country=")),
        ("a tag with an empty key", one("=DE")),
        ("a key with a capital", one("Country=DE")),
        ("a key with an underscore", one("my_country=DE")),
        ("a key of 33 bytes", one(&format!("{}=DE", "k".repeat(33)))),
        ("a value of 65 bytes", one(&format!("k={}", long(65)))),
        ("a value with a line end", one("country=DE\n")),
        ("a value that is not ASCII", one("country=D\u{e9}")),
    ];
    cases.into_iter().map(|(why, entries)| (why.to_owned(), entries.encode())).collect()
}

fn wrong_maps() -> Vec<(String, Vec<u8>)> {
    let good = small();
    let bytes = good.encode();
    let mut swapped = good.clone();
    swapped.0.swap(0, 1);
    let mut by_text = good.clone();
    by_text.0.sort_by_key(|&(key, _)| key);
    let indefinite = [&[0xbf], &bytes[1..], &[0xff]].concat();
    let mut cases = vec![
        ("empty".to_owned(), vec![]),
        ("an empty map".to_owned(), vec![0xa0]),
        ("an array".to_owned(), vec![0x80]),
        ("a trailing byte".to_owned(), [bytes.as_slice(), &[0]].concat()),
        ("two manifests".to_owned(), bytes.repeat(2)),
        ("the last byte is missing".to_owned(), bytes[..bytes.len() - 1].to_vec()),
        ("a tag around".to_owned(), [&[0xd9, 0xd9, 0xf7], bytes.as_slice()].concat()),
        ("indefinite length".to_owned(), indefinite),
        ("the map's length not as short as possible".to_owned(), [&[0xb8, 12], &bytes[1..]].concat()),
        ("one entry fewer than the map says".to_owned(), [&[0xad], &bytes[1..]].concat()),
        ("keys in another order".to_owned(), swapped.encode()),
        ("keys sorted by text, not by encoding".to_owned(), by_text.encode()),
        ("an unknown key".to_owned(), good.and(3, "w", cbor::uint(1)).encode()),
        ("a key twice".to_owned(), good.and(1, "k", cbor::uint(3)).encode()),
        ("a key in capitals".to_owned(), [&bytes[..1], b"\x61K", &bytes[3..]].concat()),
        ("a key as a byte string".to_owned(), [&bytes[..1], b"\x41k", &bytes[3..]].concat()),
        ("a key that is not UTF-8".to_owned(), [&bytes[..1], b"\x61\xff", &bytes[3..]].concat()),
        (
            "a length that passes the end".to_owned(),
            good.with("control", vec![0x5b, 0xff, 0, 0, 0, 0, 0, 0, 0]).encode(),
        ),
    ];
    for (key, _) in good.0.clone() {
        cases.push((format!("{key} is missing"), good.without(key).encode()));
    }
    cases
}

fn accepted(what: &str, entries: &Entries) -> Accepted {
    let bytes = entries.encode();
    let manifest = Manifest::decode(&bytes).unwrap();
    let geometry = manifest.geometry();
    Accepted {
        what: what.to_owned(),
        manifest: hex(bytes),
        cid: manifest.cid().to_string(),
        coding: geometry.coding().to_string(),
        cell: geometry.cell_size().log2(),
        cells: geometry.cells(),
        salt: hex(manifest.salt().as_bytes()),
        seed: hex(manifest.seed().as_bytes()),
        roots: manifest.roots().iter().map(ToString::to_string).collect(),
        control: hex(manifest.control().as_bytes()),
        tags: manifest.required().iter().map(str::to_owned).collect(),
    }
}

fn made() -> File {
    let reject =
        [wrong_values(), wrong_keys_of_curve_points(), wrong_types(), wrong_tags(), wrong_maps()].concat();
    File {
        accept: vec![
            accepted("one stripe of small cells", &small()),
            accepted("one cell", &Entries::new(5, 3, 10, 1, 4)),
            accepted("two rows", &Entries::new(5, 3, 14, 6, 8)),
            accepted("two segments", &Entries::new(4, 2, 14, 16_385, 9)),
            accepted("the most columns", &Entries::new(1, 254, 10, 1, 255)),
            accepted("a required tag", &small().requiring(&["country=DE"])),
            accepted("the longest required tags", &small().requiring(&longest_tags())),
        ],
        reject: reject.into_iter().map(|(why, bytes)| Rejected { why, manifest: hex(bytes) }).collect(),
    }
}

/// Eight tags, 200 bytes together.
fn longest_tags() -> [&'static str; 8] {
    [
        "a-key-of-thirty-two-bytes-------=a value of 64 bytes ............................................",
        "b=0123456789012345678901234567890123456789012345678901234567",
        "c=1234567890123",
        "d=123456",
        "e=123456",
        "f=1234",
        "g=~",
        "h= ",
    ]
}

#[test]
fn manifest() {
    let file: File = golden("manifest.json", &made());
    for vector in file.accept {
        let bytes = unhex(&vector.manifest);
        assert_eq!(Manifest::decode(&bytes).unwrap().encode(), bytes, "{}", vector.what);
    }
    for vector in file.reject {
        assert!(Manifest::decode(&unhex(&vector.manifest)).is_err(), "{}", vector.why);
    }
}

#[test]
fn the_longest_manifest_is_short_enough() {
    let longest = Entries::new(5, 3, 14, 4092 * 5 * 3276, 32_736).requiring(&longest_tags()).encode();
    assert!(longest.len() <= MANIFEST_LEN_MAX);
    assert_eq!(Manifest::decode(&longest).unwrap().encode(), longest);
    let longer = Entries::new(5, 3, 14, 4092 * 5 * 3276 + 1, 32_740).encode();
    assert!(longer.len() <= MANIFEST_LEN_MAX && Manifest::decode(&longer).is_err());
    let padded = [longest, vec![0; MANIFEST_LEN_MAX]].concat();
    assert!(Manifest::decode(&padded).unwrap_err().to_string().contains("limit"));
}
