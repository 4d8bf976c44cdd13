//! Changing a folder of records: a new catalogue in the place of the old one, and the old objects released.

use std::collections::{HashMap, HashSet};

use account::{Account, Change, PackPut, Packed, RecordFolder, Released as Answer, release_now};
use anyhow::{Context, bail};
use chunker::{Coding, Link};
use client::{Client, ObjectSecrets, PutReport};
use futures_util::TryStreamExt as _;
use proofs::Cid;
use protocol::UnixSeconds;
use sharing::{
    AccountIndex, CATALOGUE_TYPE, Catalogue, FileEntry, HeaderFields, IndexPath, MediaType, PackRef,
};

use crate::names::{Names, check_kind, now};
use crate::releases::Released;
use crate::{failure, holds};

/// A folder of records under its name.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: IndexPath,
    /// What the index has under the name now; none when the folder is new.
    pub(crate) file: Option<FileEntry>,
    /// Its packs, from the oldest to the newest.
    pub(crate) packs: Vec<PackRef>,
    /// The catalogue that it has now.
    pub(super) before: Catalogue,
    /// What is entered together with it.
    pub(super) along: Vec<Change>,
    takes: Takes,
}

/// What the new catalogue of a folder takes away.
#[derive(Debug)]
enum Takes {
    /// All records: they are written anew under other keys.
    All,
    /// These records, by their whole paths.
    Records(Vec<IndexPath>),
}

/// What was written.
#[derive(Debug)]
pub(crate) struct Written {
    /// The catalogue as it was put.
    pub(crate) catalogue: PutReport,
    /// The catalogue that the folder has: another one where what a second device has written meanwhile was added.
    pub(crate) cid: Cid,
    pub(crate) link: Link,
    /// Whether the network's index knows of it already.
    pub(crate) pushed: bool,
}

impl Folder {
    /// A folder that has nothing yet.
    pub(crate) fn new(path: IndexPath) -> Self {
        let takes = Takes::Records(Vec::new());
        Self { path, file: None, packs: Vec::new(), before: Catalogue::default(), along: Vec::new(), takes }
    }

    /// The folder of records that has this name in the index.
    pub(crate) async fn open(
        client: &Client,
        names: &Names,
        path: &IndexPath,
    ) -> anyhow::Result<(Self, RecordFolder)> {
        let file = names.file(path)?.clone();
        if !super::is_folder(&file) {
            bail!("{path} is a file of yours, and no folder of records");
        }
        let opened = super::open(client, &names.link(client, path).await?).await?;
        let before = opened.catalogue().clone();
        let packs = before.packs().to_vec();
        Ok((Self { file: Some(file), packs, before, ..Self::new(path.clone()) }, opened))
    }

    /// The folder of records that has this name in the index, or a new one where nothing has.
    pub(crate) async fn open_or_new(
        client: &Client,
        names: &Names,
        path: &IndexPath,
    ) -> anyhow::Result<Self> {
        if names.local.index().file(path).is_some() {
            return Ok(Self::open(client, names, path).await?.0);
        }
        check_kind(names.local.index(), path)?;
        Ok(Self::new(path.clone()))
    }

    /// Adds packs behind those that it has. Where that fails, they are released.
    pub(crate) async fn add(
        &mut self,
        client: &Client,
        names: &Names,
        packs: Vec<PackRef>,
    ) -> anyhow::Result<()> {
        match self.held_records_in(client, names.local.index(), &packs).await {
            Ok(taken) => {
                self.packs.extend(packs);
                self.takes(&taken);
                Ok(())
            }
            Err(error) => {
                release(client, names, packs.iter().map(PackRef::object)).await?;
                Err(error)
            }
        }
    }

