//! The hash by which a file is known again.

use std::fs::File;
use std::io::{self, Read as _};

/// Bytes read at a time.
const READ_LEN: usize = 1 << 20;

/// BLAKE3 of all that `file` holds; `progress` hears how many bytes were read.
pub(crate) fn hash(mut file: &File, mut progress: impl FnMut(u64)) -> io::Result<[u8; 32]> {
    let (mut hasher, mut buffer, mut done) = (blake3::Hasher::new(), vec![0; READ_LEN], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(*hasher.finalize().as_bytes());
        }
        hasher.update(&buffer[..read]);
        done += read as u64;
        progress(done);
    }
}
