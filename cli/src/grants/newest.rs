//! The newest version of a grant, as far as the nodes that answer know, and never an older one than this machine has seen.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chunker::Link;
use client::Client;
use data_encoding::HEXLOWER;
use protocol::{Pointer, PublicKey, Sequence, Signed, Slot};
use sharing::{GRANT_SLOT, GrantLink, GrantVersion, OpenedDelegation};

use crate::arguments::Globals;
use crate::{folders, names};

/// How long nodes have left once enough of them have said what the newest version is.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// Where a version lies.
#[derive(Debug)]
pub(crate) struct Newest {
    pub(crate) seq: Sequence,
    pub(crate) link: Link,
}

/// Finds the newest version of a grant. Says so where not enough nodes answer to be certain.
pub(crate) async fn newest(client: &Client, link: &GrantLink, globals: &Globals) -> anyhow::Result<Newest> {
    let pointer = pointer(client, link.series(), link.slot(), globals).await?;
    let seq = pointer.body().seq;
    let seen = Seen::of(globals, link)?;
    seen.check(seq)?;
    match GrantVersion::open(&pointer.body().value, link, seq)? {
        GrantVersion::At(link) => Ok(Newest { seq, link }),
        GrantVersion::Ended => bail!("this grant has ended: its owner has revoked it"),
    }
}

/// Fails when a grant above what was passed on has ended, or has a newer version: then it was passed on of that one, or not at all.
pub(crate) async fn check_above(
    client: &Client,
    opened: &OpenedDelegation,
    globals: &Globals,
) -> anyhow::Result<()> {
    for (series, slot, seq) in opened.above() {
        let pointer = pointer(client, series, slot, globals).await?;
        let newest = pointer.body().seq;
        if pointer.body().value.as_bytes().is_empty() {
            bail!("the grant of which this was passed on has ended: it was revoked");
        }
        if newest != seq {
            bail!(
                "this was passed on of version {seq} of a grant that has version {newest} now: whoever has passed it on has to do so again, \
                 if they still may"
            );
        }
    }
    Ok(())
}

/// The greatest version of a grant that any node knows.
pub(crate) async fn latest_seq(client: &Client, link: &GrantLink) -> Option<Sequence> {
    let read = client.pointers(link.series(), PATIENCE).await;
    read.slots.get(&link.slot())?.first().map(|pointer| pointer.body().seq)
}

/// The newest pointer that any node knows. Says so where not enough nodes answer to be certain.
async fn pointer(
    client: &Client,
    series: PublicKey,
    slot: Slot,
    globals: &Globals,
) -> anyhow::Result<Signed<Pointer>> {
    let mut read = client.pointers(series, PATIENCE).await;
    let (answered, copies) = (read.answered.len(), read.quorum.copies());
    if !read.has_quorum() {
        globals.output().note(format_args!(
            "{answered} of the {copies} nodes that know which version of this grant is the newest answered, {} are needed: there may be \
             a newer one",
            read.quorum.read()
        ));
    }
    let versions = read.slots.remove(&slot).unwrap_or_default();
    versions.into_iter().next().with_context(|| {
        format!(
            "no node knows this grant, or its time is over: {answered} of the {copies} that should have answered"
        )
    })
}

/// Which version of a grant was opened on this machine last: a file beside the account.
#[derive(Debug)]
pub(crate) struct Seen {
    path: PathBuf,
}

impl Seen {
    pub(crate) fn of(globals: &Globals, link: &GrantLink) -> anyhow::Result<Self> {
        let folder = names::beside(globals.account.as_deref(), "granted")?;
        let series = HEXLOWER.encode(link.series().as_bytes());
        let name = if link.slot() == GRANT_SLOT { series } else { format!("{series}-{}", link.slot()) };
        Ok(Self { path: folder.join(name) })
    }

    /// Fails for a version older than one that was opened here.
    pub(crate) fn check(&self, seq: Sequence) -> anyhow::Result<()> {
        let seen = match fs::read_to_string(&self.path) {
            Ok(text) => text.trim().parse().ok().map(Sequence::new),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.path.display())),
        };
        match seen {
            Some(seen) if seen > seq => bail!(
                "version {seen} of this grant was opened here before, and the nodes that answer know version {seq} only: they \
                 withhold the newer one, or have lost it"
            ),
            _ => Ok(()),
        }
    }

    /// Remembers a version that was opened.
    pub(crate) fn keep(&self, seq: Sequence) -> anyhow::Result<()> {
        let write = || {
            fs::create_dir_all(self.path.parent().expect("it lies in a folder"))?;
            folders::write_privately(&self.path, seq.to_string().as_bytes())
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }
}
