//! The account's index as commands use it: opened, brought up to date, written to, pushed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use account::{Account, Change, Freshness, KeyStore, LocalError, LocalIndex, Synced};
use anyhow::{Context, bail};
use chunker::{Coding, Link};
use client::Client;
use data_encoding::HEXLOWER;
use protocol::UnixSeconds;
use sharing::{AccountIndex, FileEntry, IndexPath, KeyGiven};

use crate::arguments::Globals;
use crate::failure::Usage;
use crate::membership::Network;
use crate::output::Output;
use crate::{holds, packs};

/// How long nodes have left once enough of them have said where the index is.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often to read again what is just being replaced.
const FRESH_ATTEMPTS_MAX: u32 = 5;
/// How many bytes of a network's id name its folder.
const NETWORK_PREFIX_LEN: usize = 8;

/// The account and its index on this machine.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) account: Account,
    pub(crate) local: LocalIndex,
    pub(crate) keys: KeyStore,
    /// Whether what other devices have written is here, as far as enough nodes know.
    pub(crate) is_fresh: bool,
    output: Output,
}

impl Names {
    /// Opens the index beside the account file; waits for another command that has it.
    pub(crate) async fn open(globals: &Globals) -> anyhow::Result<Self> {
        let output = globals.output();
        let account = Account::new(crate::account::open(globals.account.as_deref(), output)?);
        let folder = index_folder(globals)?;
        let opened = tokio::task::spawn_blocking(move || LocalIndex::open(&folder)).await?;
        let local = opened.context("cannot open the index of your account")?;
        if local.was_damaged() {
            output.note(
                "the copy of your index on this machine is damaged; what was pushed is read from the network",
            );
        }
        let keys = key_store(globals)?;
        Ok(Self { account, local, keys, is_fresh: false, output })
    }

    /// Reads what other devices have written. Where that is impossible, says that the list may be old.
    pub(crate) async fn pull(&mut self, client: &Client) -> anyhow::Result<Freshness> {
        let freshness = account::pull(client, &self.account, &mut self.local, PATIENCE).await?;
        self.is_fresh = freshness.is_complete();
        if !freshness.has_quorum() {
            let (answered, quorum) = (freshness.answered, freshness.quorum);
            self.output.note(format_args!(
                "{answered} of the {} nodes that know where your index is answered, {} are needed: this is what this machine knows",
                quorum.copies(),
                quorum.read()
            ));
        }
        for unreadable in &freshness.unreadable {
            self.output.note(format_args!(
                "the newest index of device {} cannot be read now: {}",
                unreadable.slot, unreadable.reason
            ));
        }
        Ok(freshness)
    }

    /// Reads what other devices have written until none of it can be missing; fails where that stays impossible.
    pub(crate) async fn pull_fresh(&mut self, client: &Client) -> anyhow::Result<()> {
        for _ in 1..FRESH_ATTEMPTS_MAX {
            let freshness = account::pull(client, &self.account, &mut self.local, PATIENCE).await?;
            self.is_fresh = freshness.is_complete();
            if self.is_fresh {
                return Ok(());
            }
            if !freshness.has_quorum() {
                break;
            }
            // What another device is just replacing cannot be read for a moment.
            tokio::time::sleep(PATIENCE).await;
        }
        self.pull(client).await?;
        self.check_fresh()
    }

    /// Fails unless it is certain that all that other devices have written is here: whoever destroys has to know what they hold.
    pub(crate) fn check_fresh(&self) -> anyhow::Result<()> {
        if !self.is_fresh {
            bail!(
                "nothing is taken away: too few nodes have said what your other devices have written, and one of them may hold it; run this \
                 again when more can be reached"
            );
        }
        Ok(())
    }

