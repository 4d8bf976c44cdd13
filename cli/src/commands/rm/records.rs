//! Removing records: their packs are written again without them, under new keys, and the old ones released.

use std::collections::BTreeSet;

use account::{Packed, RecordFolder};
use anyhow::{Context, bail};
use chunker::Coding;
use client::Client;
use futures_util::TryStreamExt as _;
use proofs::Cid;
use serde::Serialize;
use sharing::{IndexPath, PackRef};

use crate::names::{Names, now};
use crate::packs::{self, Folder};
use crate::releases::Released;

/// The records of one folder that are to go.
pub(super) struct Removal {
    pub(super) folder: IndexPath,
    pub(super) names: BTreeSet<IndexPath>,
    /// Whether the names are of folders too.
    pub(super) recursive: bool,
}

/// What became of them.
#[derive(Serialize)]
pub(super) struct RemovedRecords {
    /// The folder.
    pub(super) name: String,
    /// The records that are gone.
    pub(super) records: Vec<String>,
    /// The new catalogue and its link. Links to the old one, and to any record of the packs that were written again, read
    /// nothing any more.
    pub(super) cid: String,
    pub(super) link: String,
    /// Packs that were written again.
    pub(super) packs: usize,
    #[serde(flatten)]
    pub(super) said: Released,
    /// Whether the network's index knows of it already.
    pub(super) pushed: bool,
}

/// The packs that have been written again, and what went.
#[derive(Default)]
struct Rewriting {
    /// The number of each in the catalogue, ascending, and what takes its place.
    packs: Vec<(usize, Packed)>,
    gone: BTreeSet<IndexPath>,
}

impl Rewriting {
    fn objects(&self) -> impl Iterator<Item = Cid> {
        self.packs.iter().flat_map(|(_, packed)| &packed.packs).map(PackRef::object)
    }
}

impl Removal {
    /// Removes the records. What held them is released when the index names what is left, and not before.
    pub(super) async fn run(
        &self,
        names: &mut Names,
        client: &Client,
        index_coding: Coding,
    ) -> anyhow::Result<RemovedRecords> {
        let (mut folder, opened) = Folder::open(client, names, &self.folder).await?;
        let file = folder.file.clone().context("it was found by its name")?;
        let account = names.account.clone();
        let put = packs::as_put(client, &account, file.object, file.until).await?;
        let kept = packs::packs_of_others(client, names, &[&self.folder]).await?;
        let mut done = Rewriting::default();
        if let Err(error) = self.rewrite(client, names, &opened, &mut done).await {
            packs::release(client, names, done.objects()).await?;
            return Err(error);
        }
        let new: Vec<_> = done.objects().collect();
        let Rewriting { packs: rewritten, gone } = done;
        let count = rewritten.len();
        let mut old: Vec<_> = rewritten.iter().map(|(number, _)| folder.packs[*number].object()).collect();
        old.retain(|object| !kept.contains(object));
        for (number, packed) in rewritten.into_iter().rev() {
            folder.packs.splice(number..=number, packed.packs);
        }
        folder.takes(&gone);
        let erasable = file.erasable.is_some();
        // Written down before the index changes: a removal that is interrupted then is finished by the next command.
        names.local.release_packs_later(old.iter().copied(), now())?;
        let written = folder.write(&put, names, index_coding, erasable, new).await?;
        let is_gone = names.local.index().paths_of(file.object).next().is_none();
        let catalogue = packs::release(client, names, is_gone.then_some(file.object)).await?;
        let said = packs::release_unnamed(client, names).await?.of(&old).and(catalogue);
        Ok(RemovedRecords {
            name: self.folder.to_string(),
            records: gone.iter().map(ToString::to_string).collect(),
            cid: written.cid.to_string(),
            link: written.link.to_string(),
            packs: count,
            said,
            pushed: written.pushed,
        })
    }

    /// Writes every pack again that has any of the records.
    async fn rewrite(
        &self,
        client: &Client,
        names: &Names,
        folder: &RecordFolder,
        done: &mut Rewriting,
    ) -> anyhow::Result<()> {
        for number in self.packs_with_any(folder).await? {
            let (gone, left): (Vec<_>, Vec<_>) =
                folder.entries(number).await?.into_iter().partition(|(name, _)| self.takes(name));
            done.gone.extend(gone.into_iter().map(|(name, _)| name));
            done.packs.push((number, Packed::default()));
            if left.is_empty() {
                continue;
            }
            let pack = &folder.catalogue().packs()[number];
            let put = packs::as_put(client, &names.account, pack.object(), pack.until()).await?;
            let records = folder.records(number, left).await?.map_err(Into::into);
            let packed = &mut done.packs.last_mut().expect("it was just entered").1;
            put.put(records, packed, |_| {}).await.context("cannot write a pack without it")?;
        }
        Ok(())
    }

    /// The numbers of the packs that have any of them, ascending. Fails before anything is written when a name is not there.
    async fn packs_with_any(&self, folder: &RecordFolder) -> anyhow::Result<BTreeSet<usize>> {
        let mut packs = BTreeSet::new();
        for name in &self.names {
            let with = if self.recursive {
                packs_within(folder, name).await?
            } else {
                folder.packs_with(name).await?
            };
            if with.is_empty() {
                bail!("there is no record {name} in {}", self.folder);
            }
            packs.extend(with);
        }
        Ok(packs)
    }

    fn takes(&self, record: &IndexPath) -> bool {
        self.names.contains(record)
            || (self.recursive && self.names.iter().any(|name| name.within(record).is_some()))
    }
}

/// The numbers of all packs that have a record with this name, or in a folder with it.
async fn packs_within(folder: &RecordFolder, name: &IndexPath) -> anyhow::Result<Vec<usize>> {
    let mut packs = Vec::new();
    for number in 0..folder.catalogue().packs().len() {
        let entries = folder.entries(number).await?;
        if entries.iter().any(|(record, _)| record == name || name.within(record).is_some()) {
            packs.push(number);
        }
    }
    Ok(packs)
}
