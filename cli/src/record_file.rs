//! Files that hold one signed record: its bytes, or the same in base64url, as text passes more easily.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};
use data_encoding::BASE64URL_NOPAD;
use protocol::limits::RECORD_LEN_MAX;
use protocol::{AnyRecord, NetworkId, PublicKey, RecordError};
use sharing::SharingRecord;

/// Longest file that can hold a record: one in base64url, with line breaks.
const FILE_LEN_MAX: u64 = 2 * RECORD_LEN_MAX as u64;

/// A record whose signature verified, and its bytes.
#[derive(Debug)]
pub(crate) struct RecordFile {
    pub(crate) record: KnownRecord,
    pub(crate) bytes: Vec<u8>,
}

/// A verified record of any type of spec §11.
#[derive(Debug)]
pub(crate) enum KnownRecord {
    /// Between clients and nodes.
    Protocol(AnyRecord),
    /// About publications.
    Sharing(SharingRecord),
}

impl RecordFile {
    /// Reads and verifies the record in the file `path`, or on standard input for `-`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        Self::verify(path, read(path, FILE_LEN_MAX)?)
    }

    /// Verifies what was read from the file `path`.
    pub(crate) fn verify(path: &Path, bytes: Vec<u8>) -> anyhow::Result<Self> {
        let name = path.display();
        if bytes.len() as u64 > FILE_LEN_MAX {
            bail!("{name} is longer than any signed record ({RECORD_LEN_MAX} bytes)");
        }
        let bytes = self::bytes(bytes);
        let record = KnownRecord::decode(&bytes).with_context(|| format!("{name} does not verify"))?;
        Ok(Self { record, bytes })
    }
}

impl KnownRecord {
    fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        match AnyRecord::decode(bytes) {
            Err(RecordError::Type { .. }) => {}
            known => return Ok(Self::Protocol(known?)),
        }
        match SharingRecord::decode(bytes) {
            Err(RecordError::Type { found, .. }) => bail!("no records of type {found:?} are known"),
            known => Ok(Self::Sharing(known?)),
        }
    }

    /// The name of the record's type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Protocol(record) => record.kind(),
            Self::Sharing(record) => record.kind(),
        }
    }

    /// Who signed the record.
    pub(crate) fn by(&self) -> PublicKey {
        match self {
            Self::Protocol(record) => record.by(),
            Self::Sharing(record) => record.by(),
        }
    }

    /// The network for which it was signed.
    pub(crate) fn network(&self) -> NetworkId {
        match self {
            Self::Protocol(record) => record.network(),
            Self::Sharing(record) => record.network(),
        }
    }
}

impl fmt::Display for KnownRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(record) => record.fmt(f),
            Self::Sharing(record) => record.fmt(f),
        }
    }
}

/// The bytes of a record as text.
pub(crate) fn to_text(record: &[u8]) -> String {
    BASE64URL_NOPAD.encode(record)
}

/// The first bytes of the file `path`, or of standard input for `-`: at most one more than `max`.
pub(crate) fn read(path: &Path, max: u64) -> anyhow::Result<Vec<u8>> {
    let read = || {
        let source: Box<dyn Read> =
            if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(path)?) };
        let mut bytes = Vec::new();
        source.take(max + 1).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

/// The bytes of a record that was read as such, or as text.
pub(crate) fn bytes(read: Vec<u8>) -> Vec<u8> {
    from_text(&read).unwrap_or(read)
}

/// Whether these may be a record, as bytes or as text: it begins with this head.
pub(crate) fn is_one(read: &[u8], head: u8) -> bool {
    read.first() == Some(&head) || from_text(read).is_some_and(|bytes| bytes.first() == Some(&head))
}

/// The bytes that a text in base64url stands for. A record itself begins with the head of a CBOR map,
/// which is none of its digits.
fn from_text(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.is_empty() { None } else { BASE64URL_NOPAD.decode(&digits).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Admission, SecretKey, Signed, UnixSeconds};
    use sharing::{PublicationId, Withdrawal};

    fn file(contents: &[u8]) -> anyhow::Result<RecordFile> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), contents).unwrap();
        RecordFile::read(file.path())
    }

    #[test]
    fn a_record_is_read_as_bytes_and_as_text() {
        let secret = SecretKey::from_bytes(&[1; 32]);
        let body = Admission { endpoint: secret.public(), expires: UnixSeconds::new(1) };
        let bytes = Signed::sign(&secret, &NetworkId::from_bytes([2; 32]), body).encode();
        assert_eq!(file(&bytes).unwrap().bytes, bytes);
        let text = BASE64URL_NOPAD.encode(&bytes);
        let (head, tail) = text.split_at(64);
        assert_eq!(file(format!("{head}\n{tail}\n").as_bytes()).unwrap().bytes, bytes);

        let mut forged = bytes;
        *forged.last_mut().unwrap() ^= 1;
        assert!(file(&forged).is_err());
    }

    #[test]
    fn records_about_publications_are_known_too() {
        let (secret, network) = (SecretKey::from_bytes(&[1; 32]), NetworkId::from_bytes([2; 32]));
        let body = Withdrawal { bundle: PublicationId::of(b"a bundle"), issued: UnixSeconds::new(1) };
        let mut bytes = Signed::sign(&secret, &network, body).encode();
        let record = file(&bytes).unwrap().record;
        assert_eq!((record.kind(), record.by(), record.network()), ("withdrawal", secret.public(), network));
        assert!(record.to_string().contains(&body.bundle.to_string()));

        let place = bytes.windows(10).position(|window| window == b"withdrawal").unwrap();
        bytes[place] = b'W';
        let error = format!("{:#}", file(&bytes).unwrap_err());
        assert!(error.contains("no records of type \"Withdrawal\" are known"), "{error}");
    }

    #[test]
    fn other_files_are_refused() {
        for contents in [&b""[..], b"hello", &[0xa6; 3], &[b'A'; 10_000]] {
            assert!(file(contents).is_err(), "{} bytes were taken for a record", contents.len());
        }
    }
}
