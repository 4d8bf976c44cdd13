//! Taking a grant from some of its recipients, or from all.

use std::fmt;

use account::Change;
use anyhow::Context as _;
use chunker::Coding;
use client::Client;
use proofs::Cid;
use serde::Serialize;
use sharing::{AccountIndex, EntryName, Facts, GrantedFile, Identity, IndexPath, TrailText, TrailWhat};

use super::seal::Seal;
use super::{Answer, PROVES, Revoke};
use crate::account as account_file;
use crate::arguments::Globals;
use crate::commands::grants::{ANEW, SEAL_ANEW};
use crate::directory::Directory;
use crate::failure::{Outcome, Usage};
use crate::grants::{self, Followed, Given, Version};
use crate::membership::Network;
use crate::names::{Names, now};
use crate::rekey::{Rekeyed, put_again};
use crate::trail::TrailFile;
use crate::{groups, holds, packs};

/// What became of a grant.
#[derive(Debug, Serialize)]
pub(crate) struct GrantRevoked {
    name: String,
    /// From how many it was taken, and how many keep it.
    taken_from: usize,
    left: usize,
    files: Vec<Rekeyed>,
    /// Other grants on the same files, which have got a new version.
    others: Vec<String>,
    /// Those that have not, and why.
    failed: Vec<String>,
    /// What it had sealed at a gateway for emergencies, which has ended for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<Answer>,
    proves: &'static str,
}

/// What is put again, and what for.
struct Work<'a> {
    client: &'a Client,
    coding: Coding,
    globals: &'a Globals,
    given: Given,
    /// The texts of those who keep it.
    left: Vec<String>,
    drop: bool,
}

/// The files of a grant after they were encrypted anew.
#[derive(Default)]
struct PutAgain {
    told: Vec<Rekeyed>,
    /// What was encrypted anew as what.
    anew: Vec<(Cid, Cid)>,
    /// What is to be released of each.
    old: Vec<Vec<Cid>>,
}

impl Revoke {
    /// Revokes the grant that `text` names.
    pub(super) async fn grant(&self, text: &str, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let revoke = async |client: &Client| {
            // Where something of it is missing, that was said; access ends all the same.
            let pulled = names.pull_fresh(client).await;
            if self.drop {
                // What other devices hold has to be known before anything ends: keys are destroyed.
                pulled?;
            }
            let coding = network.usual_coding(client)?;
            let given = Given::find(client, &names, text, globals.output()).await?;
            let from = groups::identities(client, &names, &self.from).await?;
            let has = |who: &Identity| {
                given.note.to.iter().any(|text| grants::is_of(text, std::slice::from_ref(who)))
            };
            if let Some(stranger) = from.iter().find(|who| !has(who)) {
                return Err(Usage::because(format!("{} was not granted to {stranger}", given.path)));
            }
            if self.drop {
                holds::check(names.local.index(), given.files().map(|(_, noted)| noted))?;
            }
            let keeps = |text: &&String| !from.is_empty() && !grants::is_of(text, &from);
            let left = given.note.to.iter().filter(keeps).cloned().collect();
            let work = Work { client, coding, globals, given, left, drop: self.drop };
            let revoked = work.run(&mut names).await?;
            names.push(client, coding).await?;
            Ok(revoked)
        };
        let revoked = network.with_client(Some(payer), revoke).await?;
        let is_over = revoked.is_over();
        globals.output().answer(&revoked)?;
        Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
    }
}

/// Takes a grant from those of its recipients that are named. The index is not pushed.
pub(crate) async fn from_some(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    given: Given,
    from: &[Identity],
    globals: &Globals,
) -> anyhow::Result<GrantRevoked> {
    let left = given.note.to.iter().filter(|text| !grants::is_of(text, from)).cloned().collect();
    // All of a revocation is much to keep in each of those that wait for it.
    Box::pin(Work { client, coding, globals, given, left, drop: false }.run(names)).await
}

/// Fails where the grant itself has to stay as it is. Files that have to stay do, and access to them ends.
pub(crate) fn check_holds(index: &AccountIndex, given: &Given) -> anyhow::Result<()> {
    holds::check(index, [&given.path])
}

