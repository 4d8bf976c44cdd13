//! Buffers that are used again.
//!
//! A block takes about 1.5 MiB. Fresh memory of that size comes page by page from the kernel, and that costs as much time
//! as a third of sealing it (measured: 1.36 against 0.90 CPU seconds for a GB at 4+2).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Bytes that are kept for later use. What comes back beyond them is freed.
const KEPT_BYTES_MAX: usize = 8 << 20;

/// The buffers of one object's columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffers {
    kept: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffers {
    /// An empty buffer with room for at least `capacity` bytes.
    pub(crate) fn take(&self, capacity: usize) -> Vec<u8> {
        let mut buffer = self.with_kept(Vec::pop).unwrap_or_default();
        buffer.reserve_exact(capacity);
        buffer
    }

    /// The contents of `buffer`, which comes back here when the last reference to them is dropped.
    pub(crate) fn lend(&self, buffer: Vec<u8>) -> Bytes {
        if buffer.is_empty() {
            return Bytes::new();
        }
        Bytes::from_owner(Lent { buffer, home: self.clone() })
    }

    fn keep(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.with_kept(|kept| {
            if (kept.len() + 1) * buffer.capacity() <= KEPT_BYTES_MAX {
                kept.push(buffer);
            }
        });
    }

    /// A panic elsewhere leaves a list of buffers as good as it was.
    fn with_kept<T>(&self, action: impl FnOnce(&mut Vec<Vec<u8>>) -> T) -> T {
        action(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A buffer that finds its way back.
struct Lent {
    buffer: Vec<u8>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.home.keep(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_nobody_reads_it_any_more() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take(100);
        buffer.extend_from_slice(b"sealed");
        let place = buffer.as_ptr();
        let bytes = buffers.lend(buffer);
        let slice = bytes.slice(1..3);
        drop(bytes);
        let other = buffers.take(100);
        assert_ne!(other.as_ptr(), place, "it is still being read");
        assert_eq!(slice, b"ea"[..]);
        drop(slice);
        let again = buffers.take(100);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let buffers = Buffers::default();
        let lent: Vec<Bytes> = (0..20).map(|_| buffers.lend(vec![1; 1 << 20])).collect();
        drop(lent);
        assert_eq!(buffers.with_kept(|kept| kept.len()), 8);
    }
}
