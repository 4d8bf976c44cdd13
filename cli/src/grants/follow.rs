//! Versions that are due: grants on files whose names stand for other objects by now.

use chunker::Coding;
use client::Client;
use proofs::Cid;
use sharing::TrailWhat;

use super::{Given, Version, facts};
use crate::arguments::Globals;
use crate::names::{Names, now};
use crate::trail::TrailFile;

/// What became of a grant that follows.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) name: String,
    /// Why it still opens the older files.
    pub(crate) failed: Option<String>,
    /// What it opens no more, since it follows no names.
    pub(crate) lost: Vec<String>,
    /// What it has sealed for emergencies that has changed since.
    pub(crate) changed: Vec<String>,
}

/// Publishes the next version of every grant that is a series and of which a name stands for another object now.
pub(crate) async fn follow(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    globals: &Globals,
) -> anyhow::Result<Vec<Followed>> {
    let due = |given: &Given, names: &Names| given.note.follows && is_behind(given, names);
    publish_where(client, names, coding, globals, &[], due).await
}

impl Followed {
    /// A grant that stays with files which are no more, or with what was sealed before something changed.
    fn left_behind(given: &Given, names: &Names) -> Option<Self> {
        let lost = if given.note.follows { Vec::new() } else { given.lost(names) };
        let changed = super::changed(names, &given.note.sealed);
        let is_behind = !lost.is_empty() || !changed.is_empty();
        is_behind.then(|| Self { name: given.path.to_string(), failed: None, lost, changed })
    }

    /// What came of publishing its next version.
    pub(super) fn published(given: &Given, result: anyhow::Result<()>) -> Self {
        let failed = result.err().map(|error| format!("{error:#}"));
        Self { name: given.path.to_string(), failed, lost: Vec::new(), changed: Vec::new() }
    }
}

/// The same after a command that has changed files, which says what came of it.
pub(crate) async fn publish_next(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    globals: &Globals,
) -> anyhow::Result<()> {
    for followed in follow(client, names, coding, globals).await? {
        globals.output().note(followed);
    }
    Ok(())
}

/// Publishes the next version of every grant on objects that were encrypted anew, old and new: whoever has it keeps access.
pub(crate) async fn move_along(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    globals: &Globals,
    anew: &[(Cid, Cid)],
) -> anyhow::Result<Vec<Followed>> {
    if anew.is_empty() {
        return Ok(Vec::new());
    }
    let is_old = |object: Cid| anew.iter().any(|(old, _)| *old == object);
    let due = |given: &Given, _: &Names| given.opened.files.iter().any(|file| is_old(file.object));
    publish_where(client, names, coding, globals, anew, due).await
}

async fn publish_where(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    globals: &Globals,
    anew: &[(Cid, Cid)],
    is_due: impl Fn(&Given, &Names) -> bool,
) -> anyhow::Result<Vec<Followed>> {
    let (mut followed, mut changed) = (Vec::new(), Vec::new());
    for given in Given::all(client, names, globals.output()).await {
        if given.opened.grant.expires.is_some_and(|at| at <= now()) {
            continue;
        }
        if !is_due(&given, names) {
            // Where files were encrypted anew, all grants on them follow, but for what is sealed.
            let behind = Followed::left_behind(&given, names);
            followed.extend(behind.filter(|behind| anew.is_empty() || !behind.changed.is_empty()));
            continue;
        }
        let next = Version::after(client, names, &given, anew).await;
        let published = match next {
            Ok(next) => next.publish(client, names, coding, globals, given.path.clone()).await.map(drop),
            Err(error) => Err(error),
        };
        if published.is_ok() {
            changed.push(facts(&given, TrailWhat::GrantChanged));
        }
        followed.push(Followed::published(&given, published));
    }
    if !changed.is_empty() {
        TrailFile::open(globals, names.account.secret(), client.network())?.append_with(|_| changed)?;
    }
    Ok(followed)
}

fn is_behind(given: &Given, names: &Names) -> bool {
    let index = names.local.index();
    given.files().any(|(file, noted)| index.file(noted).is_some_and(|now| now.object != file.object))
}
