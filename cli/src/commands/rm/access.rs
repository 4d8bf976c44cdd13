//! Who can open a file that is to be erased: refused, or ended first, and told in the certificate either way.

use anyhow::{Context, bail};
use chunker::Coding;
use client::{Client, ReleaseReport};
use protocol::{PublicKey, UnixSeconds};
use sharing::{
    CATALOGUE_PACKS_MAX, ERASED_OBJECTS_MAX, ERASURE_GIVEN_MAX, Facts, FileEntry, GrantedFile, Identity,
    IndexPath, KeyGiven, KeyGivenBy, TrailWhat,
};

use crate::arguments::Globals;
use crate::commands::revoke::Seal;
use crate::grants::{self, Found, Given, Version};
use crate::names::{Names, now};
use crate::trail::TrailFile;
use crate::{holds, packs};

/// To whom the key of a file was given, and what of that opens it still.
pub(super) struct Access {
    path: IndexPath,
    file: FileEntry,
    given: Vec<KeyGiven>,
    open: Vec<Given>,
}

/// What is left of it when it has ended.
#[derive(Default)]
pub(super) struct Ended {
    /// To whom the key was given.
    pub(super) given: Vec<KeyGiven>,
    /// What had the key for them, and goes with the file.
    pub(super) along: Vec<(IndexPath, FileEntry)>,
    /// What nodes said of grants that go on without the file.
    pub(super) reports: Vec<ReleaseReport>,
}

impl Access {
    /// Looks through all grants of the account: what was written down beside the key, and what they open now.
    pub(super) async fn of(
        globals: &Globals,
        client: &Client,
        names: &Names,
        path: &IndexPath,
    ) -> anyhow::Result<Self> {
        let file = names.file(path)?.clone();
        let given = file.erasable.map(|salt| names.keys.given(&salt)).transpose()?.unwrap_or_default();
        let mut this = Self { path: path.clone(), file, given, open: Vec::new() };
        let grants = names.local.index().files().filter(|(_, file)| grants::is_grant(file));
        for (name, entry) in grants {
            match Given::at(client, names, name).await {
                Ok(given) if this.is_open_by(&given) => this.open.push(given),
                Ok(_) => {}
                // What no node has opens nothing.
                Err(_) if packs::is_gone(client, entry.object).await => {}
                Err(error) => return Err(error.context(format!("cannot see whether {name} opens {path}"))),
            }
        }
        for given in &this.open {
            note_recipients(globals, client, names, &this.file, given, &mut this.given).await?;
        }
        this.fit(names)?;
        Ok(this)
    }

    /// Has what is to be told fit into a certificate, as long as nothing is done yet.
    fn fit(&mut self, names: &Names) -> anyhow::Result<()> {
        let excess = self.given.len().saturating_sub(ERASURE_GIVEN_MAX);
        if excess > 0 {
            names.note(format_args!(
                "the key of {} was given in {} ways, {excess} more than the certificate can list: it leaves out first what recipients passed on",
                self.path,
                self.given.len()
            ));
            // Delegations stand before the grants, which were written down beside the key.
            self.given.drain(..excess);
        }
        let packs = if packs::is_folder(&self.file) { CATALOGUE_PACKS_MAX } else { 0 };
        let sealed = |given: &Given| given.note.sealed.len() + given.opened.files.len();
        let grants =
            self.open.iter().map(|given| if given.is_for_emergencies() { 1 + sealed(given) } else { 1 });
        let objects = 1 + packs + grants.sum::<usize>();
        if objects > ERASED_OBJECTS_MAX {
            bail!(
                "nothing was done: with what opens {} for others the certificate may have {objects} objects, {ERASED_OBJECTS_MAX} are possible; \
                 end some of these grants first with `headwater revoke`",
                self.path
            );
        }
        Ok(())
    }

    fn is_open_by(&self, given: &Given) -> bool {
        let had_it = self.given.iter().any(|known| known.grant() == given.note.id);
        let is_here = |path: &IndexPath| *path == self.path || self.path.within(path).is_some();
        if given.note.sealed.iter().any(|sealed| sealed.from == self.file.object || is_here(&sealed.name)) {
            return true;
        }
        given.files().any(|(granted, noted)| {
            granted.object == self.file.object || (*noted == self.path && (had_it || given.note.follows))
        })
    }

    /// Whether others can open it still.
    pub(super) const fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Fails where others can open it still: a certificate would be untrue.
    pub(super) fn check_closed(&self) -> anyhow::Result<()> {
        if !self.is_open() {
            return Ok(());
        }
        let ways = self
            .open
            .iter()
            .map(|given| format!("{} ({}), granted to {}", given.path, given.about(), given.note.to.len()));
        bail!(
            "others can open {}, by {}: nothing was done; with --revoke these end first, and the certificate says to whom its key was given",
            self.path,
            ways.collect::<Vec<_>>().join("; ")
        )
    }