    /// Says which of its records are not in the packs any more, or hidden by others.
    pub(crate) fn takes<'a>(&mut self, records: impl IntoIterator<Item = &'a IndexPath>) {
        // What is too long to be a path is in the folder all the same.
        let path = |record: &IndexPath| self.path.join(record.as_str()).unwrap_or(self.path.clone());
        self.takes = Takes::Records(records.into_iter().map(path).collect());
    }

    /// The records that are held and of which new packs have others with the same names. Where nothing is held, nothing is read.
    async fn held_records_in(
        &self,
        client: &Client,
        index: &AccountIndex,
        new: &[PackRef],
    ) -> anyhow::Result<HashSet<IndexPath>> {
        let mut both = HashSet::new();
        if index.hold_over(&self.path, now()).is_none() {
            return Ok(both);
        }
        let added = names_in(client, new).await?;
        let (first, last) = (added.iter().min(), added.iter().max());
        let may_have = |pack: &&PackRef| {
            first.is_some_and(|first| first <= pack.last()) && last.is_some_and(|last| pack.first() <= last)
        };
        let known: Vec<_> = self.packs.iter().filter(may_have).cloned().collect();
        both.extend(names_in(client, &known).await?.intersection(&added).cloned());
        Ok(both)
    }

    /// Puts a catalogue of its packs, and enters it into the index in the place of the old one, which is released. Where that
    /// does not come to be, the `new` packs are.
    pub(crate) async fn write(
        self,
        put: &PackPut<'_>,
        names: &mut Names,
        index_coding: Coding,
        erasable: bool,
        new: Vec<Cid>,
    ) -> anyhow::Result<Written> {
        let path = self.path.clone();
        let (old, taken) = (self.file.clone(), self.takes.paths(&path));
        let catalogue = self.place(put, names, erasable, new.clone()).await?;
        if let Some(old) = old {
            // Until nobody can have come to hold what goes, all of it stays as it was.
            if !taken.is_empty()
                && let Err(error) = names.settle_unheld(put.client, index_coding, &taken).await
            {
                return Err(take_back(put.client, names, &path, &old, &catalogue, new, error).await?);
            }
            names.replaced(&old)?;
        }
        let pushed = names.sync(put.client, index_coding).await?;
        let (mut cid, mut link) = (catalogue.cid, catalogue.link.clone());
        let index = names.local.index();
        let is_named = index.paths_of(cid).next().is_some();
        if let Some(file) = index.file(&path).filter(|_| !is_named) {
            (cid, link) = (file.object, names.link(put.client, &path).await?);
        }
        Ok(Written { catalogue, cid, link, pushed })
    }

    /// The same, but that the index is not pushed, and what it replaces stays until [`Names::replaced`] ends it.
    pub(super) async fn place(
        self,
        put: &PackPut<'_>,
        names: &mut Names,
        erasable: bool,
        new: Vec<Cid>,
    ) -> anyhow::Result<PutReport> {
        if let Err(error) = self.check(names.local.index()) {
            release(put.client, names, new).await?;
            return Err(error);
        }
        let catalogue = self.before.after(self.packs).context("too many packs: put the folder anew")?;
        let secrets = secrets(names, erasable)?;
        let salt = secrets.salt;
        let put_catalogue = put.put_catalogue(&catalogue, Some(self.path.file_name()), secrets).await;
        let report = match put_catalogue {
            Ok(report) => report,
            Err(error) => {
                if erasable {
                    names.keys.destroy(&salt)?;
                }
                release(put.client, names, new).await?;
                return Err(error.into());
            }
        };
        let file = FileEntry {
            object: report.cid,
            len: report.size,
            media_type: Some(MediaType::new(CATALOGUE_TYPE).expect("a constant")),
            created: self.file.as_ref().map_or_else(now, |file| file.created),
            modified: now(),
            until: catalogue.until().map_or(put.until, |until: UnixSeconds| until.min(put.until)),
            erasable: erasable.then_some(salt),
            headers: HeaderFields::default(),
        };
        if let Some(old) = &self.file {
            if let (Some(before), true) = (&old.erasable, erasable) {
                names.keys.take_over(before, &salt)?;
            }
            names.will_be_replaced(old)?;
        }
        let mut changes = vec![match self.takes {
            Takes::All => Change::File(self.path, file),
            Takes::Records(taken) => Change::Records { path: self.path, file, taken },
        }];
        changes.extend(self.along);
        names.enter(changes)?;
        Ok(report)
    }

    /// Fails where the new catalogue would take away what is held.
    pub(super) fn check(&self, index: &AccountIndex) -> anyhow::Result<()> {
        match &self.takes {
            Takes::All => holds::check_replaced(index, &self.path),
            Takes::Records(taken) => holds::check(index, taken),
        }
    }
}

