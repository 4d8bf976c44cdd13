//! Signed records: canonical CBOR under an Ed25519 signature that names type, version and network (spec §10).

use std::fmt;
use std::marker::PhantomData;

use iroh_base::{PublicKey, SecretKey, Signature};
use proofs::canonical::{self, CanonicalError};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use serde_bytes::ByteArray;

use crate::limits::RECORD_LEN_MAX;
use crate::{Code, Digest, NetworkId, keys};

/// The body of a signed record. Its `Display` tells people what the record says, one fact per line.
pub trait Record: Serialize + DeserializeOwned + Clone + PartialEq + fmt::Debug + fmt::Display {
    /// The name of the type, part of what is signed.
    const TYPE: &'static str;
}

/// A record whose signature was verified, for one network.
#[derive(Clone, PartialEq, Debug)]
pub struct Signed<T> {
    body: T,
    by: PublicKey,
    network: NetworkId,
    signature: Signature,
}

impl<T: Record> Signed<T> {
    /// The record that the owner of `secret` signs for this network.
    pub fn sign(secret: &SecretKey, network: &NetworkId, body: T) -> Self {
        let signature = secret.sign(&signed_bytes(T::TYPE, network, &body));
        Self { body, by: secret.public(), network: *network, signature }
    }

    /// The record in these bytes, when it has this type and network and its signature verifies.
    pub fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, RecordError> {
        let record = Self::decode_verified_before(bytes, network)?;
        let signed_bytes = signed_bytes(T::TYPE, network, &record.body);
        let verified = record.by.verify(&signed_bytes, &record.signature);
        verified.map_err(|_| RecordError::Signature { by: record.by })?;
        Ok(record)
    }

    /// The record in these bytes, when it has this type and network; its signature is **not** looked at.
    ///
    /// Only for bytes of which it is known, by a hash over them, that their signature was verified before.
    pub fn decode_verified_before(bytes: &[u8], network: &NetworkId) -> Result<Self, RecordError> {
        let Envelope { body, by, sig, .. } = Envelope::<T>::decode(bytes, network)?;
        Ok(Self { body, by, network: *network, signature: Signature::from_bytes(&sig) })
    }

    /// The record as canonical CBOR, at most [`RECORD_LEN_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        let bytes = canonical::to_vec(&Envelope {
            body: self.body.clone(),
            by: self.by,
            net: self.network,
            sig: ByteArray::new(self.signature.to_bytes()),
            kind: T::TYPE.to_owned(),
            v: VERSION,
        });
        assert!(
            bytes.len() <= RECORD_LEN_MAX,
            "a {} of {} bytes: its fields are bounded",
            T::TYPE,
            bytes.len()
        );
        bytes
    }

    /// What other documents call it: the hash of its bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// What promises, reversals and disputes call it: the hash of who signed it and what it says, whatever the bytes of
    /// the signature (spec §25).
    pub fn name(&self) -> Digest {
        let signer = serde_bytes::Bytes::new(self.by.as_bytes());
        Digest::of(&canonical::to_vec(&(signer, T::TYPE, &self.body)))
    }

    /// What was signed.
    pub fn body(&self) -> &T {
        &self.body
    }

    /// What was signed, without its signature.
    pub fn into_body(self) -> T {
        self.body
    }

    /// Who signed it.
    pub fn by(&self) -> PublicKey {
        self.by
    }

    /// The network for which it was signed.
    pub fn network(&self) -> NetworkId {
        self.network
    }
}

/// The bytes of a record, as they came: nothing is known about them but that they are not too many.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Unverified<T> {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    #[serde(skip)]
    record: PhantomData<fn() -> T>,
}

impl<T: Record> Unverified<T> {
    /// The record, when it is one for this network and its signature verifies.
    pub fn verify(&self, network: &NetworkId) -> Result<Signed<T>, RecordError> {
        Signed::decode(&self.bytes, network)
    }

    /// The record, when its signature was verified before: [`Signed::decode_verified_before`].
    pub fn verified_before(&self, network: &NetworkId) -> Result<Signed<T>, RecordError> {
        Signed::decode_verified_before(&self.bytes, network)
    }
}

impl<T> Unverified<T> {
    /// The bytes, when there are at most [`RECORD_LEN_MAX`] of them.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, RecordError> {
        check_len(&bytes)?;
        Ok(Self { bytes, record: PhantomData })
    }

    /// The bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T: Record> From<&Signed<T>> for Unverified<T> {
    fn from(record: &Signed<T>) -> Self {
        Self { bytes: record.encode(), record: PhantomData }
    }
}

