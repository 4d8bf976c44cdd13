//! The key schedule of spec §7: one secret per account, one content key per object, one key per purpose.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{CellSize, secret};

/// Cipher suite 1: ChaCha20-Poly1305 with HKDF-SHA-256.
pub(crate) const SUITE: u8 = 1;

const OBJECT_INFO: &[u8] = b"headwater/1 object";
const PAYER_CONTEXT: &str = "headwater v1 payer key";
const PAYMENT_CONTEXT: &str = "headwater v1 payment key";
const CONTENT_CONTEXT: &str = "headwater v1 content key";
const CONTROL_CONTEXT: &str = "headwater v1 control key";
const POINTER_CONTEXT: &str = "headwater v1 pointer key";
const CREATOR_CONTEXT: &str = "headwater v1 creator key";
const INDEX_CONTEXT: &str = "headwater v1 index key";
const POINTER_VALUE_CONTEXT: &str = "headwater v1 pointer value";
const S3_CONTEXT: &str = "headwater v1 s3 credentials";
const SPOOL_CONTEXT: &str = "headwater v1 s3 spool";
const SHARE_KEY_CONTEXT: &str = "headwater v1 share key";
const SHARE_SECRET_CONTEXT: &str = "headwater v1 share secret";
const HEALTH_FILE_CONTEXT: &str = "headwater v1 health link key";
const STREAM_TOKEN_CONTEXT: &str = "headwater v1 stream token";
const STREAM_DEVICE_CONTEXT: &str = "headwater v1 stream device key";
const STREAM_READING_CONTEXT: &str = "headwater v1 stream reading key";
const TRAIL_KEY_CONTEXT: &str = "headwater v1 audit trail key";
const TRAIL_COMMITMENT_CONTEXT: &str = "headwater v1 audit trail commitment";
const EXPORT_CONTEXT: &str = "headwater v1 index export";
const IDENTITY_CONTEXT: &str = "headwater v1 identity key";
const AGE_CONTEXT: &str = "headwater v1 age key";
const READING_CONTEXT: &str = "headwater v1 reading key";
const GRANT_POINTER_CONTEXT: &str = "headwater v1 grant pointer key";
const GRANT_LINK_CONTEXT: &str = "headwater v1 grant link";
const GRANT_NOTE_CONTEXT: &str = "headwater v1 grant note";
const GRANT_HOLDER_CONTEXT: &str = "headwater v1 grant holder root";
const HYBRID_CONTEXT: &str = "headwater v1 hybrid reading key";

secret! {
    /// The secret from which everything else that an owner needs is derived.
    AccountSecret
}
secret! {
    /// The key of one object: whoever holds it and the CID can read the object.
    ContentKey
}
secret! {
    /// The seed of an Ed25519 key pair (RFC 8032).
    KeySeed
}

secret! {
    /// Keys the hashes by which an owner, and nobody else, knows a file again.
    IndexKey
}

secret! {
    /// Seals one text for the owner's own eyes; its salt stands before what it seals.
    OwnKey
}

impl IndexKey {
    /// `BLAKE3-keyed(index key, plaintext hash ‖ options)`: the mark of the file with this BLAKE3 hash when it is
    /// treated in the way that `options` stand for.
    pub fn mark(&self, plaintext_hash: &[u8; 32], options: &[u8]) -> FileMark {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(plaintext_hash);
        hasher.update(options);
        let mark = FileMark(*hasher.finalize().as_bytes());
        hasher.zeroize();
        mark
    }
}

/// What a file is called in its owner's private index: it tells nothing to whoever lacks the index key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileMark([u8; 32]);

impl FileMark {
    /// The mark that these bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl AccountSecret {
    /// The seed of the key that pays and is admitted.
    pub fn payer_seed(&self) -> KeySeed {
        KeySeed(self.derive(PAYER_CONTEXT, &[]))
    }

    /// The seed of the key that watches on account and shares in titles.
    pub fn payment_seed(&self) -> KeySeed {
        KeySeed(self.derive(PAYMENT_CONTEXT, &[]))
    }

    /// The seed of the key that signs the account's pointers.
    pub fn pointer_seed(&self) -> KeySeed {
        KeySeed(self.derive(POINTER_CONTEXT, &[]))
    }

    /// The seed of the key that signs the account's publications.
    pub fn creator_seed(&self) -> KeySeed {
        KeySeed(self.derive(CREATOR_CONTEXT, &[]))
    }

    /// The seed of the key that signs what the account grants to others.
    pub fn identity_seed(&self) -> KeySeed {
        KeySeed(self.derive(IDENTITY_CONTEXT, &[]))
    }

    /// The seed of the key to which others wrap what the account may read.
    pub fn reading_seed(&self) -> KeySeed {
        KeySeed(self.derive(READING_CONTEXT, &[]))
    }