    /// Has the network know what was entered here, and reads what other devices have written by then; nothing is released. True when both
    /// came to be: of two devices, of which one takes away what the other one holds, at least one knows of it then.
    pub(crate) async fn settle(&mut self, client: &Client, coding: Coding) -> anyhow::Result<bool> {
        let Synced { pushed, .. } = account::exchange(client, &self.account, &mut self.local, coding).await?;
        if let Err(error) = &pushed {
            self.output.note(format_args!("your index is not on the network yet: {error}"));
            self.is_fresh = false;
            return Ok(false);
        }
        Ok(self.pull_fresh(client).await.is_ok())
    }

    /// The same, after which none of these paths may be held.
    pub(crate) async fn settle_unheld<'a>(
        &mut self,
        client: &Client,
        coding: Coding,
        taken: impl IntoIterator<Item = &'a IndexPath>,
    ) -> anyhow::Result<()> {
        self.is_fresh = self.settle(client, coding).await?;
        self.check_fresh()?;
        holds::check(self.local.index(), taken)
    }

    /// Writes down, before it happens, that the keys of these files or of their folders are given to others. Of what is erasable a
    /// certificate says so one day; no other key can be erased.
    pub(crate) fn will_be_given(&self, paths: &[IndexPath], given: &KeyGiven) -> anyhow::Result<()> {
        let index = self.local.index();
        for path in paths {
            let folder = packs::above(index, path).map(|(folder, _)| folder);
            let file = index.file(folder.as_ref().unwrap_or(path));
            if let Some(salt) = file.and_then(|file| file.erasable) {
                let written = self.keys.will_be_given(&salt, given.clone());
                written.with_context(|| format!("cannot write down to whom {path} is given"))?;
            }
        }
        Ok(())
    }

    /// Says something beside the answer.
    pub(crate) fn note(&self, text: impl std::fmt::Display) {
        self.output.note(text);
    }

    /// Writes changes here, durably, and then to the network. Says so when they stay here for now.
    pub(crate) async fn write(
        &mut self,
        client: &Client,
        coding: Coding,
        changes: Vec<Change>,
    ) -> anyhow::Result<bool> {
        self.enter(changes)?;
        self.push(client, coding).await
    }

    /// Writes changes here, durably; refuses all of them where one would take away what is held.
    pub(crate) fn enter(&mut self, changes: Vec<Change>) -> anyhow::Result<()> {
        self.local.write(changes).map_err(refused)
    }

    /// Fails where changes would be refused since something is held.
    pub(crate) fn check(&self, changes: &[Change]) -> anyhow::Result<()> {
        self.local.check(changes).map_err(refused)
    }

    /// Brings index and network together, and releases packs that no catalogue names any more; true when all that is here is there.
    pub(crate) async fn push(&mut self, client: &Client, coding: Coding) -> anyhow::Result<bool> {
        let is_pushed = self.sync(client, coding).await?;
        if let Err(error) = packs::release_unnamed(client, self).await {
            self.output.note(format_args!("packs that were replaced keep their leases for now: {error:#}"));
        }
        Ok(is_pushed)
    }

    /// The same, but that packs are left alone. What two devices have made of one folder of records is brought together.
    pub(crate) async fn sync(&mut self, client: &Client, coding: Coding) -> anyhow::Result<bool> {
        let is_pushed = self.exchange(client, coding).await?;
        if packs::reunite(client, self).await? { self.exchange(client, coding).await } else { Ok(is_pushed) }
    }

    async fn exchange(&mut self, client: &Client, coding: Coding) -> anyhow::Result<bool> {
        let Synced { pushed, freshness } =
            account::sync(client, &self.account, &mut self.local, coding).await?;
        self.is_fresh = freshness.is_complete();
        if self.is_fresh {
            // What is held by another device is not destroyed.
            let destroyed = self.local.destroy_replaced_keys(&self.keys, now());
            destroyed.context("cannot destroy keys that were replaced")?;
        }
        if let Err(error) = &pushed {
            self.output.note(format_args!(
                "your index is safe on this machine, but not yet on the network; the next command that changes it tries again: \
                 {error}"
            ));
        }
        Ok(pushed.is_ok())
    }

    /// Writes down what is to end when another file takes the place of this one, and before that: [`replaced`](Self::replaced)
    /// does it then, or after an interruption a later command that writes to the index, as soon as it has heard of all other devices.
    pub(crate) fn will_be_replaced(&self, old: &FileEntry) -> anyhow::Result<()> {
        if let Some(salt) = &old.erasable {
            self.local.destroy_key_later(salt, self.local.index().paths_of(old.object))?;
        }
        Ok(self.local.release_later(old.object, now())?)
    }

    /// Has the leases of a file ended whose name was taken over, and its key destroyed when it has one of its own.
    pub(crate) fn replaced(&self, old: &FileEntry) -> anyhow::Result<()> {
        if self.local.index().paths_of(old.object).next().is_some() {
            return Ok(());
        }
        if let Some(salt) = &old.erasable {
            self.keys.destroy(salt)?;
        }
        Ok(self.local.release_later(old.object, now())?)
    }

    /// The file with this name.
    pub(crate) fn file(&self, path: &IndexPath) -> anyhow::Result<&FileEntry> {
        let index = self.local.index();
        index.file(path).with_context(|| match index.folder(path) {
            Some(_) => format!("{path} is a folder of your index: name the files in it"),
            None => format!("there is no file {path} in your index"),
        })
    }

    /// The read capability of a file.
    pub(crate) async fn link(&self, client: &Client, path: &IndexPath) -> anyhow::Result<Link> {
        let file = self.file(path)?;
        let key = if let Some(salt) = &file.erasable {
            self.keys.get(salt)?.with_context(|| {
            format!("the key of {path} is not on this machine: it is erasable, and only the machine that put it has its key")
        })?
        } else {
            let manifest = client.manifest(&file.object).await?;
            self.account.secret().content_key(&manifest.salt())
        };
        Ok(Link::new(file.object, key))
    }
}

