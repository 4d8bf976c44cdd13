//! The decoder of entries against damaged and arbitrary input, for `FUZZ_SECONDS` (1 when not set).
//!
//! A failure prints the seed of its case: `FUZZ_SEED=<seed> cargo test -p storage-node --test fuzz` runs it first.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant, SystemTime};

use proofs::{Root, ShardLen};
use protocol::{Lease, LeaseId, LeaseTerms, SecretKey, Sequence, UnixSeconds};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use storage_node::entry::{self, Entry, HEADER_LEN, Header};

fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|error| panic!("{name}: {error}")))
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

fn some_entry(random: &mut StdRng) -> Vec<u8> {
    let root = Root::from_bytes(random.random());
    let key = SecretKey::from_bytes(&random.random()).public();
    let len = ShardLen::new(random.random_range(1..=1 << 28)).unwrap();
    match random.random_range(0..4) {
        0 => entry::encode_shard_prefix(root, len).to_vec(),
        1 => {
            let start = random.random_range(0..u64::MAX / 2);
            let terms = LeaseTerms {
                control: key,
                expires: UnixSeconds::new(start + random.random_range(1..400 * 86_400)),
                id: LeaseId::from_bytes(random.random()),
                len,
                payer: key,
                root,
                seq: Sequence::new(random.random()),
                start: UnixSeconds::new(start),
            };
            entry::encode_lease(&Lease::new(terms).unwrap())
        }
        2 => entry::encode_release(root, &key),
        _ => entry::encode_pointer(&vec![random.random(); random.random_range(1..=4096)]),
    }
}

fn damage(random: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..random.random_range(0..4) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.random()),
            2 => bytes.extend_from_within(at..),
            _ if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            _ => {}
        }
    }
}

fn decode(bytes: &[u8]) -> Option<(Header, Entry)> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let header = Header::decode(header).ok()?;
    assert!(header.head_len() <= 4096, "nothing long is read before it is checked");
    let entry = header.decode_head(rest.get(..header.head_len())?).ok()?;
    Some((header, entry))
}

/// What is accepted encodes to the same bytes again.
fn round_trip(bytes: &[u8]) -> bool {
    let Some((header, entry)) = decode(bytes) else { return false };
    let again = match &entry {
        Entry::Shard { root, len } => {
            assert_eq!(header.entry_len(), entry::shard_entry_len(*len));
            entry::encode_shard_prefix(*root, *len).to_vec()
        }
        Entry::Lease(lease) => entry::encode_lease(lease),
        Entry::Release { root, control } => entry::encode_release(*root, control),
        Entry::Pointer(record) => entry::encode_pointer(record),
    };
    assert_eq!(again, bytes[..again.len()]);
    true
}

#[test]
fn entries() {
    let seconds = number_from_environment("FUZZ_SECONDS").unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
    let mut seed = number_from_environment("FUZZ_SEED").unwrap_or(u64::try_from(clock).unwrap());
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    while Instant::now() < end || accepted + refused < 1000 {
        let _print = PrintSeed(seed);
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = some_entry(&mut random);
        assert!(round_trip(&bytes));
        damage(&mut random, &mut bytes);
        if round_trip(&bytes) {
            accepted += 1;
        } else {
            refused += 1;
        }
        seed = seed.wrapping_add(1);
    }
    assert!(accepted > 0 && refused > 0);
}
