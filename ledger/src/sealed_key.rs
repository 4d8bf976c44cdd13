//! What is sold, sealed to whoever has bought it: nobody else reads it, and the same purchase is sealed the same way again
//! (spec §25).

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use curve25519_dalek::MontgomeryPoint;
use curve25519_dalek::edwards::CompressedEdwardsY;
use hkdf::Hkdf;
use protocol::{Digest, PublicKey, SecretKey};
use sha2::{Digest as _, Sha256, Sha512};

/// Longest text that is sold, in bytes: a link and what belongs to it.
pub const SOLD_LEN_MAX: usize = 1024;
const POINT_LEN: usize = 32;
const TAG_LEN: usize = 16;
const SEALING_CONTEXT: &str = "headwater v1 sealing";
const INFO: &[u8] = b"headwater v1 sealed key";

/// A text under a key that the buyer alone can find: `E ‖ ChaCha20-Poly1305`, at most [`SOLD_LEN_MAX`] and 48 bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedKey(Vec<u8>);

/// Nothing was sold that this key can open: another purchase, another buyer, or a changed byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the sealed key does not open with the key that bought it")]
pub struct NotSealedToThis;

/// What is to be sold is empty or too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{len} bytes are to be sold, 1 to {SOLD_LEN_MAX} can be")]
pub struct SoldLenError {
    len: usize,
}

impl SealedKey {
    /// What the owner of `seller` has sold to `buyer`, under the name of the purchase.
    pub fn seal(
        seller: &SecretKey,
        buyer: &PublicKey,
        purchase: &Digest,
        sold: &[u8],
    ) -> Result<Self, SoldLenError> {
        if !(1..=SOLD_LEN_MAX).contains(&sold.len()) {
            return Err(SoldLenError { len: sold.len() });
        }
        let secret = ephemeral(seller, purchase, sold);
        let (point, buyer) = (MontgomeryPoint::mul_base_clamped(secret), montgomery(buyer));
        let cipher = cipher(buyer.mul_clamped(secret), point, buyer, purchase);
        let mut sealed = [point.as_bytes().as_slice(), sold].concat();
        let text = InOutBuf::from(&mut sealed[POINT_LEN..]);
        let tag = cipher
            .encrypt_inout_detached(&Nonce::default(), &[], text)
            .expect("it is far below the 256 GiB that one nonce can seal");
        sealed.extend_from_slice(&tag);
        Ok(Self(sealed))
    }

    /// The sealed key in these bytes, as they came.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What a delivery calls it.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// What was sold, to the owner of `buyer` under the name of the purchase.
    pub fn open(&self, buyer: &SecretKey, purchase: &Digest) -> Result<Vec<u8>, NotSealedToThis> {
        self.opened(buyer, purchase).ok_or(NotSealedToThis)
    }

    fn opened(&self, buyer: &SecretKey, purchase: &Digest) -> Option<Vec<u8>> {
        let (point, rest) = self.0.split_first_chunk::<POINT_LEN>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_LEN>()?;
        let (point, own) = (MontgomeryPoint(*point), montgomery(&buyer.public()));
        let shared = point.mul_clamped(scalar(buyer));
        // A point of small order leads everybody to the same key.
        if shared.as_bytes() == &[0; POINT_LEN] || text.is_empty() || text.len() > SOLD_LEN_MAX {
            return None;
        }
        let mut sold = text.to_vec();
        let tag = Tag::try_from(tag.as_slice()).ok()?;
        cipher(shared, point, own, purchase)
            .decrypt_inout_detached(&Nonce::default(), &[], sold.as_mut_slice().into(), &tag)
            .ok()?;
        Some(sold)
    }
}

/// Another one for each seller, purchase and text, so that no key seals two texts.
fn ephemeral(seller: &SecretKey, purchase: &Digest, sold: &[u8]) -> [u8; 32] {
    let material = [seller.to_bytes().as_slice(), purchase.as_bytes(), sold].concat();
    blake3::derive_key(SEALING_CONTEXT, &material)
}

fn cipher(
    shared: MontgomeryPoint,
    point: MontgomeryPoint,
    buyer: MontgomeryPoint,
    purchase: &Digest,
) -> ChaCha20Poly1305 {
    let salt = [*point.as_bytes(), *buyer.as_bytes()].concat();
    let info = [INFO, purchase.as_bytes()].concat();
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(Some(&salt), shared.as_bytes())
        .expand(&info, &mut key)
        .expect("32 bytes are not too many");
    ChaCha20Poly1305::new(&key.into())
}

/// The X25519 key that belongs to a key that signs (RFC 7748: the same point on the other curve).
fn montgomery(key: &PublicKey) -> MontgomeryPoint {
    let point = CompressedEdwardsY(*key.as_bytes()).decompress();
    point.expect("a public key is a point of the curve").to_montgomery()
}

/// The secret of that key (RFC 8032 §5.1.5); what multiplies with it clamps it.
fn scalar(secret: &SecretKey) -> [u8; 32] {
    let hash = Sha512::digest(secret.to_bytes());
    *hash.first_chunk().expect("a hash of 64 bytes has 32")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32])
    }

    #[test]
    fn the_buyer_alone_opens_what_was_sold() {
        let (seller, buyer, purchase) = (key(1), key(2), Digest::of(b"a purchase"));
        let seal = |sold| SealedKey::seal(&seller, &buyer.public(), &purchase, sold).unwrap();
        let sealed = seal(b"headwater:a#b");
        assert_eq!(sealed.open(&buyer, &purchase).unwrap(), b"headwater:a#b");
        assert_eq!(sealed, seal(b"headwater:a#b"), "the same again");
        assert_ne!(
            sealed.as_bytes()[..32],
            seal(b"headwater:a#c").as_bytes()[..32],
            "no key seals two texts"
        );
        assert_eq!(sealed.open(&seller, &purchase), Err(NotSealedToThis));
        assert_eq!(sealed.open(&buyer, &Digest::of(b"another purchase")), Err(NotSealedToThis));
        for at in 0..sealed.as_bytes().len() {
            let mut changed = sealed.as_bytes().to_vec();
            changed[at] ^= 1;
            assert_eq!(SealedKey::from_bytes(changed).open(&buyer, &purchase), Err(NotSealedToThis), "{at}");
        }
    }

    #[test]
    fn points_of_small_order_and_short_texts_are_refused() {
        let (buyer, purchase) = (key(2), Digest::of(b"a purchase"));
        for len in [0, 31, 32, 48, 64] {
            assert!(SealedKey::from_bytes(vec![0; len]).open(&buyer, &purchase).is_err(), "{len}");
        }
        for len in [0, SOLD_LEN_MAX + 1] {
            let sold = vec![1; len];
            assert_eq!(
                SealedKey::seal(&key(1), &buyer.public(), &purchase, &sold),
                Err(SoldLenError { len })
            );
        }
    }
}
