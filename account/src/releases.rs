//! Objects whose leases are to be ended: remembered until every node has confirmed it, or the leases are over.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chunker::Manifest;
use client::{Client, FetchError, ReleaseReport};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use proofs::Cid;
use protocol::UnixSeconds;
use protocol::limits::LEASE_DURATION_MAX_S;

use crate::durable;
use crate::keys::Account;
use crate::local::{LocalError, LocalIndex};

/// How long to leave an object alone whose nodes did not all confirm.
const RETRY_AFTER: Duration = Duration::from_mins(10);
/// Objects that are released at the same time.
const OBJECTS_ABREAST: usize = 8;
/// How long the releases of one command may take that nobody waits for.
const RETRY_WITHIN: Duration = Duration::from_millis(1500);

/// What became of an object that is to be released.
#[derive(Debug)]
pub enum Released {
    /// The nodes were asked.
    Asked(ReleaseReport),
    /// No node has its manifest: nothing that could be released.
    Unknown,
    /// It is not this account's.
    NotOurs,
    /// Its manifest cannot be had now: it is tried again at a later command.
    Later(FetchError),
}

impl Released {
    /// Whether nothing is left to be done.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Asked(report) => report.unconfirmed().next().is_none(),
            Self::Unknown | Self::NotOurs => true,
            Self::Later(_) => false,
        }
    }
}

/// Ends the leases of an object that was to be released, as far as its nodes can be reached.
pub async fn release_now(
    client: &Client,
    account: &Account,
    local: &LocalIndex,
    object: Cid,
) -> Result<Released, LocalError> {
    let pending = local.pending();
    let at = |source| LocalError::Io { path: pending.folder.clone(), source };
    let released = match pending.manifest(client, object).await.map_err(at)? {
        Err(error) if error.is_definite() => Released::Unknown,
        Err(error) => Released::Later(error),
        Ok(manifest) => match account.control_of(&manifest) {
            Some(control) => Released::Asked(client.release(&manifest, &control).await),
            None => Released::NotOurs,
        },
    };
    if released.is_over() {
        pending.remove(object).map_err(at)?;
    } else {
        pending.postpone(object).map_err(at)?;
    }
    Ok(released)
}

/// Ends what is pending, for a moment; what is not over by then waits for the next call.
pub async fn release_pending(
    client: &Client,
    account: &Account,
    local: &LocalIndex,
) -> Result<(), LocalError> {
    let pending = local.pending();
    let due = pending.due().map_err(|source| LocalError::Io { path: pending.folder.clone(), source })?;
    // Another device may have given it another name meanwhile: then it stays.
    let (named, due): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|object| local.index().paths_of(*object).next().is_some());
    for object in named {
        pending.remove(object).map_err(|source| LocalError::Io { path: pending.folder.clone(), source })?;
    }
    let all = stream::iter(due)
        .map(|object| release_now(client, account, local, object))
        .buffer_unordered(OBJECTS_ABREAST)
        .try_for_each(|_| async { Ok(()) });
    tokio::time::timeout(RETRY_WITHIN, all).await.unwrap_or(Ok(()))
}

/// A folder with a file for every object: when it was entered, and its manifest once that is known.
#[derive(Debug)]
pub(crate) struct Pending {
    folder: PathBuf,
}

impl Pending {
    pub(crate) const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn add(&self, objects: impl IntoIterator<Item = Cid>, now: UnixSeconds) -> io::Result<()> {
        for path in objects.into_iter().map(|object| self.path(object)) {
            if !path.exists() {
                durable::place(&path, &now.get().to_le_bytes())?;
            }
        }
        durable::sync_folder(&self.folder)
    }

    pub(crate) fn remove(&self, object: Cid) -> io::Result<()> {
        durable::remove(&self.path(object))
    }

    /// All of them.
    pub(crate) fn all(&self) -> io::Result<Vec<Cid>> {
        let mut all = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            all.extend(file?.file_name().to_str().and_then(|name| name.parse::<Cid>().ok()));
        }
        Ok(all)
    }

    #[cfg(test)]
    pub(crate) fn is_there(&self, object: Cid) -> bool {
        self.path(object).exists()
    }

    /// The objects to look after now. Those whose leases must be over by now are forgotten.
    fn due(&self) -> io::Result<Vec<Cid>> {
        let now = SystemTime::now();
        let mut due = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let Some(object) = file.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let since = self.read(object)?.map_or(0, |(since, _)| since);
            if UnixSeconds::from(now).seconds_since(UnixSeconds::new(since)) > LEASE_DURATION_MAX_S {
                self.remove(object)?;
                continue;
            }
            // A file that was tried carries the time of that in its modification time, a new one lies in the past.
            let tried = file.metadata()?.modified()?;
            let is_new =
                tried.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|at| at.as_secs() <= since + 1);
            if is_new || now.duration_since(tried).is_ok_and(|passed| passed > RETRY_AFTER) {
                due.push(object);
            }
        }
        Ok(due)
    }

    fn postpone(&self, object: Cid) -> io::Result<()> {
        fs::OpenOptions::new().write(true).open(self.path(object))?.set_modified(SystemTime::now())
    }

    /// The manifest, kept before the first lease ends: the copies on the nodes are released too.
    async fn manifest(&self, client: &Client, object: Cid) -> io::Result<Result<Manifest, FetchError>> {
        let kept = self.read(object)?;
        if let Some((_, manifest)) = &kept
            && let Ok(manifest) = Manifest::decode(manifest)
            && manifest.cid() == object
        {
            return Ok(Ok(manifest));
        }
        let manifest = match client.manifest(&object).await {
            Ok(manifest) => manifest,
            Err(error) => return Ok(Err(error)),
        };
        let since = kept.map_or_else(|| UnixSeconds::from(SystemTime::now()).get(), |(since, _)| since);
        let bytes = [since.to_le_bytes().as_slice(), &manifest.encode()].concat();
        durable::replace(&self.path(object), &bytes)?;
        Ok(Ok(manifest))
    }

    fn read(&self, object: Cid) -> io::Result<Option<(u64, Vec<u8>)>> {
        let bytes = durable::read(&self.path(object))?;
        Ok(bytes.and_then(|bytes| {
            let (since, manifest) = bytes.split_first_chunk::<8>()?;
            Some((u64::from_le_bytes(*since), manifest.to_vec()))
        }))
    }

    fn path(&self, object: Cid) -> PathBuf {
        self.folder.join(object.to_string())
    }
}