impl Work<'_> {
    /// The files first, under new keys; then a version for those who keep it, or the end; then the old objects are released.
    async fn run(mut self, names: &mut Names) -> anyhow::Result<GrantRevoked> {
        check_holds(names.local.index(), &self.given)?;
        if !self.left.is_empty() && !self.given.is_for_emergencies() {
            // Nothing is encrypted anew where the version for those who keep it could not be published.
            grants::check_next(self.client, names, self.globals, &self.given).await?;
        }
        self.check_folders(names)?;
        let sealed = self.end_seal(names).await?;
        let is_over = self.left.is_empty();
        if is_over {
            // Nobody keeps it: whoever asks hears so before anything else is done.
            self.end(names).await?;
        }
        let PutAgain { mut told, anew, old } = self.put_files_again(names).await?;
        if !is_over {
            self.publish(names, &anew).await?;
        }
        let taken_from = self.given.note.to.len() - self.left.len();
        self.note(names, taken_from).await?;
        let followed = grants::move_along(self.client, names, self.coding, self.globals, &anew).await?;
        // The index first: other devices find the new parts before the old ones go, and nobody keeps the old ones alone.
        if names.settle(self.client, self.coding).await? {
            for (file, old) in told.iter_mut().zip(old) {
                file.release(self.client, names, old).await?;
            }
            told.push(self.release_grant(names).await?);
        } else {
            for (file, old) in told.iter_mut().zip(old) {
                file.release_later(names, old)?;
            }
        }
        let (failed, others): (Vec<_>, Vec<_>) = followed.into_iter().partition(|one| one.failed.is_some());
        Ok(GrantRevoked {
            name: self.given.path.to_string(),
            taken_from,
            left: self.left.len(),
            files: told,
            others: others.into_iter().map(|one| one.name).collect(),
            failed: failed.into_iter().map(|one| one.to_string()).collect(),
            sealed,
            proves: PROVES,
        })
    }

    /// Fails where a folder of records could not be encrypted anew, as long as nothing has ended.
    fn check_folders(&self, names: &Names) -> anyhow::Result<()> {
        let index = names.local.index();
        let mut objects = self.given.files().flat_map(|(file, _)| index.paths_of(file.object));
        let has_folder = objects.any(|path| index.file(path).is_some_and(packs::is_folder));
        if has_folder && !self.drop { names.check_fresh() } else { Ok(()) }
    }

    /// Ends what is sealed for emergencies. That ends for all: who has had its link keeps it, and the gateway knows none of them.
    async fn end_seal(&mut self, names: &mut Names) -> anyhow::Result<Option<Answer>> {
        let (client, globals) = (self.client, self.globals);
        let Some(seal) = Seal::of(globals, client, names, &self.given).await? else { return Ok(None) };
        let sealed = seal.end(globals, client, names, self.coding, self.drop).await?;
        if !self.left.is_empty() {
            globals.output().note(format_args!(
                "{} was for emergencies and has ended for all: `headwater grant … --emergency` seals anew for the {} who are to keep it",
                self.given.path,
                self.left.len()
            ));
            self.left.clear();
        }
        // The link alone lies in the index, and has no other use.
        self.drop = true;
        Ok(Some(sealed))
    }

    /// Ends the grant, and takes its name out of the index, so that nothing brings it back.
    async fn end(&self, names: &mut Names) -> anyhow::Result<()> {
        grants::end(self.client, names, &self.given).await?;
        names.local.release_later(self.given.entry.object, now())?;
        let name = EntryName::File(self.given.path.clone());
        names.enter(vec![Change::Gone(name, now())])
    }

    /// Publishes a version for those who keep the grant; where the index has none of its files any more, there is nothing to keep.
    async fn publish(&self, names: &mut Names, anew: &[(Cid, Cid)]) -> anyhow::Result<()> {
        let mut next = Version::after(self.client, names, &self.given, anew).await?;
        if next.files.is_empty() {
            return self.end(names).await;
        }
        next.note.to.clone_from(&self.left);
        let path = self.given.path.clone();
        let published = next.publish(self.client, names, self.coding, self.globals, path).await;
        published.context("no new version of the grant").map(drop)
    }

    /// Where the grant has ended for all, a file that fails is told, and the others go on; else this can be run again.
    async fn put_files_again(&self, names: &mut Names) -> anyhow::Result<PutAgain> {
        let mut all = PutAgain::default();
        for (file, noted) in self.given.files() {
            let mut done = Rekeyed::new(file.name.as_str(), file.object);
            let old = match self.put_file_again(names, file, noted, &mut done).await {
                Ok((old, anew)) => {
                    all.anew.extend(anew.map(|anew| (file.object, anew)));
                    old
                }
                Err(error) if self.left.is_empty() => {
                    done.failed = Some(format!("{error:#}"));
                    Vec::new()
                }
                Err(error) => return Err(error),
            };
            all.told.push(done);
            all.old.push(old);
        }
        Ok(all)
    }

    /// What is to be released of it, and what it was encrypted anew as.
    async fn put_file_again(
        &self,
        names: &mut Names,
        file: &GrantedFile,
        noted: &IndexPath,
        done: &mut Rekeyed,
    ) -> anyhow::Result<(Vec<Cid>, Option<Cid>)> {
        let paths: Vec<_> = names.local.index().paths_of(file.object).cloned().collect();
        if done.stays(names, &paths) {
            return Ok((Vec::new(), None));
        }
        let Some(path) = paths.first() else {
            // Its name stands for something else by now: what was granted is only released.
            let now = names.local.index().file(noted).map(|now| now.object.to_string());
            done.new = now.filter(|_| !self.drop);
            return Ok((vec![file.object], None));
        };
        if self.drop {
            let old = super::objects_of(self.client, names, path).await?;
            super::take_out(self.client, names, self.coding, &paths, &old[1..]).await?;
            return Ok((old, None));
        }
        let again = put_again(self.client, names, self.coding, path).await;
        let again = again.with_context(|| format!("cannot encrypt {path} anew"))?;
        done.new = Some(again.object.to_string());
        Ok((again.old, Some(again.object)))
    }

    /// Releases the version that was revoked.
    async fn release_grant(&self, names: &Names) -> anyhow::Result<Rekeyed> {
        let object = self.given.entry.object;
        let mut done = Rekeyed::new(&self.given.path.to_string(), object);
        done.new = names.local.index().file(&self.given.path).map(|file| file.object.to_string());
        done.release(self.client, names, vec![object]).await?;
        Ok(done)
    }

    async fn note(&self, names: &Names, taken_from: usize) -> anyhow::Result<()> {
        let what = if self.left.is_empty() { TrailWhat::GrantEnded } else { TrailWhat::GrantChanged };
        let (given, all) = (&self.given, self.given.note.to.len());
        let gone: Vec<_> = given.note.to.iter().filter(|text| !self.left.contains(text)).cloned().collect();
        let directory = Directory::read(self.client, names).await;
        let about = format!("{} {}: taken from {taken_from} of {all}", given.path, given.about());
        let facts = Facts {
            about: TrailText::cut(&about),
            who: TrailText::cut(&directory.list(&gone)),
            ..grants::facts(given, what)
        };
        let secret = names.account.secret();
        TrailFile::open(self.globals, secret, self.client.network())?.append(facts)
    }
}

