//! Sealing what waits on the disk: ChaCha20-Poly1305 with a counter for a nonce, under a key that its salt gives (spec §7).

use account::Account;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};
use chunker::Salt;

/// Bytes in front of what is sealed.
pub(super) const SALT_LEN: usize = 32;
/// Bytes behind each piece.
pub(super) const TAG_LEN: usize = 16;

/// Where a piece belongs: each nonce is used once with a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// The n-th piece.
    Piece(u64),
    /// Behind all of them.
    Foot,
}

/// Seals and opens the pieces of one file.
pub(super) struct Cipher(ChaCha20Poly1305);

impl Cipher {
    pub(super) fn new(account: &Account, salt: &Salt) -> Self {
        Self(ChaCha20Poly1305::new(account.secret().spool_key(salt).expose().into()))
    }

    /// Seals `plain`, and puts the tag behind it.
    pub(super) fn seal(&self, place: Place, piece: &mut Vec<u8>) {
        let text = InOutBuf::from(piece.as_mut_slice());
        let tag = self.0.encrypt_inout_detached(&nonce(place), b"", text);
        piece.extend_from_slice(&tag.expect("a piece is far below the 256 GiB that one nonce can seal"));
    }

    /// Opens a piece in place; false when it was not sealed so.
    pub(super) fn open(&self, place: Place, piece: &mut Vec<u8>) -> bool {
        let Some(len) = piece.len().checked_sub(TAG_LEN) else { return false };
        let tag = piece.split_off(len);
        let Ok(tag) = Tag::try_from(tag.as_slice()) else { return false };
        self.0.decrypt_inout_detached(&nonce(place), b"", piece.as_mut_slice().into(), &tag).is_ok()
    }
}

/// A text of a few bytes, sealed.
pub(super) fn seal_small(account: &Account, plain: &[u8]) -> Vec<u8> {
    let salt = Salt::from_bytes(rand::random());
    let mut piece = plain.to_vec();
    Cipher::new(account, &salt).seal(Place::Piece(0), &mut piece);
    [salt.as_bytes().as_slice(), &piece].concat()
}

/// The text that was sealed so.
pub(super) fn open_small(account: &Account, sealed: &[u8]) -> Option<Vec<u8>> {
    let (salt, piece) = sealed.split_first_chunk::<SALT_LEN>()?;
    let mut piece = piece.to_vec();
    Cipher::new(account, &Salt::from_bytes(*salt)).open(Place::Piece(0), &mut piece).then_some(piece)
}

fn nonce(place: Place) -> Nonce {
    let mut nonce = [0; 12];
    match place {
        Place::Piece(number) => nonce[..8].copy_from_slice(&number.to_le_bytes()),
        Place::Foot => nonce[11] = 1,
    }
    nonce.into()
}
