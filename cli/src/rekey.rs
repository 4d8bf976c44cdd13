//! Putting a file or a folder of records once more under other keys, so that the old ones open nothing that is kept.

use account::Change;
use anyhow::Context as _;
use chunker::{Coding, Padding};
use client::{Client, PutOptions};
use proofs::Cid;
use serde::Serialize;
use sharing::{FileEntry, IndexPath};

use crate::names::{Names, now};
use crate::releases::Released;
use crate::{holds, packs};

/// What was put again, and what has to be released now.
#[derive(Debug)]
pub(crate) struct Anew {
    /// The new address.
    pub(crate) object: Cid,
    /// Objects that no name stands for any more.
    pub(crate) old: Vec<Cid>,
}

/// What is told of one file.
#[derive(Debug, Serialize)]
pub(crate) struct Rekeyed {
    pub(crate) name: String,
    pub(crate) old: String,
    /// The new address; none for what is no longer in the index.
    pub(crate) new: Option<String>,
    /// Leases that nodes say they ended.
    pub(crate) ended: usize,
    /// Nodes that did not confirm, and why.
    pub(crate) unconfirmed: Vec<String>,
    /// Why it is not done.
    pub(crate) failed: Option<String>,
    /// Why it is to stay as it is, with its keys and leases.
    pub(crate) held: Option<String>,
}

/// Puts what has this name once more. The index has it in the place of the old one, under all names that this had.
pub(crate) async fn put_again(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    path: &IndexPath,
) -> anyhow::Result<Anew> {
    let entry = names.file(path)?.clone();
    if packs::is_folder(&entry) {
        let (object, old) = packs::put_again(client, names, coding, path).await?;
        return Ok(Anew { object, old });
    }
    holds::check(names.local.index(), names.local.index().paths_of(entry.object))?;
    let object = client.open(&names.link(client, path).await?).await?;
    let manifest = client.manifest(&entry.object).await?;
    let secrets = packs::secrets(names, entry.erasable.is_some())?;
    let salt = secrets.salt;
    if let Some(before) = &entry.erasable {
        names.keys.take_over(before, &salt)?;
    }
    let options = PutOptions {
        coding: manifest.geometry().coding(),
        padding: Padding::Padme,
        name: object.name().map(str::to_owned),
        media_type: object.media_type().map(str::to_owned),
        expires: entry.until,
        required: manifest.required().clone(),
        secrets,
    };
    let put = client.put(object.reader(), options, |_| ()).await;
    if put.is_err() && entry.erasable.is_some() {
        names.keys.destroy(&salt)?;
    }
    let report = put.context("cannot encrypt it anew")?;
    let erasable = entry.erasable.map(|_| salt);
    let paths: Vec<_> = names.local.index().paths_of(entry.object).cloned().collect();
    let changes = paths.into_iter().map(|path| {
        let known = names.file(&path)?.clone();
        Ok(Change::File(path, FileEntry { object: report.cid, erasable, ..known }))
    });
    let changes = changes.collect::<anyhow::Result<Vec<_>>>()?;
    names.enter(changes)?;
    if let Some(salt) = &entry.erasable {
        names.keys.destroy(salt)?;
    }
    Ok(Anew { object: report.cid, old: vec![entry.object] })
}

impl Rekeyed {
    pub(crate) fn new(name: &str, old: Cid) -> Self {
        Self {
            name: name.to_owned(),
            old: old.to_string(),
            new: None,
            ended: 0,
            unconfirmed: Vec::new(),
            failed: None,
            held: None,
        }
    }

    /// Whether one of the names that it has is held: then it stays as it is.
    pub(crate) fn stays(&mut self, names: &Names, paths: &[IndexPath]) -> bool {
        self.held = holds::check(names.local.index(), paths).err().map(|error| error.to_string());
        self.held.is_some()
    }

    /// Has the leases of old objects ended, and notes what each node says.
    pub(crate) async fn release(
        &mut self,
        client: &Client,
        names: &Names,
        old: Vec<Cid>,
    ) -> anyhow::Result<()> {
        let waiting = names.local.waiting_packs()?;
        let (packs, others): (Vec<_>, Vec<_>) = old.into_iter().partition(|object| waiting.contains(object));
        let others = packs::release(client, names, others).await?;
        let said = packs::release_unnamed(client, names).await?.of(&packs).and(others);
        self.take(said);
        Ok(())
    }

    /// Writes down that old objects are to be released, by later commands.
    pub(crate) fn release_later(&mut self, names: &Names, old: Vec<Cid>) -> anyhow::Result<()> {
        let waiting = names.local.waiting_packs()?;
        let others = old.into_iter().filter(|object| !waiting.contains(object));
        names.local.release_all_later(others, now())?;
        let why = "the leases of its old parts end once your index is on the network";
        self.failed.get_or_insert_with(|| why.to_owned());
        Ok(())
    }

    /// Notes what nodes said.
    pub(crate) fn take(&mut self, said: Released) {
        self.ended += said.ended;
        self.unconfirmed.extend(said.unconfirmed());
        self.failed = self.failed.take().or(said.later);
    }

    /// Whether nothing is left to be done.
    pub(crate) const fn is_over(&self) -> bool {
        self.failed.is_none() && self.unconfirmed.is_empty()
    }
}

impl std::fmt::Display for Rekeyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(why) = &self.held {
            return writeln!(
                f,
                "{}: not encrypted anew: {why}; a key that somebody kept opens it until it is",
                self.name
            );
        }
        let new = self.new.as_ref().map_or(String::new(), |new| format!(", encrypted anew as {new}"));
        writeln!(f, "{}: {} leases of the old parts ended{new}", self.name, self.ended)?;
        for line in self.unconfirmed.iter().chain(&self.failed) {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}
