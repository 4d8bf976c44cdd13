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

/// The pointer by which an owner has ended a grant, where any node has it.
pub(super) async fn known_end(client: &Client, link: &GrantLink) -> Option<Signed<Pointer>> {
    let mut read = client.pointers(link.series(), PATIENCE).await;
    let newest = read.slots.remove(&link.slot())?.into_iter().next()?;
    newest.body().value.as_bytes().is_empty().then_some(newest)
}

/// The number of the version that follows `known`, the newest one of a grant of the account that this machine has. Fails where nodes know
/// a later one, or its end, and where too few of them answer to tell: then another device has taken it from somebody, perhaps.
pub(super) async fn next_seq(
    client: &Client,
    link: &GrantLink,
    known: Sequence,
    tried: &Tried,
) -> anyhow::Result<Sequence> {
    let read = client.pointers(link.series(), PATIENCE).await;
    if !read.has_quorum() {
        bail!(
            "{} of the {} nodes that know which version of the grant is the newest answered, {} are needed to publish the next one",
            read.answered.len(),
            read.quorum.copies(),
            read.quorum.read()
        );
    }
    let newest = read.slots.get(&link.slot()).and_then(|versions| versions.first());
    let newest = newest.map(|pointer| (pointer.body().seq, pointer.body().value.as_bytes().is_empty()));
    Ok(after(known, newest, tried.0.read()?)?)
}

/// Why this machine must not publish a version of a grant.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Outdated {
    #[error("the grant has ended: another device of yours has revoked it")]
    Ended,
    #[error(
        "another device of yours has published version {newest} of the grant, and your index has version {known}: run this again when that \
         device has written to the index; where it is lost, revoke the grant for all, and grant anew"
    )]
    Later { newest: Sequence, known: Sequence },
}

/// What follows `known`, where nodes have `newest`, and whether that is an end. This machine may have `tried` to publish a version itself.
fn after(
    known: Sequence,
    newest: Option<(Sequence, bool)>,
    tried: Option<Sequence>,
) -> Result<Sequence, Outdated> {
    match newest {
        Some((_, true)) => Err(Outdated::Ended),
        Some((newest, _)) if newest > known && tried != Some(newest) => {
            Err(Outdated::Later { newest, known })
        }
        Some((newest, _)) => Ok(newest.max(known).next()),
        None => Ok(known.next()),
    }
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

/// Which version of a grant was opened on this machine last.
#[derive(Debug)]
pub(crate) struct Seen(Remembered);

/// Which version of a grant of the account this machine was the last to publish, whether or not that was finished.
#[derive(Debug)]
pub(super) struct Tried(Remembered);

/// A version of a grant in a file beside the account.
#[derive(Debug)]
struct Remembered {
    path: PathBuf,
}

impl Seen {
    pub(crate) fn of(globals: &Globals, link: &GrantLink) -> anyhow::Result<Self> {
        let slot = if link.slot() == GRANT_SLOT { String::new() } else { format!("-{}", link.slot()) };
        Ok(Self(Remembered::of(globals, link, &slot)?))
    }

    /// Fails for a version older than one that was opened here.
    pub(crate) fn check(&self, seq: Sequence) -> anyhow::Result<()> {
        match self.0.read()? {
            Some(seen) if seen > seq => bail!(
                "version {seen} of this grant was opened here before, and the nodes that answer know version {seq} only: they \
                 withhold the newer one, or have lost it"
            ),
            _ => Ok(()),
        }
    }

    /// Remembers a version that was opened.
    pub(crate) fn keep(&self, seq: Sequence) -> anyhow::Result<()> {
        self.0.keep(seq)
    }
}

impl Tried {
    pub(super) fn of(globals: &Globals, link: &GrantLink) -> anyhow::Result<Self> {
        Ok(Self(Remembered::of(globals, link, "-published")?))
    }

    /// Remembers a version, before any node hears of it.
    pub(super) fn keep(&self, seq: Sequence) -> anyhow::Result<()> {
        self.0.keep(seq)
    }
}

impl Remembered {
    fn of(globals: &Globals, link: &GrantLink, ending: &str) -> anyhow::Result<Self> {
        let folder = names::beside(globals.account.as_deref(), "granted")?;
        let series = HEXLOWER.encode(link.series().as_bytes());
        Ok(Self { path: folder.join(format!("{series}{ending}")) })
    }

    fn read(&self) -> anyhow::Result<Option<Sequence>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(text.trim().parse().ok().map(Sequence::new)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", self.path.display())),
        }
    }

    fn keep(&self, seq: Sequence) -> anyhow::Result<()> {
        let write = || {
            fs::create_dir_all(self.path.parent().expect("it lies in a folder"))?;
            folders::write_privately(&self.path, seq.to_string().as_bytes())?;
            folders::sync_folder_of(&self.path)
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_published_over_what_another_device_has_published_or_ended() {
        let seq = Sequence::new;
        let next = |known, newest: Option<(u64, bool)>, tried: Option<u64>| {
            after(seq(known), newest.map(|(number, ended)| (seq(number), ended)), tried.map(seq))
        };
        assert_eq!(next(3, Some((3, false)), None), Ok(seq(4)));
        assert_eq!(next(3, None, None), Ok(seq(4)));
        let later = Outdated::Later { newest: seq(4), known: seq(3) };
        assert_eq!(next(3, Some((4, false)), None), Err(later));
        let later = Outdated::Later { newest: seq(5), known: seq(3) };
        assert_eq!(next(3, Some((5, false)), Some(4)), Err(later));
        assert_eq!(next(3, Some((4, true)), Some(4)), Err(Outdated::Ended));
        assert_eq!(next(3, Some((u64::MAX, true)), None), Err(Outdated::Ended));
        // What this machine has begun itself, it goes on with; and so it does where nodes are behind its index.
        assert_eq!(next(3, Some((4, false)), Some(4)), Ok(seq(5)));
        assert_eq!(next(3, Some((2, false)), None), Ok(seq(4)));
    }
}
