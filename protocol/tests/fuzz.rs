//! Every decoder against damaged and arbitrary input, for `FUZZ_SECONDS` each (1 when not set).
//!
//! A failure prints the seed of its case: `FUZZ_SEED=<seed> cargo test -p protocol --test fuzz <target>` runs it first.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant, SystemTime};

use data_encoding::HEXLOWER;
use proofs::{LeafSet, Root, ShardLen};
use protocol::frame::{Header, PREFIX_LEN, decode_body, decode_header, encode_header};
use protocol::limits::READ_RANGES_MAX;
use protocol::{AnyRecord, NetworkId, Request, Response, SecretKey, keys};
use serde_json::Value;

/// Numbers that look random and follow from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn leaf(&mut self, end: u64) -> u32 {
        u32::try_from(self.next() % end).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    /// Does one to three small harms to `bytes`.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.index(3) {
            let at = self.index(bytes.len() + 1);
            match self.index(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                2 => bytes.extend_from_within(at..),
                3 if at < bytes.len() => _ = bytes.remove(at),
                4 if at < bytes.len() => bytes[at] = self.byte(),
                _ if at < bytes.len() => bytes[at] ^= 1 << self.index(8),
                _ => bytes.clear(),
            }
        }
    }
}

/// Prints the seed of the case that is running when it panics.
struct PrintSeed(u64);

impl Drop for PrintSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FUZZ_SEED={}", self.0);
        }
    }
}

fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn fuzz(case: impl Fn(&mut Random)) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut seed = number_from_environment("FUZZ_SEED").unwrap_or(now.as_secs() << 20);
    println!("first seed {seed}");
    let time = Duration::from_secs(number_from_environment("FUZZ_SECONDS").unwrap_or(1));
    let start = Instant::now();
    loop {
        let guard = PrintSeed(seed);
        case(&mut Random(seed));
        drop(guard);
        if start.elapsed() >= time {
            break;
        }
        seed += 1;
    }
}

/// What the golden vectors accept.
fn accepted(file: &str, key: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/../docs/vectors/protocol/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter().filter(|vector| vector["error"].is_null());
    vectors.map(|vector| HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap()).collect()
}

/// No change of a signed record goes unnoticed, nor does a record made of parts of two.
#[test]
fn records() {
    let corpus = accepted("records.json", "record");
    fuzz(|random| {
        let mut damaged = corpus[random.index(corpus.len())].clone();
        random.damage(&mut damaged);
        if random.index(2) == 0 {
            let other = &corpus[random.index(corpus.len())];
            let (cut, rest) = (random.index(damaged.len() + 1), random.index(other.len()));
            damaged.splice(cut.., other[rest..].iter().copied());
        }
        let is_known = corpus.contains(&damaged);
        assert_eq!(AnyRecord::decode(&damaged).is_ok(), is_known, "{}", HEXLOWER.encode(&damaged));
    });
}

#[test]
fn requests() {
    let corpus = accepted("requests.json", "header");
    fuzz(|random| headers::<Request>(random, &corpus));
}

#[test]
fn responses() {
    let corpus = accepted("responses.json", "header");
    fuzz(|random| headers::<Response>(random, &corpus));
}

/// Whatever is accepted encodes to the bytes it was decoded from.
fn headers<H: Header>(random: &mut Random, corpus: &[Vec<u8>]) {
    let mut body = corpus[random.index(corpus.len())][PREFIX_LEN..].to_vec();
    random.damage(&mut body);
    if let Ok(header) = decode_body::<H>(&body) {
        let framed = encode_header(&header).unwrap();
        assert_eq!(framed[PREFIX_LEN..], body);
    }

    let len = random.index(40);
    let mut arbitrary = random.bytes(len);
    if let Some(prefix) = arbitrary.first_chunk_mut::<PREFIX_LEN>()
        && random.index(2) == 0
    {
        *prefix = random.leaf(48).to_le_bytes();
    }
    if let Ok(Some(framed)) = decode_header::<H>(&arbitrary) {
        assert_eq!(encode_header(&framed.header).unwrap(), arbitrary[..framed.consumed]);
    }
}

/// A request to read survives the way there, whatever leaves it asks for.
#[test]
fn reads() {
    fuzz(|random| {
        let len = ShardLen::new(1 + random.next() % (1 << 28)).unwrap();
        let mut ranges = Vec::new();
        let mut next = random.leaf(5);
        for _ in 0..=random.index(300) {
            let end = next + 1 + random.leaf(300);
            ranges.push(next..end);
            next = end + 1 + random.leaf(300);
        }
        let Ok(leaves) = LeafSet::new(len, &ranges) else { return };
        let request = Request::Read { root: Root::of(&random.bytes(3)), leaves };
        match encode_header(&request) {
            Ok(bytes) => assert_eq!(decode_header::<Request>(&bytes).unwrap().unwrap().header, request),
            Err(_) => assert!(ranges.len() > READ_RANGES_MAX),
        }
    });
}

/// A key has one spelling: its y is below the field prime 2^255 - 19.
#[test]
fn public_keys() {
    const TOP_OF_PRIME: [u8; 31] = [0xff; 31];
    let points: Vec<[u8; 32]> =
        (0..32).map(|seed| *SecretKey::from_bytes(&[seed; 32]).public().as_bytes()).collect();
    fuzz(|random| {
        let mut bytes = points[random.index(points.len())];
        if random.index(2) == 0 {
            bytes = random.bytes(32).try_into().unwrap();
        }
        if random.index(4) == 0 {
            bytes[1..].fill(0xff);
        }
        bytes[31] ^= random.byte() & 0x80;
        if let Ok(key) = keys::from_bytes(&bytes) {
            assert_eq!(key.as_bytes(), &bytes);
            let mut y = bytes;
            y[31] |= 0x80;
            assert!(y[1..] != TOP_OF_PRIME || y[0] < 0xed, "y is not below the prime");
        }
    });
}

#[test]
fn network_ids() {
    fuzz(|random| {
        let id = NetworkId::from_bytes(random.bytes(32).try_into().unwrap());
        let mut text = id.to_string().into_bytes();
        assert_eq!(std::str::from_utf8(&text).unwrap().parse(), Ok(id));
        random.damage(&mut text);
        let text = String::from_utf8_lossy(&text);
        if let Ok(id) = text.parse::<NetworkId>() {
            assert_eq!(id.to_string(), text.to_lowercase());
        }
    });
}
