//! Zip files whose contents are stored as they are: any program opens them, and nothing is compressed (APPNOTE of PKWARE, 4.3).

/// A file that grows by one content after the other.
#[derive(Debug, Default)]
pub(crate) struct ZipFile {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

/// What a zip file cannot hold.
#[derive(Debug, thiserror::Error)]
#[error("more than 65535 contents, or more than 4 GiB, go into no zip file of ours")]
pub(crate) struct ZipTooLarge;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
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
