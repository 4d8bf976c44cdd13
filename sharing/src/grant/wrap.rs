//! Wrapping a key for somebody: HPKE in base mode (RFC 9180).

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};

/// Bytes of a wrapped key: the encapsulated key, and the key with its tag.
pub(super) const WRAP_LEN: usize = 32 + 32 + 16;
const INFO: &[u8] = b"headwater/1 grant";

type Kem = X25519HkdfSha256;

/// The X25519 key that opens what was wrapped for somebody.
pub(super) struct ReadingKey {
    secret: <Kem as hpke::Kem>::PrivateKey,
    public: [u8; 32],
}

impl ReadingKey {
    /// The key pair of a seed (RFC 9180 §7.1.3).
    pub(super) fn derive(seed: &[u8; 32]) -> Self {
        let (secret, public) = Kem::derive_keypair(seed);
        Self { secret, public: public.to_bytes().into() }
    }

    pub(super) const fn public(&self) -> [u8; 32] {
        self.public
    }

    /// The key in a wrap, when it was wrapped for this one, beside `about`.
    pub(super) fn unwrap(&self, wrapped: &[u8; WRAP_LEN], about: &[u8]) -> Option<[u8; 32]> {
        let (encapsulated, sealed) = wrapped.split_at(32);
        let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
        let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeR::Base,
            &self.secret,
            &encapsulated,
            INFO,
            sealed,
            about,
        );
        opened.ok()?.try_into().ok()
    }
}

/// A key wrapped for whoever has the secret of the X25519 key `to`. None when `to` is a key of low order.
pub(super) fn wrap(
    key: &[u8; 32],
    to: &[u8; 32],
    about: &[u8],
    random: &mut impl CryptoRng,
) -> Option<[u8; WRAP_LEN]> {
    let to = <Kem as hpke::Kem>::PublicKey::from_bytes(to).ok()?;
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Kem>(
        &OpModeS::Base,
        &to,
        INFO,
        key,
        about,
        random,
    )
    .ok()?;
    let mut wrapped = [0; WRAP_LEN];
    wrapped[..32].copy_from_slice(&encapsulated.to_bytes());
    wrapped[32..].copy_from_slice(&sealed);
    Some(wrapped)
}
