//! Zip files whose contents are stored as they are: any program opens them, and nothing is compressed (APPNOTE of PKWARE, 4.3).

use std::collections::BTreeMap;

/// A file that grows by one content after the other.
#[derive(Debug, Default)]
pub(crate) struct ZipFile {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

/// A zip file that is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("it is no zip file that this program has written, or a byte of it was changed")]
pub(crate) struct NotOurs;

/// What a zip file cannot hold.
#[derive(Debug, thiserror::Error)]
#[error("more than 65535 contents, or more than 4 GiB, go into no zip file of ours")]
pub(crate) struct ZipTooLarge;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
/// Bytes of what stands between the head of a content and its name.
const ABOUT_LEN: usize = 26;
/// Version 2.0, names in UTF-8, stored; the first day that there is, 1980-01-01.
const KIND: [u8; 10] = [20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];

impl ZipFile {
    /// Adds a content under a name.
    pub(crate) fn add(&mut self, name: &str, content: &[u8]) -> Result<(), ZipTooLarge> {
        let at = u32::try_from(self.bytes.len()).map_err(|_| ZipTooLarge)?;
        let len = u32::try_from(content.len()).map_err(|_| ZipTooLarge)?;
        let name_len = u16::try_from(name.len()).map_err(|_| ZipTooLarge)?;
        self.count = self.count.checked_add(1).ok_or(ZipTooLarge)?;
        let mut about = KIND.to_vec();
        about.extend_from_slice(&crc32(content).to_le_bytes());
        about.extend_from_slice(&len.to_le_bytes());
        about.extend_from_slice(&len.to_le_bytes());
        about.extend_from_slice(&name_len.to_le_bytes());
        about.extend_from_slice(&[0, 0]);
        for part in [LOCAL, &about, name.as_bytes(), content] {
            self.bytes.extend_from_slice(part);
        }
        for part in [CENTRAL, &[20, 0], &about, &[0; 10], &at.to_le_bytes(), name.as_bytes()] {
            self.directory.extend_from_slice(part);
        }
        Ok(())
    }

    /// The contents of a file that was written here, by name. No byte of it is another one than this program writes.
    pub(crate) fn contents(bytes: &[u8]) -> Result<BTreeMap<String, &[u8]>, NotOurs> {
        let (mut rest, mut same, mut contents) = (bytes, Self::default(), BTreeMap::new());
        while let Some((name, content, after)) = next(rest) {
            same.add(name, content).map_err(|_| NotOurs)?;
            if contents.insert(name.to_owned(), content).is_some() {
                return Err(NotOurs);
            }
            rest = after;
        }
        if same.finish().is_ok_and(|same| same == bytes) { Ok(contents) } else { Err(NotOurs) }
    }

    /// The whole file.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, ZipTooLarge> {
        let at = u32::try_from(self.bytes.len()).map_err(|_| ZipTooLarge)?;
        let len = u32::try_from(self.directory.len()).map_err(|_| ZipTooLarge)?;
        let count = self.count.to_le_bytes();
        for part in
            [&self.directory, END, &[0; 4], &count, &count, &len.to_le_bytes(), &at.to_le_bytes(), &[0, 0]]
        {
            self.bytes.extend_from_slice(part);
        }
        Ok(self.bytes)
    }
}

/// Name and content at the beginning of these bytes, and what follows; `None` behind the last content.
fn next(bytes: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let (about, rest) = bytes.strip_prefix(LOCAL)?.split_at_checked(ABOUT_LEN)?;
    let len = u32::from_le_bytes(*about.get(14..)?.first_chunk()?);
    let name_len = u16::from_le_bytes(*about.get(22..)?.first_chunk()?);
    let (name, rest) = rest.split_at_checked(name_len.into())?;
    let (content, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
    Some((str::from_utf8(name).ok()?, content, rest))
}

/// The checksum of zip files: CRC-32 of ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn every_byte_counts() {
        let mut zip = ZipFile::default();
        zip.add("a", b"one").unwrap();
        zip.add("b/c", b"").unwrap();
        let bytes = zip.finish().unwrap();
        let contents = ZipFile::contents(&bytes).unwrap();
        assert_eq!(
            contents.into_iter().collect::<Vec<_>>(),
            [("a".into(), &b"one"[..]), ("b/c".into(), b"")]
        );
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(ZipFile::contents(&other).is_err(), "byte {at}");
            assert!(ZipFile::contents(&bytes[..at]).is_err(), "the first {at} bytes");
        }
        let mut twice = ZipFile::default();
        twice.add("a", b"one").unwrap();
        twice.add("a", b"two").unwrap();
        assert!(ZipFile::contents(&twice.finish().unwrap()).is_err());
    }

    /// Another program, Python's, reads what was written.
    #[test]
    fn others_can_open_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.zip");
        let mut zip = ZipFile::default();
        zip.add("readme.txt", b"how to check").unwrap();
        zip.add("proofs/7.tlog-proof", &[7; 1000]).unwrap();
        std::fs::write(&path, zip.finish().unwrap()).unwrap();
        let program = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; \
            print([len(z.read(name)) for name in ('readme.txt', 'proofs/7.tlog-proof')])";
        let output = std::process::Command::new("python3").args(["-c", program]).arg(path).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "[12, 1000]");
    }
}
