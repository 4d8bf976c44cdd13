//! The account's audit trail on this machine: a file beside its index that only grows (spec §29).

mod committed;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use chunker::AccountSecret;
use protocol::limits::RECORD_LEN_MAX;
use protocol::{NetworkId, UnixSeconds};
use sharing::{Facts, PatientId, Purpose, Trail, TrailKeys, TrailText, TrailWhat};

pub(crate) use self::committed::{CommittedHead, commit, commit_or_say, ledger_of, then_committed};
use crate::arguments::Globals;
use crate::health::BookEntry;
use crate::names;
use crate::shares::KeptShare;

/// Bytes in front of an entry: its length.
const HEAD_LEN: usize = 4;
/// The longest trail that is read, in bytes: some millions of entries.
const TRAIL_LEN_MAX: u64 = 4 << 30;

/// The file of a trail, read and verified, open at its end; other commands wait until it is closed.
#[derive(Debug)]
pub(crate) struct TrailFile {
    path: PathBuf,
    file: File,
    keys: TrailKeys,
    trail: Trail,
}

impl TrailFile {
    /// Opens the account's trail on this network. What was being appended when the power went is cut off; whatever else is not as
    /// it was written is an error.
    pub(crate) fn open(
        globals: &Globals,
        secret: &AccountSecret,
        network: NetworkId,
    ) -> anyhow::Result<Self> {
        let folder = names::index_folder(globals)?;
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("trail");
        let shown = path.display();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open your audit trail {shown}"))?;
        file.lock().with_context(|| format!("cannot lock your audit trail {shown}"))?;
        if file.metadata()?.len() > TRAIL_LEN_MAX {
            bail!("your audit trail {shown} is longer than {TRAIL_LEN_MAX} bytes");
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(|| format!("cannot read your audit trail {shown}"))?;
        let keys = TrailKeys::derive(secret);
        let mut trail = Trail::begin(keys.signer().public(), network);
        let whole = take_all(&mut trail, &bytes)
            .with_context(|| format!("your audit trail {shown} is not as it was written"))?;
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))?;
        file.sync_all()?;
        File::open(&folder)?.sync_all()?;
        Ok(Self { path, file, keys, trail })
    }

    /// Appends what happened; it is durable when this returns.
    pub(crate) fn append(&mut self, facts: Facts) -> anyhow::Result<()> {
        self.append_all([facts])
    }

    /// Appends all of this, and waits for the disk once.
    pub(crate) fn append_all(&mut self, facts: impl IntoIterator<Item = Facts>) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for facts in facts {
            let record = self.trail.next(&self.keys, facts);
            self.trail.take(&record).expect("what was just signed follows");
            let len = u32::try_from(record.len()).expect("a record has at most 4096 bytes");
            bytes.extend_from_slice(&len.to_le_bytes());
            bytes.extend_from_slice(&record);
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.with_context(|| format!("cannot write to your audit trail {}", self.path.display()))
    }

    /// What stands in it.
    pub(crate) const fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Its keys.
    pub(crate) const fn keys(&self) -> &TrailKeys {
        &self.keys
    }
}

/// Takes all entries that are whole; how many bytes they are. Only the last one may have been cut off.
fn take_all(trail: &mut Trail, bytes: &[u8]) -> anyhow::Result<u64> {
    let mut rest = bytes;
    while let Some((head, after)) = rest.split_first_chunk::<HEAD_LEN>() {
        let len = u32::from_le_bytes(*head) as usize;
        if len > RECORD_LEN_MAX {
            bail!("entry {}: {len} bytes long", trail.head().entries);
        }
        let Some((record, after)) = after.split_at_checked(len) else { break };
        trail.take(record)?;
        rest = after;
    }
    Ok((bytes.len() - rest.len()) as u64)
}

/// What can be said of a health link that something happened to.
pub(crate) fn facts_of(link: &BookEntry, what: TrailWhat, at: UnixSeconds) -> Facts {
    let about = match &link.label {
        Some(label) => format!("{label} ({})", link.contents.join(", ")),
        None => link.contents.join(", "),
    };
    Facts {
        about: line(&about),
        link: Some(link.id),
        patient: link.patient.as_deref().and_then(|id| PatientId::new(id).ok()),
        purpose: link.purpose.as_deref().and_then(|code| Purpose::new(code).ok()),
        source: line(link.gateway.as_str().trim_end_matches('/')),
        ..Facts::new(what, at)
    }
}

/// What can be said of a sealed share that something happened to.
pub(crate) fn facts_of_share(share: &KeptShare, what: TrailWhat, at: UnixSeconds) -> Facts {
    let names: Vec<_> = share.files.iter().map(|file| file.name.as_str()).collect();
    let about = match &share.label {
        Some(label) => format!("{label} ({})", names.join(", ")),
        None => names.join(", "),
    };
    Facts {
        about: line(&about),
        link: share.id.parse().ok(),
        source: line(&share.gateway),
        ..Facts::new(what, at)
    }
}

/// As much of a text as fits into a line of the trail.
pub(crate) fn line(text: &str) -> Option<TrailText> {
    const LEN_MAX: usize = 400;
    let end = (0..=LEN_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    TrailText::new(&text[..end]).ok()
}
