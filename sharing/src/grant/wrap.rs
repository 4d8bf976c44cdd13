//! Wrapping a key for somebody: HPKE in base mode (RFC 9180), over X25519 or over X-Wing.

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};

/// Bytes of an X-Wing public key: one of ML-KEM-768 and one of X25519.
pub(super) const HYBRID_KEY_LEN: usize = 1184 + 32;
/// Bytes of what is wrapped: the key of a grant, and what its recipient holds.
pub(super) const WRAPPED_KEYS_LEN: usize = 32 + 32;
/// Bytes of it when it is sealed, with its tag.
const SEALED_LEN: usize = WRAPPED_KEYS_LEN + 16;
/// Bytes of the KEM's id, with which a wrap begins.
const ID_LEN: usize = 2;
/// Bytes of a wrap over X25519.
const X25519_WRAP_LEN: usize = ID_LEN + 32 + SEALED_LEN;
/// Bytes of a wrap over X-Wing, whose encapsulated key is a ciphertext of ML-KEM-768 and a key of X25519.
const HYBRID_WRAP_LEN: usize = ID_LEN + 1088 + 32 + SEALED_LEN;
const INFO: &[u8] = b"headwater/1 grant";

/// The public key to which others wrap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PublicReadingKey {
    X25519([u8; 32]),
    /// X-Wing: whoever breaks one of its two halves has nothing yet.
    Hybrid(Box<[u8; HYBRID_KEY_LEN]>),
}

/// The secret keys that open what was wrapped for somebody.
pub(super) struct ReadingKeys {
    x25519: <X25519HkdfSha256 as Kem>::PrivateKey,
    hybrid: <XWing as Kem>::PrivateKey,
}

/// One of the wraps of a grant, whole.
pub(super) struct Wrap<'a> {
    kem: u16,
    /// The encapsulated key, and the sealed one.
    body: &'a [u8],
}

impl PublicReadingKey {
    /// The X-Wing key of these bytes, unless they are none.
    pub(super) fn hybrid(bytes: &[u8; HYBRID_KEY_LEN]) -> Option<Self> {
        <XWing as Kem>::PublicKey::from_bytes(bytes).ok()?;
        Some(Self::Hybrid(Box::new(*bytes)))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::X25519(key) => key,
            Self::Hybrid(key) => key.as_slice(),
        }
    }

    /// `keys` wrapped for whoever has the secret of this one, beside `about`. None when it is an X25519 key of low order.
    pub(super) fn wrap(
        &self,
        keys: &[u8; WRAPPED_KEYS_LEN],
        about: &[u8],
        random: &mut impl CryptoRng,
    ) -> Option<Vec<u8>> {
        match self {
            Self::X25519(to) => seal::<X25519HkdfSha256>(keys, to, about, random),
            Self::Hybrid(to) => seal::<XWing>(keys, to.as_slice(), about, random),
        }
    }
}

impl ReadingKeys {
    /// The X25519 key pair of a seed (RFC 9180 §7.1.3), and the X-Wing key pair whose decapsulation key the other seed is.
    pub(super) fn derive(x25519_seed: &[u8; 32], hybrid_seed: &[u8; 32]) -> Self {
        let (x25519, _) = X25519HkdfSha256::derive_keypair(x25519_seed);
        let hybrid = <XWing as Kem>::PrivateKey::from_bytes(hybrid_seed);
        Self { x25519, hybrid: hybrid.expect("any 32 bytes are a decapsulation key") }
    }

    pub(super) fn public(&self) -> PublicReadingKey {
        PublicReadingKey::X25519(X25519HkdfSha256::sk_to_pk(&self.x25519).to_bytes().into())
    }

    pub(super) fn hybrid(&self) -> PublicReadingKey {
        let bytes = XWing::sk_to_pk(&self.hybrid).to_bytes();
        PublicReadingKey::Hybrid(Box::new(bytes.into()))
    }

    /// What is in a wrap, when it was wrapped for these, beside `about`.
    pub(super) fn unwrap(&self, wrap: &Wrap<'_>, about: &[u8]) -> Option<[u8; WRAPPED_KEYS_LEN]> {
        match wrap.kem {
            X25519HkdfSha256::KEM_ID => open::<X25519HkdfSha256>(&self.x25519, wrap.body, about),
            XWing::KEM_ID => open::<XWing>(&self.hybrid, wrap.body, about),
            _ => None,
        }
    }
}

/// The wraps in these bytes, one behind the other. None when there are others among them, or one is cut off.
pub(super) fn wraps(mut bytes: &[u8]) -> Option<Vec<Wrap<'_>>> {
    let mut wraps = Vec::new();
    while !bytes.is_empty() {
        let kem = u16::from_be_bytes(*bytes.first_chunk::<ID_LEN>()?);
        let len = match kem {
            X25519HkdfSha256::KEM_ID => X25519_WRAP_LEN,
            XWing::KEM_ID => HYBRID_WRAP_LEN,
            _ => return None,
        };
        let (wrap, rest) = bytes.split_at_checked(len)?;
        wraps.push(Wrap { kem, body: &wrap[ID_LEN..] });
        bytes = rest;
    }
    Some(wraps)
}

fn seal<K: Kem>(
    keys: &[u8; WRAPPED_KEYS_LEN],
    to: &[u8],
    about: &[u8],
    random: &mut impl CryptoRng,
) -> Option<Vec<u8>> {
    let to = K::PublicKey::from_bytes(to).ok()?;
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, K>(
        &OpModeS::Base,
        &to,
        INFO,
        keys,
        about,
        random,
    )
    .ok()?;
    Some([K::KEM_ID.to_be_bytes().as_slice(), &encapsulated.to_bytes(), &sealed].concat())
}

fn open<K: Kem>(secret: &K::PrivateKey, body: &[u8], about: &[u8]) -> Option<[u8; WRAPPED_KEYS_LEN]> {
    let (encapsulated, sealed) = body.split_at_checked(body.len().checked_sub(SEALED_LEN)?)?;
    let encapsulated = K::EncappedKey::from_bytes(encapsulated).ok()?;
    let mode = OpModeR::Base;
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, K>(
        &mode,
        secret,
        &encapsulated,
        INFO,
        sealed,
        about,
    );
    opened.ok()?.try_into().ok()
}
