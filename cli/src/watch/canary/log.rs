//! The ledger's log as a canary sees it: under checkpoints that follow each other, and without asking about anything of its own.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use ledger::tlog::{
    AcceptedCheckpoint, Bundle, Checkpoint, LogBytes, Policy, ProofError, SignedNote, Subtree, Tile,
    TreeHash, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
use ledger::{LogEntry, Published};
use protocol::{Epoch, UnixSeconds};
use serde::Deserialize;
use tokio::time::sleep;

use super::book::Book;
use crate::ledger_api::LedgerApi;

/// How often a settlement is looked for that is not in the log yet, and after which time each.
const LOOKS_MAX: u32 = 40;
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Most entries of an epoch that are looked through.
const ENTRIES_MAX: u64 = 1 << 21;
/// Most bytes of them, which are in memory together.
const ENTRIES_LEN_MAX: usize = 1 << 30;

/// The log under the newest checkpoint that was seen.
#[derive(Debug)]
pub(super) struct PublicLog<'a> {
    ledger: &'a LedgerApi,
    book: &'a Book,
    /// Each has to take a checkpoint: the key of the log that was remembered, and whom the user trusts.
    policies: Vec<Policy>,
    newest: AcceptedCheckpoint,
    tiles: HashMap<String, Vec<u8>>,
}

/// The ledger shows a log that does not follow from the one that it has shown before.
#[derive(Debug, thiserror::Error)]
#[error("the log of {size} entries does not follow from the one of {before} entries that was shown before")]
pub(super) struct Forked {
    before: u64,
    size: u64,
}

/// An epoch as the log has it.
#[derive(Debug)]
pub(super) struct SettledEpoch {
    /// When it was settled, as the ledger says.
    pub(super) at: UnixSeconds,
    pub(super) published: Published,
}

/// Where in the log a settlement is, as the ledger says to everybody.
#[derive(Deserialize)]
struct Place {
    settled: u64,
    log_first: u64,
    log_summary: u64,
}

impl<'a> PublicLog<'a> {
    /// The log as it is now. It has to follow from the one that was seen the last time.
    pub(super) async fn see(
        ledger: &'a LedgerApi,
        book: &'a Book,
        trusted: Option<&Policy>,
    ) -> anyhow::Result<Self> {
        let policies: Vec<_> =
            [Policy::parse(&book.policy()?)?].into_iter().chain(trusted.cloned()).collect();
        let (note, newest) = newest(ledger, &policies).await?;
        let mut log = Self { ledger, book, policies, newest, tiles: HashMap::new() };
        if let Some(before) = book.seen()? {
            log.check_follows(&before, &note).await?;
        }
        book.see(&note)?;
        Ok(log)
    }

    /// How many witnesses whom the user trusts have cosigned; with 0 others may be shown another log.
    pub(super) const fn witnessed_by(&self) -> usize {
        self.newest.witnessed_by
    }

    /// What the log has of a settled epoch.
    pub(super) async fn epoch(&mut self, epoch: Epoch) -> anyhow::Result<SettledEpoch> {
        let place: Place = self.ledger.get(&format!("v1/settlements/{epoch}")).await?;
        let Place { settled, log_first, log_summary } = place;
        self.wait_for(log_summary).await?;
        if log_summary.checked_sub(log_first).is_none_or(|count| count > ENTRIES_MAX) {
            bail!("epoch {epoch} has entries {log_first} to {log_summary}: more than are looked through");
        }
        let entries = self.entries(log_first, log_summary).await?;
        let summary = entries.last().context("an epoch has a summary")?;
        self.check_included(summary, log_summary).await?;
        let network = self.ledger.signed_for()?;
        let entries = entries.iter().map(|entry| LogEntry::decode(entry.as_bytes(), &network));
        let published = Published::of(entries.collect::<Result<Vec<_>, _>>()?)?;
        if published.summary().epoch != epoch {
            bail!("entry {log_summary} of the log is not the settlement of epoch {epoch}");
        }
        Ok(SettledEpoch { at: UnixSeconds::new(settled), published })
    }

