//! Sealing a text for the account's own eyes, under a key that is used once.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use chunker::{OwnKey, Salt};

/// Bytes in front of what is sealed.
pub(super) const SALT_LEN: usize = 32;
/// Bytes behind it.
pub(super) const TAG_LEN: usize = 16;

/// `salt ‖ ChaCha20-Poly1305(key, nonce = 0, aad, plain)`; the key follows from the salt, which is used once.
pub(super) fn seal(key: &OwnKey, salt: &Salt, aad: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut sealed = [salt.as_bytes().as_slice(), plain].concat();
    let text = InOutBuf::from(&mut sealed[SALT_LEN..]);
    let tag = ChaCha20Poly1305::new(key.expose().into())
        .encrypt_inout_detached(&Nonce::default(), aad, text)
        .expect("it is far below the 256 GiB that one nonce can seal");
    sealed.extend_from_slice(&tag);
    sealed
}

/// The salt in front of a sealed text.
pub(super) fn salt_of(sealed: &[u8]) -> Option<Salt> {
    sealed.first_chunk::<SALT_LEN>().map(|salt| Salt::from_bytes(*salt))
}

/// What is sealed, when it was sealed with this key and `aad`.
pub(super) fn open(key: &OwnKey, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.get(SALT_LEN..)?.split_last_chunk::<TAG_LEN>()?;
    let mut plain = text.to_vec();
    ChaCha20Poly1305::new(key.expose().into())
        .decrypt_inout_detached(
            &Nonce::default(),
            aad,
            plain.as_mut_slice().into(),
            &Tag::try_from(tag.as_slice()).ok()?,
        )
        .ok()?;
    Some(plain)
}