impl Takes {
    /// What goes from the folder with this path: all of it, or some records.
    fn paths(&self, folder: &IndexPath) -> Vec<IndexPath> {
        match self {
            Self::All => vec![folder.clone()],
            Self::Records(taken) => taken.clone(),
        }
    }
}

/// Gives a folder its old catalogue back, and releases the new one and the `new` packs. Gives the error that is the reason.
async fn take_back(
    client: &Client,
    names: &mut Names,
    path: &IndexPath,
    old: &FileEntry,
    catalogue: &PutReport,
    new: Vec<Cid>,
    why: anyhow::Error,
) -> anyhow::Result<anyhow::Error> {
    let placed = names.local.index().file(path).filter(|file| file.object == catalogue.cid).cloned();
    if let Some(placed) = placed {
        names.enter(vec![Change::Back(path.clone(), old.clone())])?;
        if let Some(salt) = &placed.erasable {
            names.keys.destroy(salt)?;
        }
        release(client, names, new.into_iter().chain([catalogue.cid])).await?;
    }
    Ok(why.context(format!("{path} is as it was")))
}

/// The names of all records in these packs.
pub(super) async fn names_in(client: &Client, packs: &[PackRef]) -> anyhow::Result<HashSet<IndexPath>> {
    let folder = RecordFolder::of(client, Catalogue::new(packs.to_vec())?);
    let mut names = HashSet::new();
    for number in 0..packs.len() {
        names.extend(folder.entries(number).await?.into_iter().map(|(name, _)| name));
    }
    Ok(names)
}

/// Writes every pack of a folder once more under new keys, and a catalogue of them in the place of the old one. Gives the new
/// catalogue, and what is to be released now: the old one, and its packs but for those that other folders have.
pub(crate) async fn put_again(
    client: &Client,
    names: &mut Names,
    index_coding: Coding,
    path: &IndexPath,
) -> anyhow::Result<(Cid, Vec<Cid>)> {
    let (mut folder, opened) = Folder::open(client, names, path).await?;
    folder.takes = Takes::All;
    folder.check(names.local.index())?;
    names.check_fresh()?;
    let file = folder.file.clone().context("it was found by its name")?;
    let account = names.account.clone();
    let kept = packs_of_others(client, names, &[path]).await?;
    let mut packed = Packed::default();
    for (number, pack) in folder.packs.iter().enumerate() {
        let put = as_put(client, &account, pack.object(), pack.until()).await?;
        let records = opened.records(number, opened.entries(number).await?).await?.map_err(Into::into);
        if let Err(error) = put.put(records, &mut packed, |_| {}).await {
            release(client, names, packed.packs.iter().map(PackRef::object)).await?;
            return Err(error).context("cannot write its packs again");
        }
    }
    let new = packed.packs.iter().map(PackRef::object).collect();
    let replaced = std::mem::replace(&mut folder.packs, packed.packs);
    let mut old: Vec<_> = replaced.iter().map(PackRef::object).collect();
    old.retain(|object| !kept.contains(object));
    let put = as_put(client, &account, file.object, file.until).await?;
    // Written down before the index changes, should this be interrupted then.
    names.local.release_packs_later(old.iter().copied(), now())?;
    let written = folder.write(&put, names, index_coding, file.erasable.is_some(), new).await?;
    if names.local.index().paths_of(file.object).next().is_none() {
        old.push(file.object);
    }
    Ok((written.cid, old))
}

/// As an object of a folder was put, so is what takes its place.
pub(crate) async fn as_put<'a>(
    client: &'a Client,
    account: &'a Account,
    object: Cid,
    until: UnixSeconds,
) -> anyhow::Result<PackPut<'a>> {
    let manifest = client.manifest(&object).await?;
    let coding = manifest.geometry().coding();
    Ok(PackPut { client, account, coding, required: manifest.required().clone(), until })
}

