use serde::{Deserialize, Serialize};

use super::manifest::Entries;
use super::{bytes32, cbor, golden, hex, unhex, unhex32};
use crate::seal::header::{PLAIN_LEN, SEALED_LEN, seal};
use crate::{CellSize, ContentKey, Manifest, ObjectHeader, ObjectKeys, Salt};

#[derive(Serialize, Deserialize)]
struct File {
    accept: Vec<Accepted>,
    /// Valid manifests whose headers are not.
    reject: Vec<Rejected>,
}

#[derive(Serialize, Deserialize)]
struct Accepted {
    key: String,
    manifest: String,
    len: u64,
    name: Option<String>,
    r#type: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Rejected {
    why: String,
    key: String,
    manifest: String,
}

fn keys(cell: u8) -> ObjectKeys {
    let key = ContentKey::from_bytes(bytes32("content key"));
    ObjectKeys::derive(&key, &Salt::from_bytes(bytes32("salt")), CellSize::from_log2(cell).unwrap())
}

/// A manifest of two cells of 1 KiB with this sealed header.
fn manifest(sealed: &[u8; SEALED_LEN]) -> String {
    let commitment = keys(10).commitment();
    let entries = Entries::new(3, 2, 10, 2, 4)
        .with("commit", cbor::bytes(commitment.as_bytes()))
        .with("header", cbor::bytes(sealed));
    hex(entries.encode())
}

fn framed(claimed: usize, cbor: &[u8]) -> [u8; PLAIN_LEN] {
    let mut plain = [0; PLAIN_LEN];
    plain[..2].copy_from_slice(&u16::try_from(claimed).unwrap().to_le_bytes());
    plain[2..][..cbor.len()].copy_from_slice(cbor);
    plain
}

fn sealed(plain: &[u8; PLAIN_LEN]) -> String {
    manifest(&seal(&keys(10), plain))
}

/// A header whose CBOR is a map with these entries.
fn map(entries: &[(&str, Vec<u8>)]) -> String {
    let cbor = cbor::map(entries);
    sealed(&framed(cbor.len(), &cbor))
}

fn named(name: &str) -> String {
    map(&[("len", cbor::uint(1500)), ("name", cbor::text(name))])
}

fn typed(media_type: &str) -> String {
    map(&[("len", cbor::uint(1500)), ("type", cbor::text(media_type))])
}

