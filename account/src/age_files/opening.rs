//! Reading a file of age.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor, Identity};

use super::AgeIdentity;

/// Longest header that is read, in bytes: some ten thousand recipients.
pub const AGE_HEADER_LEN_MAX: u64 = 1 << 20;

/// Why a file of age does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenAgeError {
    /// It was encrypted to others.
    #[error("the file is encrypted to others: `headwater identity --age` prints to whom it has to be")]
    NotForYou,
    /// It was encrypted with a passphrase.
    #[error("the file is encrypted with a passphrase, and not to a recipient")]
    Passphrase,
    /// It ends too early.
    #[error("the file is cut off, or no file of age")]
    CutOff,
    /// It is none.
    #[error("this is no file of age: {0}")]
    Malformed(DecryptError),
    /// It could not be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The bytes in a file of age for this identity, binary or in its ASCII armour. A file that is cut off ends in an error.
pub fn open_age<R: Read>(from: R, identity: &AgeIdentity) -> Result<impl Read + use<R>, OpenAgeError> {
    let in_header = Arc::new(AtomicBool::new(true));
    let limited = HeaderLimit { from, left: AGE_HEADER_LEN_MAX, in_header: in_header.clone() };
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(limited))?;
    in_header.store(false, Ordering::Relaxed);
    if decryptor.is_scrypt() {
        return Err(OpenAgeError::Passphrase);
    }
    Ok(decryptor.decrypt(std::iter::once(&identity.key as &dyn Identity))?)
}

/// Reads no further than a header may go, as long as there is one.
struct HeaderLimit<R> {
    from: R,
    left: u64,
    in_header: Arc<AtomicBool>,
}

impl<R: Read> Read for HeaderLimit<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !self.in_header.load(Ordering::Relaxed) {
            return self.from.read(to);
        }
        let read = self.from.by_ref().take(self.left).read(to)?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl From<DecryptError> for OpenAgeError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::NoMatchingKeys => Self::NotForYou,
            DecryptError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::CutOff,
            DecryptError::Io(error) => Self::Io(error),
            error => Self::Malformed(error),
        }
    }
}