impl GrantRevoked {
    pub(crate) fn is_over(&self) -> bool {
        let is_sealed = self.sealed.as_ref().is_some_and(|sealed| !sealed.is_over());
        !is_sealed && self.failed.is_empty() && self.files.iter().all(Rekeyed::is_over)
    }
}

impl fmt::Display for GrantRevoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: taken from {}, {} keep it", self.name, self.taken_from, self.left)?;
        if let Some(Answer { revoked, reads, files, .. }) = &self.sealed {
            let still = if *revoked { "opens no more" } else { "still opens" };
            write!(f, "what it had sealed at a gateway {still}; {reads}")?;
            files.iter().try_for_each(|file| write!(f, "{file}"))?;
        }
        self.files.iter().try_for_each(|file| write!(f, "{file}"))?;
        for name in &self.others {
            writeln!(f, "{name} opens the same files under their new keys")?;
        }
        for failed in &self.failed {
            writeln!(f, "not done: {failed}")?;
        }
        writeln!(f, "{}", self.proves)
    }
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.lost.is_empty() {
            return write!(f, "{} opens no more {}, {ANEW}", self.name, self.lost.join(", "));
        }
        if !self.changed.is_empty() {
            return write!(
                f,
                "{} was sealed before {} changed: {SEAL_ANEW}",
                self.name,
                self.changed.join(", ")
            );
        }
        match &self.failed {
            Some(why) => write!(f, "{} still opens what it opened before: {why}", self.name),
            None => write!(f, "{} has a new version", self.name),
        }
    }
}
