//! The file of a trail: read and verified as far as it goes, continued under a lock.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use chunker::AccountSecret;
use protocol::NetworkId;
use protocol::limits::RECORD_LEN_MAX;
use sharing::{Facts, Trail, TrailError, TrailKeys};

use super::head::CommittedEnd;
use crate::arguments::Globals;
use crate::{folders, names};

/// Bytes in front of an entry: its length.
const HEAD_LEN: usize = 4;
/// The longest trail that is read, in bytes: some millions of entries.
const TRAIL_LEN_MAX: u64 = 4 << 30;

/// A trail that was verified as far as it went when it was last looked at. Other commands may go on with it meanwhile.
#[derive(Debug)]
pub(crate) struct TrailFile {
    path: PathBuf,
    network: NetworkId,
    keys: TrailKeys,
    trail: Trail,
    /// How many bytes of the file are in `trail`.
    len: u64,
}

/// Why entries were not taken to the end.
#[derive(Debug, thiserror::Error)]
enum TakeError {
    #[error("entry {at}: {len} bytes long, at most {RECORD_LEN_MAX} are possible")]
    Length { at: u64, len: usize },
    #[error("entry {at} is cut off")]
    Cut { at: u64 },
    #[error(transparent)]
    Entry(#[from] TrailError),
}

impl TrailFile {
    /// Opens the account's trail on this network, to be written to: an error where that is impossible, or where the trail is not as it was
    /// written. A command that enters something opens it before it does anything else.
    pub(crate) fn open(
        globals: &Globals,
        secret: &AccountSecret,
        network: NetworkId,
    ) -> anyhow::Result<Self> {
        let mut trail = Self::begin(names::index_folder(globals)?.join("trail"), secret, network);
        let file = trail.writable()?;
        trail.catch_up(&file)?;
        Ok(trail)
    }

    /// Reads it, and changes nothing.
    pub(crate) fn read(
        globals: &Globals,
        secret: &AccountSecret,
        network: NetworkId,
    ) -> anyhow::Result<Self> {
        Self::read_at(names::index_folder(globals)?.join("trail"), secret, network)
    }

    pub(super) fn read_at(path: PathBuf, secret: &AccountSecret, network: NetworkId) -> anyhow::Result<Self> {
        let mut trail = Self::begin(path, secret, network);
        match File::open(&trail.path) {
            Ok(file) => {
                file.lock_shared().with_context(|| trail.cannot("lock"))?;
                trail.catch_up(&file)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                trail.check_end(0)?;
            }
            Err(error) => return Err(error).with_context(|| trail.cannot("open")),
        }
        Ok(trail)
    }

    fn begin(path: PathBuf, secret: &AccountSecret, network: NetworkId) -> Self {
        let keys = TrailKeys::derive(secret);
        let trail = Trail::begin(keys.signer().public(), network);
        Self { path, network, keys, trail, len: 0 }
    }

    /// Appends what happened; it is durable when this returns.
    pub(crate) fn append(&mut self, facts: Facts) -> anyhow::Result<()> {
        self.append_with(|_| vec![facts])
    }

    /// Appends what is to be said of the trail as it is then, and waits for the disk once.
    pub(crate) fn append_with(&mut self, facts: impl FnOnce(&Trail) -> Vec<Facts>) -> anyhow::Result<()> {
        let file = self.writable()?;
        self.catch_up(&file)?;
        let facts = facts(&self.trail);
        if facts.is_empty() {
            return Ok(());
        }
        let written = self.write(&file, facts).with_context(|| self.cannot("write to"));
        if written.is_err() {
            // How far the file goes is not known: it is read anew.
            (self.trail, self.len) = (Trail::begin(self.keys.signer().public(), self.network), 0);
        }
        written
    }

    /// What stands in it.
    pub(crate) const fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Its keys.
    pub(crate) const fn keys(&self) -> &TrailKeys {
        &self.keys
    }

