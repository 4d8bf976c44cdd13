//! Sealing the parts of a pack: each key and nonce seals one text.

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use chunker::OwnKey;

/// Bytes behind what is sealed.
pub(super) const TAG_LEN: usize = 16;

/// What of a pack is sealed, as its nonce says it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sealed {
    /// A record: its key is its own.
    Record,
    /// The index block with this number.
    Block(u32),
    /// The top.
    Top,
}

impl Sealed {
    fn nonce(self) -> Nonce {
        let (number, flag) = match self {
            Self::Record => (0, 0),
            Self::Block(number) => (number, 0),
            Self::Top => (0, 1),
        };
        let mut nonce = [0; 12];
        nonce[7..11].copy_from_slice(&number.to_be_bytes());
        nonce[11] = flag;
        nonce.into()
    }
}

/// Seals `text` in place and appends its tag.
pub(super) fn seal(key: &OwnKey, what: Sealed, text: &mut Vec<u8>) {
    let tag = ChaCha20Poly1305::new(key.expose().into())
        .encrypt_inout_detached(&what.nonce(), b"", InOutBuf::from(text.as_mut_slice()))
        .expect("it is far below the 256 GiB that one nonce can seal");
    text.extend_from_slice(&tag);
}

/// What is sealed; none when it was not sealed so.
pub(super) fn open(key: &OwnKey, what: Sealed, sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_last_chunk::<TAG_LEN>()?;
    let mut plain = text.to_vec();
    ChaCha20Poly1305::new(key.expose().into())
        .decrypt_inout_detached(
            &what.nonce(),
            b"",
            plain.as_mut_slice().into(),
            &Tag::try_from(tag.as_slice()).ok()?,
        )
        .ok()?;
    Some(plain)
}
