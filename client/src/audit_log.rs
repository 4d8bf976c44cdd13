//! The audit log as a file: it only grows, and tells of every change (spec §23).
//!
//! Its functions read and write at once: call them where waiting for a disk is allowed.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use protocol::limits::TRANSCRIPT_LEN_MAX;
use protocol::{AUDIT_LOG_MAGIC, AuditLogHead, LogEntryError, Transcript, TranscriptError};

/// Bytes in front of a transcript.
const PREFIX_LEN: usize = 36;

/// An audit log that is open for writing. One process writes at a time.
#[derive(Debug)]
pub struct AuditLog {
    file: File,
    head: AuditLogHead,
}

/// Why an audit log is of no use.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum AuditLogError {
    #[error("audit log {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("audit log {path} is written by another process")]
    InUse { path: PathBuf },
    #[error("{path} is no audit log")]
    NotALog { path: PathBuf },
    #[error("audit log {path}: {source}")]
    Entry { path: PathBuf, source: LogEntryError },
    #[error("audit log {path}: transcript {at} does not verify: {source}")]
    Transcript { path: PathBuf, at: u64, source: Box<TranscriptError> },
}

impl AuditLog {
    /// The log at `path`, or a new one. Its chain is checked from the beginning; what a crash left behind its last
    /// whole entry was never acknowledged, and is cut off.
    pub fn open(path: &Path) -> Result<Self, AuditLogError> {
        let failed = |source| AuditLogError::Io { path: path.to_owned(), source };
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let mut file = options.open(path).map_err(failed)?;
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(AuditLogError::InUse { path: path.to_owned() });
        }
        if file.metadata().map_err(failed)?.len() < AUDIT_LOG_MAGIC.len() as u64 {
            begin(&mut file, path).map_err(failed)?;
        }
        let mut reader = AuditLogReader::open(path)?;
        let whole = loop {
            match reader.next_bytes() {
                Ok(Some(_)) => {}
                Ok(None) => break reader.offset,
                Err(AuditLogError::Entry { source: LogEntryError::Torn { at }, .. }) => {
                    tracing::warn!(path = %path.display(), at, "the end of the audit log was never written whole");
                    break reader.offset;
                }
                Err(error) => return Err(error),
            }
        };
        file.set_len(whole).and_then(|()| file.sync_all()).map_err(failed)?;
        file.seek(SeekFrom::Start(whole)).map_err(failed)?;
        Ok(Self { file, head: reader.head })
    }

    /// Adds a transcript, and returns the new head once it is durable. After an error the log must be opened again.
    pub fn append(&mut self, transcript: &Transcript) -> io::Result<AuditLogHead> {
        let bytes = transcript.encode();
        self.file.write_all(&self.head.entry(&bytes))?;
        self.file.sync_data()?;
        self.head = self.head.after(&bytes);
        Ok(self.head)
    }

    /// How far the log reaches: whoever remembers it notices when the end is missing.
    pub fn head(&self) -> AuditLogHead {
        self.head
    }
}

fn begin(file: &mut File, path: &Path) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(AUDIT_LOG_MAGIC)?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Reads a log from the beginning, and checks it on the way.
#[derive(Debug)]
pub struct AuditLogReader {
    path: PathBuf,
    source: BufReader<File>,
    head: AuditLogHead,
    /// Where the last whole entry ends.
    offset: u64,
}

impl AuditLogReader {
    /// The log at `path`.
    pub fn open(path: &Path) -> Result<Self, AuditLogError> {
        let failed = |source| AuditLogError::Io { path: path.to_owned(), source };
        let mut source = BufReader::new(File::open(path).map_err(failed)?);
        let mut magic = Vec::new();
        let len = AUDIT_LOG_MAGIC.len() as u64;
        source.by_ref().take(len).read_to_end(&mut magic).map_err(failed)?;
        if magic != AUDIT_LOG_MAGIC {
            return Err(AuditLogError::NotALog { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), source, head: AuditLogHead::empty(), offset: len })
    }

    /// The next transcript, verified; `None` at the end.
    pub fn next_transcript(&mut self) -> Result<Option<Transcript>, AuditLogError> {
        let at = self.head.entries;
        let Some(bytes) = self.next_bytes()? else { return Ok(None) };
        let transcript = Transcript::decode(&bytes);
        let wrong =
            |source| AuditLogError::Transcript { path: self.path.clone(), at, source: Box::new(source) };
        transcript.map(Some).map_err(wrong)
    }