    /// The file, locked until it is closed.
    fn writable(&self) -> anyhow::Result<File> {
        let folder = self.path.parent().context("a trail lies in a folder")?;
        std::fs::create_dir_all(folder).with_context(|| self.cannot("make the folder of"))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&self.path).with_context(|| self.cannot("open"))?;
        file.lock().with_context(|| self.cannot("lock"))?;
        Ok(file)
    }

    /// Takes what was appended since. All that was acknowledged has to be there; behind it there may be something that was being
    /// written when the power went, of which whole entries count.
    fn catch_up(&mut self, mut file: &File) -> anyhow::Result<()> {
        let len = file.metadata()?.len();
        let end = self.check_end(len)?;
        if len > TRAIL_LEN_MAX || len < self.len {
            bail!("{}: it has {len} bytes", self.cannot("go on with"));
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.len))?;
        file.take(len - self.len).read_to_end(&mut bytes).with_context(|| self.cannot("read"))?;
        let sure = end.map_or(len, |end| end.bytes).saturating_sub(self.len);
        let (sure, behind) = bytes.split_at(usize::try_from(sure)?.min(bytes.len()));
        self.take(sure).with_context(|| format!("{} is not as it was written", self.shown()))?;
        if let Some(CommittedEnd { head, bytes }) = end
            && (self.trail.head_after(head.entries) != Some(head) || self.len < bytes)
        {
            bail!("{} does not end as it did when it was last written to", self.shown());
        }
        drop(self.take(behind));
        Ok(())
    }

    /// Where it ended when it was last written to. It has `len` bytes now.
    fn check_end(&self, len: u64) -> anyhow::Result<Option<CommittedEnd>> {
        let end = CommittedEnd::read(&self.path)?;
        if let Some(CommittedEnd { bytes, head }) = end
            && bytes > len
        {
            bail!(
                "{} has {len} bytes, and had {bytes} with {} entries: some are missing at its end; whoever puts a copy back \
                 puts trail.head back with it",
                self.shown(),
                head.entries
            );
        }
        Ok(end)
    }

    /// Takes all whole entries in `bytes`, which follow what is here.
    fn take(&mut self, bytes: &[u8]) -> Result<(), TakeError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = self.trail.head().entries.get();
            let (head, after) = rest.split_first_chunk::<HEAD_LEN>().ok_or(TakeError::Cut { at })?;
            let len = u32::from_le_bytes(*head) as usize;
            if len > RECORD_LEN_MAX {
                return Err(TakeError::Length { at, len });
            }
            let (record, after) = after.split_at_checked(len).ok_or(TakeError::Cut { at })?;
            self.trail.take(record)?;
            self.len += (HEAD_LEN + len) as u64;
            rest = after;
        }
        Ok(())
    }

    fn write(&mut self, mut file: &File, facts: Vec<Facts>) -> io::Result<()> {
        // Before the first entry, too, it is known what is not yet acknowledged.
        CommittedEnd { bytes: self.len, head: self.trail.head() }.write(&self.path)?;
        file.set_len(self.len)?;
        file.seek(SeekFrom::Start(self.len))?;
        let mut bytes = Vec::new();
        for facts in facts {
            let record = self.trail.next(&self.keys, facts);
            self.trail.take(&record).expect("what was just signed follows");
            let len = u32::try_from(record.len()).expect("a record has at most 4096 bytes");
            bytes.extend_from_slice(&len.to_le_bytes());
            bytes.extend_from_slice(&record);
        }
        file.write_all(&bytes)?;
        file.sync_all()?;
        folders::sync_folder_of(&self.path)?;
        self.len += bytes.len() as u64;
        CommittedEnd { bytes: self.len, head: self.trail.head() }.write(&self.path)
    }

    fn shown(&self) -> String {
        format!("your audit trail {}", Path::display(&self.path))
    }

    fn cannot(&self, what: &str) -> String {
        format!("cannot {what} {}", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use protocol::UnixSeconds;
    use sharing::TrailWhat;

    use super::*;

    fn open(folder: &Path) -> anyhow::Result<TrailFile> {
        let secret = AccountSecret::from_bytes([1; 32]);
        TrailFile::read_at(folder.join("trail"), &secret, NetworkId::from_bytes([2; 32]))
    }

    fn with_entries(count: u64) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut trail = open(folder.path()).unwrap();
        for at in 0..count {
            trail.append(Facts::new(TrailWhat::Opened, UnixSeconds::new(at))).unwrap();
        }
        folder
    }

    fn entries(folder: &Path) -> usize {
        open(folder).unwrap().trail().entries().len()
    }

    #[test]
    fn a_flipped_bit_in_a_length_is_found_and_nothing_is_cut_off() {
        let folder = with_entries(8);
        let path = folder.path().join("trail");
        let whole = std::fs::read(&path).unwrap();
        let mut at = 0;
        while at < whole.len() {
            for bit in 0..32 {
                let mut changed = whole.clone();
                changed[at + bit / 8] ^= 1 << (bit % 8);
                std::fs::write(&path, &changed).unwrap();
                let mut kept = TrailFile::begin(
                    path.clone(),
                    &AccountSecret::from_bytes([1; 32]),
                    NetworkId::from_bytes([2; 32]),
                );
                assert!(open(folder.path()).is_err(), "byte {at}, bit {bit}");
                assert!(kept.append(Facts::new(TrailWhat::Opened, UnixSeconds::new(0))).is_err());
                assert!(
                    std::fs::read(&path).unwrap() == changed,
                    "byte {at}, bit {bit}: the file was changed"
                );
            }
            at += HEAD_LEN + u32::from_le_bytes(whole[at..at + HEAD_LEN].try_into().unwrap()) as usize;
        }
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(entries(folder.path()), 8);
    }

    #[test]
    fn what_was_acknowledged_is_missed_wherever_it_was_cut_off() {
        let folder = with_entries(3);
        let path = folder.path().join("trail");
        let whole = std::fs::read(&path).unwrap();
        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            assert!(open(folder.path()).is_err(), "{len} bytes");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(open(folder.path()).is_err(), "a trail that is gone");
    }

    #[test]
    fn what_was_being_written_is_read_as_far_as_it_is_whole_and_cut_off_at_the_next_entry() {
        let folder = with_entries(2);
        let (path, head) = (folder.path().join("trail"), folder.path().join("trail.head"));
        let (two, end) = (std::fs::read(&path).unwrap(), std::fs::read(&head).unwrap());
        open(folder.path()).unwrap().append(Facts::new(TrailWhat::Refused, UnixSeconds::new(9))).unwrap();
        let three = std::fs::read(&path).unwrap();
        for len in two.len()..=three.len() {
            std::fs::write(&path, &three[..len]).unwrap();
            std::fs::write(&head, &end).unwrap();
            let whole = if len == three.len() { 3 } else { 2 };
            assert_eq!(entries(folder.path()), whole, "{len} bytes");
            assert_eq!(std::fs::read(&path).unwrap().len(), len, "reading changed the file");
            let mut trail = open(folder.path()).unwrap();
            trail.append(Facts::new(TrailWhat::Locked, UnixSeconds::new(10))).unwrap();
            assert_eq!(entries(folder.path()), whole + 1, "{len} bytes");
        }
    }

    #[test]
    fn two_commands_go_on_with_what_the_other_has_written() {
        let folder = with_entries(0);
        let mut both = [open(folder.path()).unwrap(), open(folder.path()).unwrap()];
        for at in 0..6 {
            let facts = Facts::new(TrailWhat::Opened, UnixSeconds::new(at));
            both[usize::from(at % 2 == 1)].append(facts).unwrap();
        }
        assert_eq!(entries(folder.path()), 6);
    }
}
