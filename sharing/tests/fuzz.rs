//! Every decoder against damaged input, for `FUZZ_SECONDS` each (1 when not set).
//!
//! A failure prints the seed of its case: `FUZZ_SEED=<seed> cargo test -p sharing --test fuzz <target>` runs it first.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant, SystemTime};

use data_encoding::HEXLOWER;
use serde_json::Value;
use sharing::{Bundle, PublicationId, PublishingIndex, SharingRecord};

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

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    /// One of the corpus, perhaps continued with the end of another, with up to three small harms done to it.
    fn damaged(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus[self.below(corpus.len())].clone();
        if self.below(4) == 0 {
            let other = &corpus[self.below(corpus.len())];
            let (cut, rest) = (self.below(bytes.len() + 1), self.below(other.len()));
            bytes.splice(cut.., other[rest..].iter().copied());
        }
        for _ in 0..self.below(4) {
            let (at, byte) = (self.below(bytes.len() + 1), self.next().to_le_bytes()[0]);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 => drop(bytes.drain(at..(at + self.below(8)).min(bytes.len()))),
                3 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(1),
                4 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
                _ if at < bytes.len() => bytes[at] = byte,
                _ => bytes.push(byte),
            }
        }
        bytes
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

fn fuzz(corpus: &[Vec<u8>], target: impl Fn(&[u8])) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut seed = number_from_environment("FUZZ_SEED").unwrap_or(now.as_secs() << 20);
    println!("first seed {seed}");
    let time = Duration::from_secs(number_from_environment("FUZZ_SECONDS").unwrap_or(1));
    let start = Instant::now();
    loop {
        let guard = PrintSeed(seed);
        target(&Random(seed).damaged(corpus));
        drop(guard);
        if start.elapsed() >= time {
            break;
        }
        seed += 1;
    }
}

/// What the golden vectors hold under `key`, accepted or not; only short ones, which leave time for more cases.
fn corpus(file: &str, key: &str, accepted: bool) -> Vec<Vec<u8>> {
    let path = format!("{}/../docs/vectors/sharing/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter();
    let vectors = vectors.filter(|vector| !accepted || vector["error"].is_null());
    let bytes = vectors.map(|vector| HEXLOWER.decode(vector[key].as_str().unwrap().as_bytes()).unwrap());
    bytes.filter(|bytes| (1..8192).contains(&bytes.len())).collect()
}

/// Whatever is accepted is written the same way again, and all that is asked of it has an answer.
#[test]
fn bundles() {
    fuzz(&corpus("bundles.json", "bundle", false), |bytes| {
        if let Ok(bundle) = Bundle::decode(bytes) {
            assert_eq!(bundle.encode(), bytes);
            assert_eq!(bundle.id(), PublicationId::of(bytes));
            for track in bundle.tracks() {
                let lens = (0..).map_while(|part| track.part_len(part));
                assert_eq!(lens.sum::<u64>(), track.len());
                assert!(track.bit_rates().average <= track.bit_rates().peak);
                assert!(track.segment(track.segment_count() - 1).is_some());
            }
        }
    });
}

/// No change of a signed record goes unnoticed, nor does a record made of parts of two.
#[test]
fn records() {
    let corpus = corpus("records.json", "record", true);
    fuzz(&corpus, |bytes| {
        let is_known = corpus.iter().any(|known| known == bytes);
        assert_eq!(SharingRecord::decode(bytes).is_ok(), is_known, "{}", HEXLOWER.encode(bytes));
    });
}

#[test]
fn indices() {
    fuzz(&corpus("index.json", "index", false), |bytes| {
        if let Ok(index) = PublishingIndex::decode(bytes) {
            assert_eq!(index.encode().unwrap(), bytes);
            assert_eq!(index.clone().merge(index.clone()), index);
        }
    });
}
