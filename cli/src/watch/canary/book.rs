//! What a canary knows, on disk before it is used: promises, what the ledger did not know in time, findings, proofs.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use ledger::tlog::{Checkpoint, SignedNote};
use proofs::canonical;
use protocol::{NetworkId, Promise, Sequence, Serial, Signed, UnixSeconds, Usage};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::Finding;
use crate::folders::write_privately;

/// Longest file about one grant, in bytes.
const FILE_LEN_MAX: usize = 16 << 10;
/// The file with the key of the ledger's log.
const LOG: &str = "log";
/// The last checkpoint of it, and one that does not follow from that.
const CHECKPOINT: &str = "checkpoint";
const FORK: &str = "checkpoint.other";

/// The folder of a canary, beside the grants in it.
#[derive(Debug)]
pub(super) struct Book(PathBuf);

/// What is known of one grant beside its receipts.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// When the newest receipt was first looked for at the ledger.
    pub(super) looked: Option<Looked>,
    pub(super) short: Option<Short>,
    pub(super) promise: Option<Signed<Promise>>,
    /// What will not change any more.
    pub(super) found: Option<Finding>,
}

impl Noted {
    /// Remembers since when the newest receipt is looked for; false where that is known already.
    pub(super) fn look(&mut self, seq: Sequence, at: UnixSeconds) -> bool {
        let is_new = self.looked.is_none_or(|looked| looked.seq != seq);
        if is_new {
            self.looked = Some(Looked { at, seq });
        }
        is_new
    }
}

/// When a receipt was first looked for, which the gateway had taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Looked {
    pub(super) at: UnixSeconds,
    pub(super) seq: Sequence,
}

/// The ledger knew only so much when it should have known all.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Short {
    pub(super) at: UnixSeconds,
    pub(super) known: Usage,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Finding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    looked: Option<Looked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    promise: Option<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    short: Option<Short>,
}

impl Book {
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Remembers the key of the ledger's log, before anything is watched by way of it; it must not be another one later.
    pub(super) fn pin(&self, log: &str) -> anyhow::Result<()> {
        let path = self.0.join(LOG);
        if path.exists() {
            return self.compare(log);
        }
        let written = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        let written = written.and_then(|()| self.durably(&path, format!("{log}\n").as_bytes()));
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Refuses a ledger that shows another log than the one that was remembered.
    pub(super) fn compare(&self, log: &str) -> anyhow::Result<()> {
        let known = self.log()?;
        if known == log { Ok(()) } else { bail!("the ledger's log is {log}; before, it was {known}") }
    }

    /// What counts as a checkpoint: one that the remembered log has signed.
    pub(super) fn policy(&self) -> anyhow::Result<String> {
        Ok(format!("log {}\nquorum none\n", self.log()?))
    }

    /// The last checkpoint that was seen; every later one has to follow from it.
    pub(super) fn seen(&self) -> anyhow::Result<Option<Checkpoint>> {
        let path = self.0.join(CHECKPOINT);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let damaged = || format!("{} is damaged", path.display());
        let note = SignedNote::decode(&bytes).with_context(damaged)?;
        Ok(Some(Checkpoint::parse(note.text()).with_context(damaged)?))
    }

    pub(super) fn see(&self, checkpoint: &SignedNote) -> anyhow::Result<()> {
        self.keep(&self.0.join(CHECKPOINT), checkpoint.encode().as_bytes())
    }

    /// Keeps a checkpoint that does not follow from the last one: with that it shows that the ledger has two logs.
    pub(super) fn keep_fork(&self, checkpoint: &SignedNote) -> anyhow::Result<()> {
        self.keep(&self.0.join(FORK), checkpoint.encode().as_bytes())
    }

    fn log(&self) -> anyhow::Result<String> {
        let path = self.0.join(LOG);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} is no folder of a canary that has watched", self.0.display()))?;
        Ok(text.trim_end().to_owned())
    }