impl<'de, T> Deserialize<'de> for Unverified<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: Vec<u8> = serde_bytes::deserialize(deserializer)?;
        Self::from_bytes(bytes).map_err(serde::de::Error::custom)
    }
}

impl<T> fmt::Debug for Unverified<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified({} bytes)", self.bytes.len())
    }
}

/// Why bytes are not the signed record that was expected.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Longer than any record.
    #[error("record of {len} bytes, at most {RECORD_LEN_MAX} are allowed")]
    TooLong {
        /// Length of the input in bytes.
        len: usize,
    },
    /// Not a map with the keys of a record.
    #[error("not a signed record: {0}")]
    NotARecord(CanonicalError),
    /// A record of another version.
    #[error("record of version {found}, only version 1 is known")]
    Version {
        /// The version that the record names.
        found: u64,
    },
    /// A record of another type than expected, or of a type that does not exist.
    #[error("record of type {found:?} where {expected:?} is expected")]
    Type {
        /// The type, or types, expected.
        expected: &'static str,
        /// The type that the record names.
        found: String,
    },
    /// A record for another network.
    #[error("record for network {found}, not for {expected}")]
    Network {
        /// The network expected.
        expected: NetworkId,
        /// The network that the record names.
        found: NetworkId,
    },
    /// A record that is not canonical, has other keys, or breaks a rule of its type.
    #[error("invalid {kind} record: {source}")]
    Invalid {
        /// The type of the record.
        kind: &'static str,
        /// What is wrong.
        source: CanonicalError,
    },
    /// The signature does not verify.
    #[error("signature by {by} does not verify")]
    Signature {
        /// The signer that the record names.
        by: PublicKey,
    },
}

impl RecordError {
    /// The code with which a node refuses such a record.
    pub fn code(&self) -> Code {
        match self {
            Self::TooLong { .. } | Self::NotARecord(_) | Self::Version { .. } | Self::Invalid { .. } => {
                Code::BadRequest
            }
            Self::Type { .. } | Self::Network { .. } | Self::Signature { .. } => Code::BadSignature,
        }
    }
}

const VERSION: u8 = 1;

/// The map of spec §10; serde and the canonical form put the keys in order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    body: T,
    #[serde(with = "keys")]
    by: PublicKey,
    net: NetworkId,
    sig: ByteArray<64>,
    #[serde(rename = "type")]
    kind: String,
    v: u8,
}

impl<T: Record> Envelope<T> {
    fn decode(bytes: &[u8], network: &NetworkId) -> Result<Self, RecordError> {
        let heading = RecordHeading::decode(bytes)?;
        if heading.kind != T::TYPE {
            return Err(RecordError::Type { expected: T::TYPE, found: heading.kind });
        }
        if heading.net != *network {
            return Err(RecordError::Network { expected: *network, found: heading.net });
        }
        canonical::from_slice(bytes, RECORD_LEN_MAX)
            .map_err(|source| RecordError::Invalid { kind: T::TYPE, source })
    }
}

/// What a record says about itself, read without its body: enough to tell what it is, not to trust it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordHeading {
    #[serde(rename = "type")]
    kind: String,
    net: NetworkId,
    v: u64,
    #[serde(rename = "body")]
    _body: IgnoredAny,
    #[serde(rename = "by")]
    _by: IgnoredAny,
    #[serde(rename = "sig")]
    _sig: IgnoredAny,
}

impl RecordHeading {
    /// The heading of the record in these bytes; nothing is verified.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        check_len(bytes)?;
        let heading: Self = canonical::peek(bytes).map_err(RecordError::NotARecord)?;
        if heading.v != u64::from(VERSION) {
            return Err(RecordError::Version { found: heading.v });
        }
        Ok(heading)
    }

    /// The type that it names.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The network that it names.
    pub const fn network(&self) -> NetworkId {
        self.net
    }
}

fn check_len(bytes: &[u8]) -> Result<(), RecordError> {
    if bytes.len() > RECORD_LEN_MAX { Err(RecordError::TooLong { len: bytes.len() }) } else { Ok(()) }
}

/// `"headwater" ‖ 0x00 ‖ u8(length of type) ‖ type ‖ u8(v) ‖ net ‖ canonical CBOR of body`
pub(crate) fn signed_bytes(kind: &str, network: &NetworkId, body: &impl Serialize) -> Vec<u8> {
    let mut bytes = b"headwater\0".to_vec();
    bytes.push(u8::try_from(kind.len()).expect("the names of the types are short"));
    bytes.extend_from_slice(kind.as_bytes());
    bytes.push(VERSION);
    bytes.extend_from_slice(network.as_bytes());
    bytes.extend_from_slice(&canonical::to_vec(body));
    bytes
}
