//! The keyless encryption of SLIP-0039: four rounds of a Feistel network over PBKDF2-HMAC-SHA-256, without a passphrase.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::points::LEN;
use super::share::Splitting;

/// Most work that a share may ask for: 10 000 · 2^6 iterations.
pub(super) const EXPONENT_MAX: u8 = 6;
/// The work of those that are made here, as the reference implementation does it.
pub(super) const EXPONENT: u8 = 1;
const ITERATIONS: u32 = 10_000;
const ROUNDS: u8 = 4;
const HALF: usize = LEN / 2;

type Half = Zeroizing<[u8; HALF]>;

/// What is split in the place of the secret.
pub(super) fn encrypt(secret: &[u8; LEN], splitting: Splitting) -> Zeroizing<[u8; LEN]> {
    rounds(secret, splitting, 0..ROUNDS)
}

/// The secret in what was split.
pub(super) fn decrypt(encrypted: &[u8; LEN], splitting: Splitting) -> Zeroizing<[u8; LEN]> {
    rounds(encrypted, splitting, (0..ROUNDS).rev())
}

fn rounds(text: &[u8; LEN], splitting: Splitting, numbers: impl Iterator<Item = u8>) -> Zeroizing<[u8; LEN]> {
    let salt = splitting.salt();
    let (left, right) = text.split_at(HALF);
    let mut left: Half = Zeroizing::new(left.try_into().expect("it is half"));
    let mut right: Half = Zeroizing::new(right.try_into().expect("it is half"));
    for number in numbers {
        let mask = round(number, &salt, splitting.exponent, &right);
        let next = Zeroizing::new(std::array::from_fn(|i| left[i] ^ mask[i]));
        left = std::mem::replace(&mut right, next);
    }
    let mut out = Zeroizing::new([0; LEN]);
    out[..HALF].copy_from_slice(&*right);
    out[HALF..].copy_from_slice(&*left);
    out
}

/// The first 16 bytes of PBKDF2-HMAC-SHA-256 (RFC 8018): its first block, cut off.
fn round(number: u8, salt: &[u8], exponent: u8, right: &Half) -> Half {
    let keyed = Hmac::<Sha256>::new_from_slice(&[number]).expect("HMAC takes a key of any length");
    let salt = Zeroizing::new([salt, right.as_slice(), &1_u32.to_be_bytes()].concat());
    let mut block = keyed.clone().chain_update(&*salt).finalize().into_bytes();
    let mut sum = block;
    for _ in 1..(ITERATIONS << exponent) / u32::from(ROUNDS) {
        block = keyed.clone().chain_update(block).finalize().into_bytes();
        sum.iter_mut().zip(block).for_each(|(sum, byte)| *sum ^= byte);
    }
    let half = sum.first_chunk().expect("a block has 32 bytes");
    Zeroizing::new(*half)
}
