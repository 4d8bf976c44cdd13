use proofs::Cid;
use serde::{Deserialize, Serialize};

use super::{bytes32, golden, hex, unhex};
use crate::{ContentKey, Link};

#[derive(Serialize, Deserialize)]
struct File {
    accept: Vec<Accepted>,
    reject: Vec<Rejected>,
}

#[derive(Serialize, Deserialize)]
struct Accepted {
    link: String,
    cid: String,
    key: String,
}

#[derive(Serialize, Deserialize)]
struct Rejected {
    why: String,
    link: String,
}

fn accepted(cid: Cid, key: [u8; 32]) -> Accepted {
    let link = Link::new(cid, ContentKey::from_bytes(key)).to_string();
    Accepted { link, cid: cid.to_string(), key: hex(key) }
}

/// The CID of a manifest with its first bytes replaced.
fn cid_with(prefix: [u8; 4]) -> String {
    let bytes = [&prefix, bytes32("manifest").as_slice()].concat();
    format!("b{}", data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase())
}

fn made() -> File {
    let cid = Cid::of(b"manifest");
    let good = accepted(cid, bytes32("content key"));
    let (address, key) = good.link.split_once('#').map(|(a, k)| (a.to_owned(), k.to_owned())).unwrap();
    let (text, head) = (cid.to_string(), "headwater:");
    let reject = [
        ("empty", String::new()),
        ("scheme alone", head.to_owned()),
        ("no scheme", good.link[head.len()..].to_owned()),
        ("scheme in capitals", good.link.replace("headwater", "Headwater")),
        ("another scheme", good.link.replace("headwater", "headwaters")),
        ("two slashes", good.link.replace(':', "://")),
        ("white space in front", format!(" {}", good.link)),
        ("line feed at the end", format!("{}\n", good.link)),
        ("no key", address.clone()),
        ("empty key", format!("{address}#")),
        ("key cut off by one character", good.link[..good.link.len() - 1].to_owned()),
        ("key cut off by a byte and more", good.link[..good.link.len() - 3].to_owned()),
        ("key one character longer", format!("{}A", good.link)),
        ("key of 33 bytes", format!("{}A", good.link)),
        ("key with padding", format!("{}=", good.link)),
        ("key with non-zero trailing bits", format!("{address}#{}B", &"A".repeat(42))),
        ("key in the alphabet with +", format!("{address}#{}A", "+".repeat(42))),
        ("key in the alphabet with /", format!("{address}#{}A", "/".repeat(42))),
        ("key percent-encoded", format!("{address}#%41{}", &key[1..])),
        ("key twice", format!("{}#{key}", good.link)),
        ("query between address and key", format!("{address}?x#{key}")),
        ("address cut off", format!("{}#{key}", &address[..address.len() - 1])),
        ("address longer", format!("{address}a#{key}")),
        ("address in capitals", format!("{head}B{}#{key}", text[1..].to_uppercase())),
        ("address without multibase prefix", format!("{head}{}#{key}", &text[1..])),
        ("address in another base", format!("{head}f{}#{key}", hex(cid.to_bytes()))),
        ("address with non-zero trailing bits", format!("{}b#{key}", &address[..address.len() - 1])),
        ("address with a digit outside the alphabet", format!("{}1#{key}", &address[..address.len() - 1])),
        ("CID of version 0", format!("{head}{}#{key}", cid_with([0x00, 0x71, 0x1e, 0x20]))),
        ("CID of codec raw", format!("{head}{}#{key}", cid_with([0x01, 0x55, 0x1e, 0x20]))),
        ("CID of codec dag-json", format!("{head}{}#{key}", cid_with([0x01, 0x29, 0x1e, 0x20]))),
        ("CID with SHA-256", format!("{head}{}#{key}", cid_with([0x01, 0x71, 0x12, 0x20]))),
        ("CID with a hash of 31 bytes", format!("{head}{}#{key}", cid_with([0x01, 0x71, 0x1e, 0x1f]))),
        ("full-width number sign", format!("{address}＃{key}")),
    ];
    File {
        accept: vec![good, accepted(cid, [0; 32]), accepted(Cid::of(b""), [0xff; 32])],
        reject: reject.map(|(why, link)| Rejected { why: why.to_owned(), link }).into(),
    }
}

#[test]
fn link() {
    let file: File = golden("link.json", &made());
    for vector in file.accept {
        let link: Link = vector.link.parse().unwrap();
        assert_eq!((link.cid().to_string(), link.key().expose().to_vec()), (vector.cid, unhex(&vector.key)));
        assert_eq!(link.to_string(), vector.link);
        assert!(!format!("{link:?}").contains(vector.link.split_once('#').unwrap().1));
    }
    for vector in file.reject {
        let error = vector.link.parse::<Link>().expect_err(&vector.why).to_string();
        assert!(!error.contains("AAAA"), "an error repeats the key: {error}");
    }
}