fn accepted(len: u64, name: Option<&str>, media_type: Option<&str>) -> Accepted {
    let mut entries = vec![("len", cbor::uint(len))];
    entries.extend(name.map(|name| ("name", cbor::text(name))));
    entries.extend(media_type.map(|media_type| ("type", cbor::text(media_type))));
    let [name, media_type] = [name, media_type].map(|text| text.map(str::to_owned));
    Accepted { key: hex(bytes32("content key")), manifest: map(&entries), len, name, r#type: media_type }
}

fn wrong_headers() -> Vec<(&'static str, String)> {
    let len = ("len", cbor::uint(1500));
    let (name, media_type) = (("name", cbor::text("a")), ("type", cbor::text("b")));
    let good = cbor::map(std::slice::from_ref(&len));
    let mut padded = framed(good.len(), &good);
    padded[PLAIN_LEN - 1] = 1;
    let mut forged = seal(&keys(10), &framed(good.len(), &good));
    forged[0] ^= 1;
    vec![
        ("the tag does not match", manifest(&forged)),
        (
            "sealed with the keys for another cell size",
            manifest(&seal(&keys(11), &framed(good.len(), &good))),
        ),
        ("non-zero padding", sealed(&padded)),
        ("n = 0", sealed(&framed(0, &[]))),
        ("n leaves out the last byte", sealed(&framed(good.len() - 1, &good))),
        ("n covers a byte of padding", sealed(&framed(good.len() + 1, &good))),
        ("n covers all padding", sealed(&framed(494, &good))),
        ("n passes the end", sealed(&framed(495, &good))),
        ("n as large as can be", sealed(&framed(0xffff, &good))),
        ("not a map", sealed(&framed(1, &[0x80]))),
        ("no len", map(&[])),
        ("no len, but a name", map(std::slice::from_ref(&name))),
        ("an unknown key", map(&[("key", cbor::uint(1)), len.clone()])),
        ("len twice", map(&[len.clone(), len.clone()])),
        ("keys in another order", map(&[len.clone(), media_type, name.clone()])),
        ("len as text", map(&[("len", cbor::text("1500"))])),
        ("len as a float", map(&[("len", vec![0xf9, 0x65, 0xdc])])),
        ("len not as short as possible", map(&[("len", vec![0x1a, 0, 0, 5, 0xdc])])),
        ("len negative", map(&[("len", vec![0x39, 5, 0xdb])])),
        ("len too small for two cells", map(&[("len", cbor::uint(992))])),
        ("len too large for two cells", map(&[("len", cbor::uint(2017))])),
        ("len for cells of 2 KiB", map(&[("len", cbor::uint(3025))])),
        ("len = 0", map(&[("len", cbor::uint(0))])),
        ("len as large as can be", map(&[("len", cbor::uint(u64::MAX))])),
        ("name null", map(&[len.clone(), ("name", vec![0xf6])])),
        ("name as bytes", map(&[len.clone(), ("name", cbor::bytes(b"a"))])),
        ("name not UTF-8", map(&[len.clone(), ("name", vec![0x61, 0xff])])),
        ("name empty", named("")),
        ("name of 256 bytes", named(&"n".repeat(256))),
        ("name with a slash", named("a/b")),
        ("name .", named(".")),
        ("name ..", named("..")),
        ("name with NUL", named("a\0")),
        ("name with a line feed", named("a\nb")),
        ("name with DEL", named("a\u{7f}")),
        ("name with U+0085", named("a\u{85}")),
        ("type null", map(&[len, ("type", vec![0xf6])])),
        ("type empty", typed("")),
        ("type of 128 bytes", typed(&"t".repeat(128))),
        ("type with a tab", typed("a\tb")),
        ("type with a line feed", typed("text/plain\r\nx: y")),
        ("type not ASCII", typed("text/plään")),
    ]
}

fn made() -> File {
    let rejected = |(why, manifest): (&str, String)| Rejected {
        why: why.to_owned(),
        key: hex(bytes32("content key")),
        manifest,
    };
    let wrong_key = Rejected { why: "wrong key".to_owned(), key: hex([0; 32]), manifest: named("a") };
    File {
        accept: vec![
            accepted(1009, None, None),
            accepted(2016, Some("result.pdf"), Some("application/pdf")),
            accepted(1500, Some(&"ü".repeat(127)), Some(&"t".repeat(127))),
            accepted(1500, Some("..."), Some("text/plain; charset=utf-8")),
            accepted(1500, Some("a\\b \"c\" ☃"), None),
            accepted(1001, Some("with Padmé: 1024 bytes"), None),
        ],
        reject: wrong_headers().into_iter().map(rejected).chain([wrong_key]).collect(),
    }
}

#[test]
fn header() {
    let file: File = golden("header.json", &made());
    for vector in file.accept {
        let manifest = Manifest::decode(&unhex(&vector.manifest)).unwrap();
        let (header, opener) = manifest.open(&ContentKey::from_bytes(unhex32(&vector.key))).unwrap();
        assert_eq!((header.object_len(), opener.object_len()), (vector.len, vector.len));
        assert_eq!(header.name(), vector.name.as_deref());
        assert_eq!(header.media_type(), vector.r#type.as_deref());
        assert_eq!(ObjectHeader::new(vector.len, vector.name, vector.r#type), Ok(header));
    }
    for vector in file.reject {
        let manifest = Manifest::decode(&unhex(&vector.manifest)).unwrap();
        let key = ContentKey::from_bytes(unhex32(&vector.key));
        assert!(manifest.open(&key).is_err(), "{}", vector.why);
    }
}