    /// Ends all of it. Grants that open nothing else go with the file; others go on without it.
    pub(super) async fn end(
        self,
        globals: &Globals,
        client: &Client,
        names: &mut Names,
        coding: Coding,
    ) -> anyhow::Result<Ended> {
        let Self { path, file, given, open } = self;
        holds::check(names.local.index(), open.iter().map(|given| &given.path))?;
        let mut ended = Ended { given, ..Ended::default() };
        for given in open {
            if let Some(seal) = Seal::of(globals, client, names, &given).await? {
                ended.reports.extend(end_seal(globals, client, names, coding, &given, &seal).await?);
            }
            let is_other =
                |(other, noted): (&GrantedFile, &IndexPath)| other.object != file.object && *noted != path;
            let opens_more = !given.is_for_emergencies() && given.files().any(is_other);
            let facts = if opens_more {
                let reports = without(globals, client, names, coding, &given, &path).await?;
                ended.reports.extend(reports);
                grants::facts(&given, TrailWhat::GrantChanged)
            } else {
                grants::end(client, names, &given)
                    .await
                    .with_context(|| format!("cannot end {}", given.path))?;
                ended.along.push((given.path.clone(), given.entry.clone()));
                grants::facts(&given, TrailWhat::GrantEnded)
            };
            note(globals, client, names, facts)?;
        }
        Ok(ended)
    }
}

/// Writes down to whom a grant gives the key, and to whom it was passed on, as far as nodes tell and the certificate can list them.
async fn note_recipients(
    globals: &Globals,
    client: &Client,
    names: &Names,
    file: &FileEntry,
    given: &Given,
    list: &mut Vec<KeyGiven>,
) -> anyhow::Result<()> {
    let by = if given.is_for_emergencies() { KeyGivenBy::Emergency } else { KeyGivenBy::Grant };
    let signs = |texts: &[String]| {
        let keys = texts.iter().map(|text| Ok(grants::parse(text)?.signs()));
        keys.collect::<anyhow::Result<Vec<_>>>()
    };
    enter(names, given, (given.opened.grant.issued, by), signs(&given.note.to)?, list);
    for below in grants::passed_on(client, names, given, globals.output()).await {
        let (to, unnamed) = match &below.found {
            Found::Seen { seen, .. }
                if !seen.files(&given.opened.files).any(|one| one.object == file.object) =>
            {
                continue;
            }
            Found::Seen { seen, .. } => (seen.to.as_slice(), seen.unnamed),
            Found::Ended => continue,
            Found::Unreadable(_) => ([].as_slice(), 1),
        };
        if unnamed > 0 {
            globals.output().note(format_args!(
                "{} was passed on to others whose names cannot be read: the certificate does not list them",
                given.path
            ));
        }
        if !to.is_empty() {
            let to = to.iter().map(Identity::signs).collect();
            enter(names, given, (now(), KeyGivenBy::Delegation), to, list);
        }
    }
    Ok(())
}

/// Enters recipients into the list; says so where they are more than the certificate can list.
fn enter(
    names: &Names,
    given: &Given,
    (at, by): (UnixSeconds, KeyGivenBy),
    to: Vec<PublicKey>,
    list: &mut Vec<KeyGiven>,
) {
    let count = to.len();
    if KeyGiven::new(at, by, given.note.id, to).and_then(|entry| entry.enter(list)).is_err() {
        names.note(format_args!(
            "the key was given {} to more than the certificate can list: it leaves out {count} of {}",
            by.as_str(),
            given.path
        ));
    }
}

/// Ends what a gateway keeps sealed for emergencies. What nodes said of its link and of copies that were made for it.
async fn end_seal(
    globals: &Globals,
    client: &Client,
    names: &mut Names,
    coding: Coding,
    given: &Given,
    seal: &Seal,
) -> anyhow::Result<Vec<ReleaseReport>> {
    let links = given.opened.files.iter().filter(|file| grants::is_emergency(file)).map(|file| file.object);
    let copies = given.note.sealed.iter().map(|sealed| sealed.object).filter(|object| seal.is_copy(*object));
    let made: Vec<_> = copies.chain(links).collect();
    if !seal.remove(globals, client, names, coding).await? {
        bail!(
            "{} has not confirmed that what {} has sealed there ends: nothing was erased; run this again",
            seal.gateway(),
            given.path
        );
    }
    let index = names.local.index();
    let unnamed = made.into_iter().filter(|object| index.paths_of(*object).next().is_none());
    Ok(packs::release(client, names, unnamed).await?.reports)
}

/// Publishes the next version of a grant without the file. What nodes said of the version that had it.
async fn without(
    globals: &Globals,
    client: &Client,
    names: &mut Names,
    coding: Coding,
    given: &Given,
    path: &IndexPath,
) -> anyhow::Result<Vec<ReleaseReport>> {
    let mut next = Version::after(client, names, given, &[]).await?;
    let places = std::mem::take(&mut next.note.names);
    let kept = places.into_iter().zip(std::mem::take(&mut next.files)).filter(|(place, _)| place != path);
    (next.note.names, next.files) = kept.unzip();
    let published = next.publish(client, names, coding, globals, given.path.clone()).await;
    published.with_context(|| format!("no version of {} without {path}", given.path))?;
    Ok(packs::release(client, names, [given.entry.object]).await?.reports)
}

fn note(globals: &Globals, client: &Client, names: &Names, facts: Facts) -> anyhow::Result<()> {
    TrailFile::open(globals, names.account.secret(), client.network())?.append(facts)
}
