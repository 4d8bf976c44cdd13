//! Sealing and opening single cells (spec §2): ChaCha20-Poly1305 under a counter nonce (RFC 8439).

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, Tag};

use crate::geometry::TAG_LEN;
use crate::{CellBytes, CellSize, Geometry, ObjectHeader, ObjectKeys};

/// Seals the cells of one object.
#[derive(Clone, Debug)]
pub(crate) struct Sealer {
    cipher: ChaCha20Poly1305,
    cell_size: CellSize,
}

impl Sealer {
    pub(crate) fn new(keys: &ObjectKeys) -> Self {
        Self { cipher: ChaCha20Poly1305::new(keys.cell().into()), cell_size: keys.cell_size() }
    }

    pub(crate) const fn cell_size(&self) -> CellSize {
        self.cell_size
    }

    /// Seals `buffer` in place: `S` bytes, plaintext padded with zeros to `S − 16` and then room for the tag.
    pub(crate) fn seal(&self, cell: u64, is_last: bool, buffer: &mut [u8]) {
        assert_eq!(buffer.len(), self.cell_size.bytes());
        let (plain, tag) = buffer.split_at_mut(self.cell_size.plain_bytes());
        let sealed = self
            .cipher
            .encrypt_inout_detached(&nonce(cell, is_last), b"", plain.into())
            .expect("a cell is far below the 256 GiB that one nonce can seal");
        tag.copy_from_slice(&sealed);
    }
}

/// Opens the cells of one object. It exists only for a manifest whose key commitment and header were checked.
#[derive(Clone, Debug)]
pub struct Opener {
    cipher: ChaCha20Poly1305,
    geometry: Geometry,
    len: u64,
}

/// Why a cell did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The object has no such cell.
    #[error("cell {cell} does not exist: the object has {cells}")]
    NoSuchCell {
        /// The cell asked for.
        cell: u64,
        /// The object's cells.
        cells: u64,
    },
    /// The bytes have another length than this object's cells.
    #[error("cell {cell} has {found} bytes instead of {expected}")]
    Length {
        /// The cell.
        cell: u64,
        /// Bytes given.
        found: usize,
        /// Bytes of a cell.
        expected: usize,
    },
    /// The tag does not match. For a verified cell the object itself is broken; for a rebuilt one some parity is.
    #[error("cell {cell} does not open: its authentication tag does not match")]
    Tag {
        /// The cell.
        cell: u64,
    },
    /// There are other bytes than zeros after the exact length.
    #[error("cell {cell} has non-zero padding after the end of the object")]
    Padding {
        /// The cell.
        cell: u64,
    },
}

impl Opener {
    /// `header` must be the one that was sealed with `keys` for an object of this `geometry`.
    pub(crate) fn new(keys: &ObjectKeys, geometry: Geometry, header: &ObjectHeader) -> Self {
        assert_eq!(keys.cell_size(), geometry.cell_size());
        Self { cipher: ChaCha20Poly1305::new(keys.cell().into()), geometry, len: header.object_len() }
    }

    /// The shape of the object.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// `L`: the object's exact length in bytes.
    pub const fn object_len(&self) -> u64 {
        self.len
    }

    /// Appends the plaintext of `cell` to `out`, without padding. `out` is unchanged after an error.
    pub fn open(&self, cell: u64, bytes: &CellBytes, out: &mut Vec<u8>) -> Result<(), OpenError> {
        let cells = self.geometry.cells();
        if cell >= cells {
            return Err(OpenError::NoSuchCell { cell, cells });
        }
        let expected = self.geometry.cell_size().bytes();
        let sealed = bytes.as_bytes();
        if sealed.len() != expected {
            return Err(OpenError::Length { cell, found: sealed.len(), expected });
        }
        let start = out.len();
        self.append_plain(cell, sealed, out)
            .and_then(|()| self.cut_padding(cell, start, out))
            .inspect_err(|_| out.truncate(start))
    }

    /// Appends the `S − 16` bytes that the cell was sealed from.
    fn append_plain(&self, cell: u64, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let (sealed, tag) = sealed.split_at(self.geometry.cell_size().plain_bytes());
        let tag = Tag::try_from(tag).expect("what follows the sealed plaintext is the tag");
        let start = out.len();
        out.resize(start + sealed.len(), 0);
        let buffer = InOutBuf::new(sealed, &mut out[start..]).expect("it was resized to the same length");
        let is_last = cell + 1 == self.geometry.cells();
        self.cipher
            .decrypt_inout_detached(&nonce(cell, is_last), b"", buffer, &tag)
            .map_err(|_| OpenError::Tag { cell })
    }

    /// Cuts off what lies after the exact length, which must be zeros.
    fn cut_padding(&self, cell: u64, start: usize, out: &mut Vec<u8>) -> Result<(), OpenError> {
        let plain_bytes = self.geometry.cell_size().plain_bytes();
        let left = self.len.saturating_sub(cell * plain_bytes as u64);
        let content = usize::try_from(left).map_or(plain_bytes, |left| left.min(plain_bytes));
        if out[start + content..].iter().any(|&byte| byte != 0) {
            return Err(OpenError::Padding { cell });
        }
        out.truncate(start + content);
        Ok(())
    }
}

/// `u88be(cell) ‖ flag`.
fn nonce(cell: u64, is_last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&cell.to_be_bytes());
    nonce[11] = u8::from(is_last);
    nonce.into()
}

/// Seals or opens the header: one fixed nonce, for a key that seals one message only.
pub(crate) mod header {
    use super::{AeadInOut, ChaCha20Poly1305, KeyInit, Nonce, ObjectKeys, TAG_LEN, Tag};

    /// Bytes of a sealed header.
    pub(crate) const SEALED_LEN: usize = 512;
    /// Bytes of the plaintext in it.
    pub(crate) const PLAIN_LEN: usize = SEALED_LEN - TAG_LEN;

    pub(crate) fn seal(keys: &ObjectKeys, plain: &[u8; PLAIN_LEN]) -> [u8; SEALED_LEN] {
        let mut sealed = [0; SEALED_LEN];
        let (text, tag) = sealed.split_at_mut(PLAIN_LEN);
        text.copy_from_slice(plain);
        let computed = ChaCha20Poly1305::new(keys.header().into())
            .encrypt_inout_detached(&Nonce::default(), b"", text.into())
            .expect("a header is far below the 256 GiB that one nonce can seal");
        tag.copy_from_slice(&computed);
        sealed
    }

    /// `None` when the tag does not match.
    pub(crate) fn open(keys: &ObjectKeys, sealed: &[u8; SEALED_LEN]) -> Option<[u8; PLAIN_LEN]> {
        let (text, tag) = sealed.split_first_chunk::<PLAIN_LEN>()?;
        let mut plain = *text;
        ChaCha20Poly1305::new(keys.header().into())
            .decrypt_inout_detached(
                &Nonce::default(),
                b"",
                plain.as_mut_slice().into(),
                &Tag::try_from(tag).ok()?,
            )
            .ok()?;
        Some(plain)
    }
}