    /// The seed of the key that signs the pointers of the account's grant with this id.
    pub fn grant_pointer_seed(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(GRANT_POINTER_CONTEXT, id))
    }

    /// The secret in the link of the account's grant with this id.
    pub fn grant_link_secret(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(GRANT_LINK_CONTEXT, id))
    }

    /// The secret from which those of all recipients of the account's grant with this id follow.
    pub fn grant_holder_seed(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(GRANT_HOLDER_CONTEXT, id))
    }

    /// The key of the owner's note in the grant whose sealed contents have this hash.
    pub fn grant_note_key(&self, contents: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(GRANT_NOTE_CONTEXT, contents))
    }

    /// The seed of the hybrid key to which others wrap what the account may read: X-Wing's decapsulation key.
    pub fn hybrid_reading_seed(&self) -> KeySeed {
        KeySeed(self.derive(HYBRID_CONTEXT, &[]))
    }

    /// The account's X25519 key for files of age.
    pub fn age_seed(&self) -> KeySeed {
        KeySeed(self.derive(AGE_CONTEXT, &[]))
    }

    /// The key of the account's private index.
    pub fn index_key(&self) -> IndexKey {
        IndexKey(self.derive(INDEX_CONTEXT, &[]))
    }

    /// The key that seals what a pointer says.
    pub fn pointer_value_key(&self, salt: &Salt) -> OwnKey {
        OwnKey(self.derive(POINTER_VALUE_CONTEXT, &salt.0))
    }

    /// The seed of the key that signs the sealed share with this id, and ends it.
    pub fn share_key_seed(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(SHARE_KEY_CONTEXT, id))
    }

    /// What stands in the link of the account's sealed share with this id.
    pub fn share_secret(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(SHARE_SECRET_CONTEXT, id))
    }

    /// The key of the files behind the account's health link with this id.
    pub fn health_file_key(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(HEALTH_FILE_CONTEXT, id))
    }

    /// What the device shows that writes to the account's stream with this id.
    pub fn stream_token(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(STREAM_TOKEN_CONTEXT, id))
    }

    /// The seed of the key by which that device signs.
    pub fn stream_device_seed(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(STREAM_DEVICE_CONTEXT, id))
    }

    /// The key that opens what that device sends.
    pub fn stream_reading_key(&self, id: &[u8; 32]) -> KeySeed {
        KeySeed(self.derive(STREAM_READING_CONTEXT, id))
    }

    /// The seed of the key that signs the account's audit trail.
    pub fn trail_key_seed(&self) -> KeySeed {
        KeySeed(self.derive(TRAIL_KEY_CONTEXT, &[]))
    }

    /// The key under which the account commits to its audit trail.
    pub fn trail_commitment_key(&self) -> KeySeed {
        KeySeed(self.derive(TRAIL_COMMITMENT_CONTEXT, &[]))
    }

    /// The key that seals an exported index.
    pub fn export_key(&self, salt: &Salt) -> OwnKey {
        OwnKey(self.derive(EXPORT_CONTEXT, &salt.0))
    }

    /// What S3 clients on the owner's machine sign with follows from it.
    pub fn s3_seed(&self) -> KeySeed {
        KeySeed(self.derive(S3_CONTEXT, &[]))
    }

    /// The key that seals a part of an upload that waits on the owner's disk.
    pub fn spool_key(&self, salt: &Salt) -> OwnKey {
        OwnKey(self.derive(SPOOL_CONTEXT, &salt.0))
    }

    /// The content key of the object with this salt, unless the object is an erasable one.
    pub fn content_key(&self, salt: &Salt) -> ContentKey {
        ContentKey(self.derive(CONTENT_CONTEXT, &salt.0))
    }

    /// The seed of the control key of the object with this salt: releases and delegates.
    pub fn control_seed(&self, salt: &Salt) -> KeySeed {
        KeySeed(self.derive(CONTROL_CONTEXT, &salt.0))
    }

    fn derive(&self, context: &str, salt: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(&self.0);
        hasher.update(salt);
        let derived = *hasher.finalize().as_bytes();
        hasher.zeroize();
        derived
    }
}

/// 32 random bytes of one object, public, in its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Salt([u8; 32]);

impl Salt {
    /// The salt that these bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What a manifest says about its content key, so that a wrong key is known before anything is opened.
///
/// ChaCha20-Poly1305 does not commit to its key: without this, two keys could open the same cell to two texts.
#[derive(Clone, Copy, Debug)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// The commitment that these bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Commitment {
    /// In constant time: one side comes from a key that somebody may be guessing.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Commitment {}

/// The keys of one object with cells of one size, derived from its content key and salt.
#[derive(Clone)]
pub struct ObjectKeys {
    cell: Zeroizing<[u8; 32]>,
    header: Zeroizing<[u8; 32]>,
    commitment: Commitment,
    cell_size: CellSize,
}

impl ObjectKeys {
    /// `HKDF-SHA-256(content key, salt, "headwater/1 object" ‖ suite ‖ log2 S)` (RFC 5869).
    pub fn derive(key: &ContentKey, salt: &Salt, cell_size: CellSize) -> Self {
        let mut okm = Zeroizing::new([0; 96]);
        let info = [OBJECT_INFO, &[SUITE, cell_size.log2()]].concat();
        Hkdf::<Sha256>::new(Some(&salt.0), &key.0)
            .expand(&info, okm.as_mut_slice())
            .expect("96 bytes are less than the 255 blocks that HKDF gives");
        let (parts, rest) = okm.as_chunks::<32>();
        assert!(parts.len() == 3 && rest.is_empty());
        Self {
            cell: Zeroizing::new(parts[0]),
            header: Zeroizing::new(parts[1]),
            commitment: Commitment(parts[2]),
            cell_size,
        }
    }

    /// What the manifest says of these keys.
    pub const fn commitment(&self) -> Commitment {
        self.commitment
    }

    /// The size of the cells that these keys are for.
    pub const fn cell_size(&self) -> CellSize {
        self.cell_size
    }

    pub(crate) fn cell(&self) -> &[u8; 32] {
        &self.cell
    }

    pub(crate) fn header(&self) -> &[u8; 32] {
        &self.header
    }
}

impl fmt::Debug for ObjectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectKeys(…)")
    }
}