fn refused(error: LocalError) -> anyhow::Error {
    match error {
        LocalError::Held(held) => holds::refusal(&held),
        error => anyhow::Error::new(error).context("cannot write to your index"),
    }
}

/// A path as the user wrote it.
pub(crate) fn parse_path(text: &str) -> anyhow::Result<IndexPath> {
    IndexPath::from_user(text).map_err(|error| Usage::because(format!("{text:?} is no name: {error}")))
}

/// A name is of a file or of a folder: says so where a new file would stand in the place of the other kind.
pub(crate) fn check_kind(index: &AccountIndex, path: &IndexPath) -> anyhow::Result<()> {
    if index.folder(path).is_some() || index.files_in(path).next().is_some() {
        bail!("{path} is a folder of yours; {path}/ puts a file into it");
    }
    let text = path.as_str();
    let above = text.match_indices('/').filter_map(|(at, _)| IndexPath::new(&text[..at]).ok());
    match above.into_iter().find(|above| index.file(above).is_some()) {
        Some(file) => bail!("{file} is a file of yours, so nothing can be called {path}"),
        None => Ok(()),
    }
}

/// The folder of the account's index on this machine. Each network has its own: what lies on one cannot be read, or
/// released, on another.
pub(crate) fn index_folder(globals: &Globals) -> anyhow::Result<PathBuf> {
    let network = Network::id(globals.network.as_deref())?;
    let name = HEXLOWER.encode(&network.as_bytes()[..NETWORK_PREFIX_LEN]);
    Ok(beside(globals.account.as_deref(), "index")?.join(name))
}

/// The folder of keys that no phrase brings back.
pub(crate) fn key_store(globals: &Globals) -> anyhow::Result<KeyStore> {
    Ok(KeyStore::at(beside(globals.account.as_deref(), "keys")?))
}

/// The time on this machine.
pub(crate) fn now() -> UnixSeconds {
    UnixSeconds::from(SystemTime::now())
}

/// What lies beside the account file, with its name and this ending.
pub(crate) fn beside(account: Option<&Path>, ending: &str) -> anyhow::Result<PathBuf> {
    let path = crate::account::path(account)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    if name.is_empty() {
        bail!("{} is no file", path.display());
    }
    name.push(".");
    name.push(ending);
    Ok(path.with_file_name(name))
}