    /// How far has been read.
    pub fn head(&self) -> AuditLogHead {
        self.head
    }

    fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, AuditLogError> {
        let entry =
            self.read_entry().map_err(|source| AuditLogError::Io { path: self.path.clone(), source })?;
        let next = self.head.next(&entry);
        let next = next.map_err(|source| AuditLogError::Entry { path: self.path.clone(), source })?;
        Ok(next.map(|next| {
            self.head = next.head;
            self.offset += next.consumed as u64;
            next.transcript.to_vec()
        }))
    }

    /// As many bytes as the next entry announces, or as there are.
    fn read_entry(&mut self) -> io::Result<Vec<u8>> {
        let mut entry = Vec::new();
        self.source.by_ref().take(PREFIX_LEN as u64).read_to_end(&mut entry)?;
        if let Some(len) = entry.first_chunk::<4>() {
            let len = u64::from(u32::from_le_bytes(*len)).min(TRANSCRIPT_LEN_MAX as u64);
            self.source.by_ref().take(len).read_to_end(&mut entry)?;
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use proofs::{AuditedSet, AuditedShard, Root, ShardLen};
    use protocol::{
        AuditSecret, AuditWish, Beacon, Draws, NetworkId, PlannedAudit, SecretKey, Timing, Unanswered,
        UnixSeconds,
    };

    use super::*;

    fn transcript(number: u8) -> Transcript {
        let auditor = SecretKey::from_bytes(&[5; 32]);
        let shard = AuditedShard { root: Root::of(b"x"), len: ShardLen::new(1).unwrap() };
        let wish = AuditWish {
            node: auditor.public(),
            set: Arc::new(AuditedSet::new(vec![shard]).unwrap()),
            beacon: Beacon::Auditor,
            draws: Draws::new(1).unwrap(),
            secret: AuditSecret::from_bytes([number; 32]),
            issued: UnixSeconds::new(1),
        };
        let timing = Timing::new(UnixSeconds::new(2), Duration::from_secs(4), Duration::from_secs(1));
        let planned = PlannedAudit::new(&auditor, &NetworkId::from_bytes([1; 32]), wish);
        planned.unanswered(Unanswered::Offline, timing).sign(&auditor)
    }

    fn read(path: &Path) -> Result<Vec<Transcript>, AuditLogError> {
        let mut reader = AuditLogReader::open(path)?;
        let mut all = Vec::new();
        while let Some(transcript) = reader.next_transcript()? {
            all.push(transcript);
        }
        Ok(all)
    }

    #[test]
    fn a_log_goes_on_where_it_ended_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audits.log");
        let head = AuditLog::open(&path).unwrap().append(&transcript(1)).unwrap();
        let first = fs::read(&path).unwrap();
        let mut log = AuditLog::open(&path).unwrap();
        assert_eq!(log.head(), head);
        assert!(matches!(AuditLog::open(&path), Err(AuditLogError::InUse { .. })));
        log.append(&transcript(2)).unwrap();
        drop(log);
        let both = fs::read(&path).unwrap();
        assert_eq!(read(&path).unwrap(), [transcript(1), transcript(2)]);

        for len in [0, 3, first.len() + 3, first.len() + 40, both.len() - 1] {
            fs::write(&path, &both[..len]).unwrap();
            assert!(read(&path).is_err(), "{len} bytes");
            let mut log = AuditLog::open(&path).unwrap();
            log.append(&transcript(3)).unwrap();
            let mut expected = vec![transcript(3)];
            if len > first.len() {
                expected.insert(0, transcript(1));
            }
            assert_eq!(read(&path).unwrap(), expected, "{len} bytes");
        }
    }

    #[test]
    fn a_log_that_was_changed_is_not_written_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audits.log");
        let mut log = AuditLog::open(&path).unwrap();
        log.append(&transcript(1)).unwrap();
        log.append(&transcript(2)).unwrap();
        drop(log);
        let whole = fs::read(&path).unwrap();
        for at in [0, 12, 44, 60, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(AuditLog::open(&path).is_err() && read(&path).is_err(), "byte {at}");
        }
    }
}