/// Whether it is certain that no node has this object any more.
pub(crate) async fn is_gone(client: &Client, object: Cid) -> bool {
    client.manifest(&object).await.is_err_and(|error| error.is_definite())
}

/// The packs that other folders of records have: they stay whatever becomes of this one.
pub(crate) async fn packs_of_others(
    client: &Client,
    names: &Names,
    except: &[&IndexPath],
) -> anyhow::Result<HashSet<Cid>> {
    let others: Vec<_> = names
        .local
        .index()
        .files()
        .filter(|(path, file)| super::is_folder(file) && !except.contains(path))
        .map(|(path, _)| path.clone())
        .collect();
    let mut packs = HashSet::new();
    for path in others {
        match Folder::open(client, names, &path).await {
            Ok((folder, _)) => packs.extend(folder.packs.iter().map(PackRef::object)),
            // Another device has removed it, or brought it together with another one: nobody finds packs through it any more.
            Err(_) if is_gone(client, names.file(&path)?.object).await => {}
            Err(error) => {
                return Err(error.context(format!("cannot see whether {path} has the same packs")));
            }
        }
    }
    Ok(packs)
}

/// What became of packs that were to be released once no catalogue names them.
#[derive(Debug, Default)]
pub(crate) struct Unnamed {
    answers: HashMap<Cid, Answer>,
    /// Why it cannot be said yet which catalogues name them.
    later: Option<String>,
}

/// Releases the packs that wait for it and that no catalogue names. What other devices have written has to be known for that.
pub(crate) async fn release_unnamed(client: &Client, names: &Names) -> anyhow::Result<Unnamed> {
    let mut unnamed = Unnamed::default();
    if names.local.waiting_packs()?.is_empty() {
        return Ok(unnamed);
    }
    if !names.is_fresh {
        unnamed.later = Some("too few nodes have said what your other devices have written".to_owned());
        return Ok(unnamed);
    }
    let kept = match packs_of_others(client, names, &[]).await {
        Ok(kept) => kept,
        Err(error) => {
            unnamed.later = Some(failure::one_line(&error));
            return Ok(unnamed);
        }
    };
    for pack in names.local.decide_packs(&kept, now())? {
        let answer = release_now(client, &names.account, &names.local, pack).await?;
        unnamed.answers.insert(pack, answer);
    }
    Ok(unnamed)
}

impl Unnamed {
    /// What was said of these packs. One that another folder has stays as it is.
    pub(crate) fn of(&mut self, packs: &[Cid]) -> Released {
        let mut said = Released::default();
        if !packs.is_empty() {
            said.later =
                self.later.as_ref().map(|why| format!("its packs are released by later commands: {why}"));
        }
        for answer in packs.iter().filter_map(|pack| self.answers.remove(pack)) {
            said.take(answer);
        }
        said
    }
}

/// Has the leases of objects ended, now as far as nodes answer, or by later commands.
pub(crate) async fn release(
    client: &Client,
    names: &Names,
    objects: impl IntoIterator<Item = Cid>,
) -> anyhow::Result<Released> {
    let objects: Vec<_> = objects.into_iter().collect();
    names.local.release_all_later(objects.iter().copied(), now())?;
    let mut said = Released::default();
    for object in objects {
        said.take(release_now(client, &names.account, &names.local, object).await?);
    }
    Ok(said)
}

/// Keys of a new object. Those that nothing brings back are kept before they are used.
pub(crate) fn secrets(names: &Names, erasable: bool) -> anyhow::Result<ObjectSecrets> {
    if !erasable {
        return Ok(names.account.new_secrets());
    }
    let secrets = names.account.new_erasable_secrets();
    // Should it never come to be in the index, nobody needs its key.
    names.local.destroy_key_later(&secrets.salt, [])?;
    names.keys.keep(&secrets.salt, &secrets.content_key).context("cannot keep its key")?;
    Ok(secrets)
}
