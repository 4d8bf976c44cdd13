//! Writing a file of age, piece by piece.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use age::stream::StreamWriter;
use age::{EncryptError, Encryptor, Recipient};

use super::AgeRecipient;

/// Takes the bytes of a file and gives those of the file of age. What it holds back is at most one of age's chunks, 64 KiB.
pub struct AgeSealer {
    writer: StreamWriter<Pending>,
    pending: Pending,
}

/// Why no file of age is written.
#[derive(Debug, thiserror::Error)]
pub enum SealAgeError {
    /// There are none, or they do not go together.
    #[error("the file cannot be encrypted to these recipients: {0}")]
    Recipients(EncryptError),
    /// Nothing was written.
    #[error("the file could not be encrypted: {0}")]
    Io(#[from] io::Error),
}

/// What was sealed and not yet taken.
#[derive(Clone, Default)]
struct Pending(Arc<Mutex<Vec<u8>>>);

impl AgeSealer {
    /// A file for these recipients.
    pub fn new(to: &[AgeRecipient]) -> Result<Self, SealAgeError> {
        let recipients = to.iter().map(|recipient| &recipient.0 as &dyn Recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(SealAgeError::Recipients)?;
        let pending = Pending::default();
        Ok(Self { writer: encryptor.wrap_output(pending.clone())?, pending })
    }

    /// The next bytes of the file; what is returned is to be written, in this order.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, SealAgeError> {
        self.writer.write_all(bytes)?;
        Ok(self.pending.take())
    }

    /// What is still to be written. Without it the file is a cut-off one, which nobody opens to its end.
    pub fn finish(self) -> Result<Vec<u8>, SealAgeError> {
        self.writer.finish()?;
        Ok(self.pending.take())
    }
}

impl Pending {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for AgeSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AgeSealer(…)")
    }
}
