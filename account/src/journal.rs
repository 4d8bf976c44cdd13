//! Entries that were written since the last version of the index that is safe elsewhere: appended, synced, read again.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use proofs::Root;
use sharing::Entry;

use crate::durable;

/// Bytes in front of an entry: its length, and the first 8 bytes of its hash.
const HEAD_LEN: usize = 4 + 8;

/// The file of entries, open at its end.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    len: u64,
}

impl Journal {
    /// Opens the journal and reads what is in it. What was being appended when the program was killed is cut off.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Vec<Entry>)> {
        let bytes = durable::read(path)?.unwrap_or_default();
        let (entries, whole) = entries(&bytes);
        let file = durable::private().create(true).truncate(false).open(path)?;
        file.set_len(whole as u64)?;
        file.sync_all()?;
        durable::sync_folder_of(path)?;
        let mut journal = Self { path: path.to_owned(), file, len: whole as u64 };
        io::Seek::seek(&mut journal.file, io::SeekFrom::Start(journal.len))?;
        Ok((journal, entries))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends entries; they are durable when this returns.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for entry in entries {
            let encoded = entry.encode();
            let len = u32::try_from(encoded.len()).expect("an entry has less than 6 KiB");
            bytes.extend_from_slice(&len.to_le_bytes());
            bytes.extend_from_slice(&Root::of(&encoded).as_bytes()[..8]);
            bytes.extend_from_slice(&encoded);
        }
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Empties the journal: all that is in it is in the snapshot.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        io::Seek::rewind(&mut self.file)?;
        self.len = 0;
        self.file.sync_all()?;
        durable::sync_folder_of(&self.path)
    }
}

/// The entries at the beginning of `bytes` that are whole, and how many bytes they take.
fn entries(bytes: &[u8]) -> (Vec<Entry>, usize) {
    let (mut entries, mut rest) = (Vec::new(), bytes);
    while let Some((entry, after)) = first_entry(rest) {
        entries.push(entry);
        rest = after;
    }
    (entries, bytes.len() - rest.len())
}

fn first_entry(bytes: &[u8]) -> Option<(Entry, &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD_LEN)?;
    let (len, check) = head.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    let (encoded, rest) = rest.split_at_checked(len)?;
    if Root::of(encoded).as_bytes()[..8] != *check {
        return None;
    }
    Some((Entry::decode(encoded).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use protocol::UnixSeconds;
    use sharing::{Clock, DeviceId, IndexPath, Stamp};

    use super::*;

    fn entry(clock: u64) -> Entry {
        let at = Stamp { clock: Clock::new(clock).unwrap(), device: DeviceId::from_bytes([1; 8]) };
        let name = sharing::EntryName::File(IndexPath::new(format!("file {clock}")).unwrap());
        Entry::gone(at, name, UnixSeconds::new(clock))
    }

    #[test]
    fn whatever_is_cut_off_the_entries_before_it_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, found) = Journal::open(&path).unwrap();
        assert!(journal.is_empty() && found.is_empty());
        journal.append(&[entry(1), entry(2)]).unwrap();
        journal.append(&[entry(3)]).unwrap();
        let whole = fs::read(&path).unwrap();
        let one = whole.len() / 3;
        for len in 0..=whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            let (mut journal, found) = Journal::open(&path).unwrap();
            let expected: Vec<_> = (1..=3).take(len / one).map(entry).collect();
            assert_eq!(found, expected, "{len} bytes");
            journal.append(&[entry(9)]).unwrap();
            drop(journal);
            assert_eq!(Journal::open(&path).unwrap().1.last(), Some(&entry(9)));
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_journal_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&[entry(1), entry(2)]).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, damaged).unwrap();
            let found = Journal::open(&path).unwrap().1;
            assert_eq!(found.len(), usize::from(at >= whole.len() / 2), "byte {at}");
        }
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.clear().unwrap();
        journal.append(&[entry(4)]).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [entry(4)]);
    }
}