    /// Nothing where nothing was written yet.
    pub(super) fn read(&self, serial: Serial, network: NetworkId) -> anyhow::Result<Noted> {
        let path = self.path(serial, "canary");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Noted::default()),
            bytes => bytes.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let damaged = || format!("{} is damaged", path.display());
        let Fields { found, looked, promise, short } =
            canonical::from_slice(&bytes, FILE_LEN_MAX).with_context(damaged)?;
        let promise = promise.map(|record| Signed::decode(&record, &network)).transpose();
        Ok(Noted { looked, short, promise: promise.with_context(damaged)?, found })
    }

    /// Makes durable what is known of a grant.
    pub(super) fn write(&self, serial: Serial, noted: &Noted) -> anyhow::Result<()> {
        let Noted { looked, short, promise, found } = noted;
        let promise = promise.as_ref().map(|record| ByteBuf::from(record.encode()));
        let fields = Fields { found: *found, looked: *looked, promise, short: *short };
        let path = self.path(serial, "canary");
        self.durably(&path, &canonical::to_vec(&fields))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Where the proof is that the ledger has left something out: what lines should have counted, or a receipt.
    pub(super) fn proof(&self, serial: Serial) -> Option<PathBuf> {
        let kinds = ["shortfall", "omission", "withheld"];
        kinds.into_iter().map(|kind| self.path(serial, kind)).find(|path| path.exists())
    }

    pub(super) fn keep_omission(&self, serial: Serial, omission: &[u8]) -> anyhow::Result<()> {
        self.keep(&self.path(serial, "omission"), omission)
    }

    /// An omission that does not say what stands beside it.
    pub(super) fn keep_withheld(&self, serial: Serial, omission: &[u8]) -> anyhow::Result<()> {
        self.keep(&self.path(serial, "withheld"), omission)
    }

    pub(super) fn keep_shortfall(&self, serial: Serial, shortfall: &[u8]) -> anyhow::Result<()> {
        self.keep(&self.path(serial, "shortfall"), shortfall)
    }

    fn keep(&self, path: &Path, proof: &[u8]) -> anyhow::Result<()> {
        self.durably(path, proof).with_context(|| format!("cannot write {}", path.display()))
    }

    fn durably(&self, path: &Path, contents: &[u8]) -> io::Result<()> {
        write_privately(path, contents)?;
        File::open(&self.0)?.sync_all()
    }

    fn path(&self, serial: Serial, ending: &str) -> PathBuf {
        self.0.join(format!("{serial}.{ending}"))
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Digest, SecretKey};

    use super::*;

    #[test]
    fn what_is_known_is_there_again_and_a_log_is_not_exchanged() {
        let folder = tempfile::tempdir().unwrap();
        let (book, serial) = (Book::at(&folder.path().join("canary")), Serial::from_bytes([7; 16]));
        assert!(book.compare("log.example+1+A").is_err(), "nothing was watched");
        book.pin("log.example+1+A").unwrap();
        book.pin("log.example+1+A").unwrap();
        assert!(book.pin("log.example+1+B").is_err() && book.compare("log.example+1+B").is_err());
        let network = NetworkId::from_bytes([4; 32]);
        assert!(book.read(serial, network).unwrap().found.is_none());
        let at = UnixSeconds::new(1_800_000_000);
        let promise = Promise { name: Digest::from_bytes([1; 32]), taken: at, until: at.plus(600) };
        let promise = Signed::sign(&SecretKey::from_bytes(&[1; 32]), &network, promise);
        let short = Short { at, known: Usage { bytes: 5, ms: 6 } };
        let noted = Noted {
            looked: Some(Looked { at, seq: Sequence::new(3) }),
            short: Some(short),
            promise: Some(promise.clone()),
            found: Some(Finding::UnderReported),
        };
        book.write(serial, &noted).unwrap();
        let again = book.read(serial, network).unwrap();
        assert_eq!(again.promise, Some(promise));
        assert_eq!((again.found, again.looked), (Some(Finding::UnderReported), noted.looked));
        assert_eq!(again.short.unwrap().known, short.known);
        assert!(book.read(serial, NetworkId::from_bytes([5; 32])).is_err(), "a promise for another network");
    }
}
