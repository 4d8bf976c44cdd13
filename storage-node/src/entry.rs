//! The entries that shard files and packs are made of (spec §16): pure encoding and decoding.
//!
//! The check of an entry covers its kind and its head, which says how long the rest is. What follows the
//! head of a shard entry is covered by the shard's root instead.

use proofs::canonical::{self, CanonicalError};
use proofs::{Root, ShardLen, ShardLenError};
use protocol::limits::RECORD_LEN_MAX;
use protocol::{Lease, PublicKey};

/// Bytes before the payload.
pub const HEADER_LEN: usize = 16;
/// Bytes before the shard itself: header, root and length.
pub const SHARD_PREFIX_LEN: usize = HEADER_LEN + SHARD_HEAD_LEN;

/// Bytes before the record of a pointer: header and payer.
pub const POINTER_PREFIX_LEN: usize = HEADER_LEN + KEY_LEN;

const MAGIC: [u8; 4] = *b"HWe1";
const SHARD_HEAD_LEN: usize = 40;
const RELEASE_LEN: usize = 64;
const KEY_LEN: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Shard = 1,
    Lease = 2,
    Release = 3,
    Pointer = 4,
}

/// What an entry says. Only the head of a shard entry is in here, not the shard.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A shard follows, and its outboard.
    Shard {
        /// The shard's name.
        root: Root,
        /// The shard's length.
        len: ShardLen,
    },
    /// A lease of a shard before it; the last one for a control key counts.
    Lease(Lease),
    /// The end of a lease before it.
    Release {
        /// The shard.
        root: Root,
        /// The control key of the lease.
        control: PublicKey,
    },
    /// A pointer.
    Pointer {
        /// Who pays for it.
        payer: PublicKey,
        /// The signed record; nobody has verified its signature yet.
        record: Vec<u8>,
    },
}

/// The first bytes of an entry. Only [`Header::decode_head`] checks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    kind: Kind,
    payload_len: u32,
    check: [u8; 4],
}

/// Why bytes are not an entry.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the variants")]
pub enum EntryError {
    #[error("no entry begins here")]
    Magic,
    #[error("entry of unknown kind {0}")]
    Kind(u8),
    #[error("reserved bytes are not zero")]
    Reserved,
    #[error("payload of {0} bytes is impossible for its kind")]
    PayloadLen(u32),
    #[error("the check does not match")]
    Check,
    #[error("{0}")]
    ShardLen(#[from] ShardLenError),
    #[error("a lease is not canonical: {0}")]
    Lease(#[from] CanonicalError),
    #[error("a control key is no public key")]
    Control,
    #[error("a payer's key is no public key")]
    Payer,
}

impl Header {
    /// The header in these bytes; an entry of a length that its kind cannot have is refused here.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, EntryError> {
        let [m0, m1, m2, m3, kind, r0, r1, r2, l0, l1, l2, l3, c0, c1, c2, c3] = *bytes;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(EntryError::Magic);
        }
        let kind = match kind {
            1 => Kind::Shard,
            2 => Kind::Lease,
            3 => Kind::Release,
            4 => Kind::Pointer,
            other => return Err(EntryError::Kind(other)),
        };
        if [r0, r1, r2] != [0; 3] {
            return Err(EntryError::Reserved);
        }
        let payload_len = u32::from_le_bytes([l0, l1, l2, l3]);
        let possible = match kind {
            Kind::Shard => payload_len as usize > SHARD_HEAD_LEN,
            Kind::Lease => (1..=RECORD_LEN_MAX).contains(&(payload_len as usize)),
            Kind::Pointer => (1..=RECORD_LEN_MAX).contains(&(payload_len as usize).wrapping_sub(KEY_LEN)),
            Kind::Release => payload_len as usize == RELEASE_LEN,
        };
        if !possible {
            return Err(EntryError::PayloadLen(payload_len));
        }
        Ok(Self { kind, payload_len, check: [c0, c1, c2, c3] })
    }

    /// How many bytes after the header [`Self::decode_head`] needs; at most 4128.
    pub fn head_len(self) -> usize {
        match self.kind {
            Kind::Shard => SHARD_HEAD_LEN,
            Kind::Lease | Kind::Release | Kind::Pointer => self.payload_len as usize,
        }
    }

