//! The decoder of entries against damaged and arbitrary input, as [`fuzzing::fuzz`] describes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use fuzzing::{Random, fuzz};
use proofs::{Root, ShardLen};
use protocol::{Lease, LeaseId, LeaseTerms, SecretKey, Sequence, UnixSeconds};
use storage_node::entry::{self, Entry, HEADER_LEN, Header};

fn some_entry(random: &mut Random) -> Vec<u8> {
    let root = Root::from_bytes(random.array());
    let key = SecretKey::from_bytes(&random.array()).public();
    let len = ShardLen::new(1 + random.below(1 << 28)).unwrap();
    match random.below(4) {
        0 => entry::encode_shard_prefix(root, len).to_vec(),
        1 => {
            let start = random.below(u64::MAX / 2);
            let terms = LeaseTerms {
                control: key,
                expires: UnixSeconds::new(start + 1 + random.below(400 * 86_400 - 1)),
                id: LeaseId::from_bytes(random.array()),
                len,
                payer: key,
                root,
                seq: Sequence::new(random.number()),
                start: UnixSeconds::new(start),
            };
            entry::encode_lease(&Lease::new(terms).unwrap())
        }
        2 => entry::encode_release(root, &key),
        _ => {
            let len = 1 + random.index(4096);
            entry::encode_pointer(&key, &random.bytes(len))
        }
    }
}

fn decode(bytes: &[u8]) -> Option<(Header, Entry)> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let header = Header::decode(header).ok()?;
    assert!(header.head_len() <= 4128, "nothing long is read before it is checked");
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
        Entry::Pointer { payer, record } => entry::encode_pointer(payer, record),
    };
    assert_eq!(again, bytes[..again.len()]);
    true
}

#[test]
fn entries() {
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    fuzz(|random| {
        let mut bytes = some_entry(random);
        assert!(round_trip(&bytes));
        random.damage(&mut bytes);
        if round_trip(&bytes) {
            accepted += 1;
        } else {
            refused += 1;
        }
    });
    assert!(accepted > 0 && refused > 0);
}
