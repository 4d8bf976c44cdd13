//! ChaCha20-Poly1305 under a key that is used once, so that the nonce is zero.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut as _, ChaCha20Poly1305, KeyInit as _, Nonce, Tag};

pub(super) fn seal(key: &[u8; 32], about: &[u8], mut text: Vec<u8>) -> Vec<u8> {
    let tag = ChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(&Nonce::default(), about, InOutBuf::from(text.as_mut_slice()))
        .expect("it is far below the 256 GiB that one nonce can seal");
    text.extend_from_slice(&tag);
    text
}

pub(super) fn open(key: &[u8; 32], about: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_last_chunk::<16>()?;
    let mut plain = text.to_vec();
    let tag = Tag::try_from(tag.as_slice()).ok()?;
    ChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(&Nonce::default(), about, plain.as_mut_slice().into(), &tag)
        .ok()?;
    Some(plain)
}