    /// Length of the whole entry in bytes.
    pub fn entry_len(self) -> u64 {
        HEADER_LEN as u64 + u64::from(self.payload_len)
    }

    /// The entry, given the [`Self::head_len`] bytes after the header.
    pub fn decode_head(self, head: &[u8]) -> Result<Entry, EntryError> {
        if check(self.kind, head) != self.check {
            return Err(EntryError::Check);
        }
        match self.kind {
            Kind::Shard => self.decode_shard_head(head),
            Kind::Lease => Ok(Entry::Lease(canonical::from_slice(head, RECORD_LEN_MAX)?)),
            Kind::Release => {
                let (root, control) = head.split_at(32);
                let control = protocol::keys::from_bytes(&array(control)).map_err(|_| EntryError::Control)?;
                Ok(Entry::Release { root: Root::from_bytes(array(root)), control })
            }
            Kind::Pointer => {
                let (payer, record) = head.split_at(KEY_LEN);
                let payer = protocol::keys::from_bytes(&array(payer)).map_err(|_| EntryError::Payer)?;
                Ok(Entry::Pointer { payer, record: record.to_vec() })
            }
        }
    }

    fn decode_shard_head(self, head: &[u8]) -> Result<Entry, EntryError> {
        let (root, len) = head.split_at(32);
        let len = ShardLen::new(u64::from_le_bytes(array(len)))?;
        if shard_entry_len(len) != self.entry_len() {
            return Err(EntryError::PayloadLen(self.payload_len));
        }
        Ok(Entry::Shard { root: Root::from_bytes(array(root)), len })
    }
}

/// The lengths are those of the head, which was checked before.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the head was cut to this length")
}

/// Length in bytes of the entry of a shard with its outboard.
pub fn shard_entry_len(len: ShardLen) -> u64 {
    SHARD_PREFIX_LEN as u64 + len.get() + len.outboard_len()
}

/// What stands before a shard's bytes and outboard.
pub fn encode_shard_prefix(root: Root, len: ShardLen) -> [u8; SHARD_PREFIX_LEN] {
    let mut head = [0; SHARD_HEAD_LEN];
    head[..32].copy_from_slice(root.as_bytes());
    head[32..].copy_from_slice(&len.get().to_le_bytes());
    let payload_len = shard_entry_len(len) - HEADER_LEN as u64;
    let mut prefix = [0; SHARD_PREFIX_LEN];
    prefix[..HEADER_LEN].copy_from_slice(&encode_header(Kind::Shard, payload_len, &head));
    prefix[HEADER_LEN..].copy_from_slice(&head);
    prefix
}

/// The entry of a lease.
pub fn encode_lease(lease: &Lease) -> Vec<u8> {
    whole(Kind::Lease, &canonical::to_vec(lease))
}

/// The entry of a release.
pub fn encode_release(root: Root, control: &PublicKey) -> Vec<u8> {
    whole(Kind::Release, &[root.as_bytes().as_slice(), control.as_bytes()].concat())
}

/// The entry of a pointer; `record` is an encoded signed record, at most 4096 bytes.
pub fn encode_pointer(payer: &PublicKey, record: &[u8]) -> Vec<u8> {
    whole(Kind::Pointer, &[payer.as_bytes(), record].concat())
}

fn whole(kind: Kind, payload: &[u8]) -> Vec<u8> {
    [encode_header(kind, payload.len() as u64, payload).as_slice(), payload].concat()
}

fn encode_header(kind: Kind, payload_len: u64, head: &[u8]) -> [u8; HEADER_LEN] {
    let payload_len = u32::try_from(payload_len).expect("a shard and its outboard are below 2^29 bytes");
    let mut header = [0; HEADER_LEN];
    header[..4].copy_from_slice(&MAGIC);
    header[4] = kind as u8;
    header[8..12].copy_from_slice(&payload_len.to_le_bytes());
    header[12..].copy_from_slice(&check(kind, head));
    header
}

fn check(kind: Kind, head: &[u8]) -> [u8; 4] {
    let hash = blake3::Hasher::new().update(&[kind as u8]).update(head).finalize();
    array(&hash.as_bytes()[..4])
}
