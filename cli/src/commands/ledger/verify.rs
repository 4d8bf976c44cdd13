//! `headwater ledger verify`: computes a ledger's whole log again, from nothing.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use ledger::tlog::{Bundle, Checkpoint, Frontier, Policy, SignedNote, TILE_WIDTH, TreeHash};
use ledger::{LogAudit, LogEntry, Terms, Unit};
use serde::{Deserialize, Serialize};

use super::At;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::folders::write_atomically;
use crate::ledger_api::{LedgerApi, parse_key};

/// Check a ledger's whole log from nothing: signatures, append-only, and every settlement
///
/// Downloads every entry, computes the root, every split, total and payout again, and compares. What you have verified before
/// is remembered in --state: a ledger that has changed it since is found out. Name the policy that you trust in --policy;
/// without it the ledger's own key and witnesses are believed.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger verify --ledger http://127.0.0.1:8700
  headwater ledger verify --ledger https://ledger.example --policy mine.policy --state ledger.example.seen")]
pub(super) struct Verify {
    #[command(flatten)]
    at: At,

    /// Which log and which witnesses you trust: a file in the format tlog-policy of C2SP [default: what the ledger says]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Where it is remembered what was verified
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

/// What was verified before.
#[derive(Debug, Deserialize, Serialize)]
struct Seen {
    origin: String,
    size: u64,
    root: TreeHash,
}

/// A page, and where in the log it stands.
#[derive(Debug, Serialize)]
struct Page {
    index: u64,
    hash: String,
    name: String,
}

#[derive(Serialize)]
struct Answer {
    origin: String,
    size: u64,
    root: String,
    /// How many witnesses of the policy, who are not the log itself, have cosigned.
    witnesses: usize,
    /// The last epoch that is settled.
    epoch: Option<u64>,
    /// How far it was verified before.
    before: Option<u64>,
    /// The pages that the log vouches for, the newest last.
    pages: Vec<Page>,
}

impl Verify {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let ledger = self.at.connect().await?;
        let policy = match &self.policy {
            Some(path) => {
                fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
            }
            None => String::from_utf8(ledger.bytes("log/policy").await?)?,
        };
        let note = SignedNote::decode(&ledger.bytes("log/checkpoint").await?)?;
        let accepted = Policy::parse(&policy)?.accept(&note).context("the checkpoint does not count")?;
        let seen = self.state.as_deref().map(read_seen).transpose()?.flatten();
        let audit = Check::new(terms(&ledger)?, seen).all(&ledger, &accepted.checkpoint).await?;
        let Checkpoint { origin, size, root } = accepted.checkpoint;
        if let Some(path) = &self.state {
            let seen = Seen { origin: origin.to_string(), size, root };
            write_atomically(path, &serde_json::to_vec(&seen)?)?;
        }
        globals.output().answer(&Answer {
            origin: origin.to_string(),
            size,
            root: root.to_string(),
            witnesses: accepted.witnessed_by,
            epoch: audit.audit.settled().map(|(epoch, _)| epoch.get()),
            before: audit.seen.map(|seen| seen.size),
            pages: audit.pages,
        })?;
        Ok(Outcome::Complete)
    }
}

/// A log as far as it was read.
struct Check {
    terms: Terms,
    audit: LogAudit,
    tree: Frontier,
    seen: Option<Seen>,
    pages: Vec<Page>,
}

impl Check {
    fn new(terms: Terms, seen: Option<Seen>) -> Self {
        Self {
            audit: LogAudit::new(terms.clone()),
            terms,
            tree: Frontier::default(),
            seen,
            pages: Vec::new(),
        }
    }

    /// Reads every entry of the log that this checkpoint is about.
    async fn all(mut self, ledger: &LedgerApi, checkpoint: &Checkpoint) -> anyhow::Result<Self> {
        if let Some(seen) = self.seen.as_ref().filter(|seen| seen.origin != checkpoint.origin.as_str()) {
            bail!("{} was verified before, this is {}", seen.origin, checkpoint.origin);
        }
        let mut at = 0;
        self.compare()?;
        while let Some(bundle) = Bundle::of(at, checkpoint.size) {
            let file = ledger.bytes(&format!("log/{}", bundle.path())).await?;
            for entry in bundle.decode(&file).with_context(|| bundle.path())? {
                let number = self.tree.size();
                self.tree.push(entry.as_bytes());
                let entry = LogEntry::decode(entry.as_bytes(), &self.terms.signed_for());
                let taken = entry.map_err(anyhow::Error::from).and_then(|entry| self.take(number, &entry));
                taken.with_context(|| format!("entry {number} of the log"))?;
                self.compare()?;
            }
            at += TILE_WIDTH;
        }
        if self.tree.root() != checkpoint.root {
            bail!("the entries do not lead to the root of the checkpoint");
        }
        if let Some(seen) = self.seen.as_ref().filter(|seen| seen.size > checkpoint.size) {
            bail!("{} entries were verified before, now there are {}", seen.size, checkpoint.size);
        }
        Ok(self)
    }

    fn take(&mut self, index: u64, entry: &LogEntry) -> anyhow::Result<()> {
        if let LogEntry::Page(page) = entry {
            let (hash, name) = (page.hash.to_string(), page.name.to_string());
            self.pages.push(Page { index, hash, name });
        }
        Ok(self.audit.take(entry)?)
    }

    /// What was verified before is the beginning of what is there now.
    fn compare(&self) -> anyhow::Result<()> {
        match &self.seen {
            Some(seen) if seen.size == self.tree.size() && seen.root != self.tree.root() => {
                bail!("the first {} entries are not those that were verified before", seen.size)
            }
            _ => Ok(()),
        }
    }
}

fn read_seen(path: &Path) -> anyhow::Result<Option<Seen>> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("{} is no state", path.display()))?))
}

fn terms(ledger: &LedgerApi) -> anyhow::Result<Terms> {
    let said = ledger.terms();
    Ok(Terms {
        issuer: ledger.issuer()?,
        network: ledger.network()?,
        treasury: parse_key(&said.treasury)?,
        unit: Unit::new(&said.unit)?,
    })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log         {}", self.origin)?;
        writeln!(f, "entries     {}, all of them computed again", self.size)?;
        writeln!(f, "root        {}", self.root)?;
        if let Some(epoch) = self.epoch {
            writeln!(f, "settled     epoch {epoch}")?;
        }
        for Page { index, hash, name } in &self.pages {
            writeln!(f, "page        {hash} {name} (entry {index})")?;
        }
        match self.witnesses {
            0 => writeln!(f, "UNWITNESSED: somebody else may have been shown another log")?,
            witnesses => writeln!(f, "witnesses   {witnesses}")?,
        }
        match self.before {
            Some(before) => writeln!(f, "append-only since {before} entries"),
            None => Ok(()),
        }
    }
}