    /// Waits until the log has this entry.
    async fn wait_for(&mut self, index: u64) -> anyhow::Result<()> {
        for _ in 0..LOOKS_MAX {
            if index < self.size() {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
            let before = self.newest.checkpoint.clone();
            let (note, newest) = newest(self.ledger, &self.policies).await?;
            if newest.checkpoint.size <= before.size {
                continue;
            }
            self.newest = newest;
            self.check_follows(&before, &note).await?;
            self.book.see(&note)?;
        }
        bail!("the log has {} entries, and no entry {index} yet", self.size())
    }

    /// The entries from `first` to `last`, which nothing proves yet.
    async fn entries(&self, first: u64, last: u64) -> anyhow::Result<Vec<LogBytes>> {
        let (mut entries, mut next, mut len) = (Vec::new(), first, 0_usize);
        while next <= last {
            let bundle = Bundle::of(next, self.size());
            let bundle = bundle.with_context(|| format!("the log ends before entry {next}"))?;
            let file = self.ledger.bytes(&format!("log/{}", bundle.path())).await?;
            len += file.len();
            if len > ENTRIES_LEN_MAX {
                bail!("entries {first} to {last} of the log have more than {ENTRIES_LEN_MAX} bytes");
            }
            let found = bundle.range().zip(bundle.decode(&file).with_context(|| bundle.path())?);
            let is_wanted = |index| (first..=last).contains(&index);
            entries.extend(found.filter(|(index, _)| is_wanted(*index)).map(|(_, entry)| entry));
            next = bundle.range().end;
        }
        Ok(entries)
    }

    async fn check_included(&mut self, entry: &LogBytes, index: u64) -> anyhow::Result<()> {
        let (size, root) = (self.size(), self.newest.checkpoint.root);
        let path = self.hashes(|hash_of| inclusion_proof(index, size, hash_of)).await?;
        if verify_inclusion(entry.leaf(), index, size, root, &path) {
            Ok(())
        } else {
            bail!("entry {index} is another one than the log's root has")
        }
    }

    /// The newest checkpoint, which is this note, is of a log that begins as the one before.
    async fn check_follows(&mut self, before: &Checkpoint, note: &SignedNote) -> anyhow::Result<()> {
        let now = self.newest.checkpoint.clone();
        // Several services over one journal publish one after the other: a checkpoint from before says nothing.
        if now.size < before.size {
            bail!("the log has {} entries, and had {} before: look again later", now.size, before.size);
        }
        let proof = self.hashes(|hash_of| consistency_proof(before.size, now.size, hash_of)).await?;
        if verify_consistency((before.size, before.root), (now.size, now.root), &proof) {
            return Ok(());
        }
        self.book.keep_fork(note)?;
        Err(Forked { before: before.size, size: now.size }.into())
    }

    fn size(&self) -> u64 {
        self.newest.checkpoint.size
    }

    /// The hashes of a proof, out of tiles that are fetched as it needs them.
    async fn hashes(&mut self, proof: impl Fn(HashOf<'_>) -> Hashes) -> anyhow::Result<Vec<TreeHash>> {
        let size = self.size();
        loop {
            let hash_of = |subtree: Subtree| {
                let tile = Tile::of(subtree, size)?;
                tile.hash_in(self.tiles.get(&tile.path())?, subtree)
            };
            let subtree = match proof(&hash_of) {
                Err(ProofError::NotThere(subtree)) => subtree,
                hashes => return Ok(hashes?),
            };
            let tile = Tile::of(subtree, size).context("a proof needs what the log does not have")?;
            if self.tiles.contains_key(&tile.path()) {
                bail!("{} of the log is damaged", tile.path());
            }
            let bytes = self.ledger.bytes(&format!("log/{}", tile.path())).await?;
            self.tiles.insert(tile.path(), bytes);
        }
    }
}

type HashOf<'a> = &'a dyn Fn(Subtree) -> Option<TreeHash>;
type Hashes = Result<Vec<TreeHash>, ProofError>;

/// The checkpoint that the ledger shows, as the last of the policies sees it.
async fn newest(ledger: &LedgerApi, policies: &[Policy]) -> anyhow::Result<(SignedNote, AcceptedCheckpoint)> {
    let note = SignedNote::decode(&ledger.bytes("log/checkpoint").await?)?;
    let mut accepted = None;
    for policy in policies {
        accepted = Some(policy.accept(&note).context("the checkpoint of the log does not count")?);
    }
    Ok((note, accepted.context("no log is known")?))
}
