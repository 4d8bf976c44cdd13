//! Files that hold one signed record: its bytes, or the same in base64url, as text passes more easily.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};
use data_encoding::BASE64URL_NOPAD;
use protocol::AnyRecord;
use protocol::limits::RECORD_LEN_MAX;

/// Longest file that can hold a record: one in base64url, with line breaks.
const FILE_LEN_MAX: u64 = 2 * RECORD_LEN_MAX as u64;

/// A record whose signature verified, and its bytes.
#[derive(Debug)]
pub(crate) struct RecordFile {
    pub(crate) record: AnyRecord,
    pub(crate) bytes: Vec<u8>,
}

impl RecordFile {
    /// Reads and verifies the record in the file `path`, or on standard input for `-`.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let bytes = read(path).with_context(|| format!("cannot read {name}"))?;
        let bytes = from_text(&bytes).unwrap_or(bytes);
        let record = AnyRecord::decode(&bytes).with_context(|| format!("{name} does not verify"))?;
        Ok(Self { record, bytes })
    }
}

/// The bytes of a record as text.
pub(crate) fn to_text(record: &[u8]) -> String {
    BASE64URL_NOPAD.encode(record)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(path)?) };
    let mut bytes = Vec::new();
    source.take(FILE_LEN_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_LEN_MAX {
        bail!("longer than any signed record ({RECORD_LEN_MAX} bytes)");
    }
    Ok(bytes)
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
    use protocol::{Admission, NetworkId, SecretKey, Signed, UnixSeconds};

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
    fn other_files_are_refused() {
        for contents in [&b""[..], b"hello", &[0xa6; 3], &[b'A'; 10_000]] {
            assert!(file(contents).is_err(), "{} bytes were taken for a record", contents.len());
        }
    }
}
