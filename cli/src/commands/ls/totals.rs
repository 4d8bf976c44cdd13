//! How much is in folders of records: their catalogues say it.

use std::collections::HashMap;

use client::Client;
use futures_util::{StreamExt as _, stream};
use proofs::Cid;
use sharing::{FileEntry, IndexPath, PackRef};

use crate::names::Names;
use crate::packs;

/// Catalogues that are read for one list; of the others nothing is said.
const CATALOGUES_MAX: usize = 256;
/// Catalogues that are read at the same time.
const READ_AT_ONCE: usize = 8;

/// What is known of folders of records, by their catalogues.
#[derive(Debug, Default)]
pub(super) struct Totals {
    known: HashMap<Cid, Total>,
}

/// How much is in one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Total {
    pub(super) records: u64,
    /// Of the records together.
    pub(super) bytes: u64,
}

impl Totals {
    /// Of the folders of records in a folder, or in all of them. What cannot be read is left out.
    pub(super) async fn read(client: &Client, names: &Names, folder: Option<&IndexPath>) -> Self {
        let is_in = |path: &IndexPath| folder.is_none_or(|folder| folder.within(path).is_some());
        let all = names.local.index().files().filter(|(path, file)| packs::is_folder(file) && is_in(path));
        let chosen: Vec<_> =
            all.take(CATALOGUES_MAX).map(|(path, file)| (path.clone(), file.object)).collect();
        let read = stream::iter(chosen)
            .map(
                |(path, object)| async move { Some((object, Total::read(client, names, &path).await.ok()?)) },
            )
            .buffer_unordered(READ_AT_ONCE);
        Self { known: read.filter_map(std::future::ready).collect().await }
    }

    /// Of this one.
    pub(super) fn of(&self, file: &FileEntry) -> Option<Total> {
        self.known.get(&file.object).copied()
    }
}

impl Total {
    async fn read(client: &Client, names: &Names, path: &IndexPath) -> anyhow::Result<Self> {
        let folder = packs::open(client, &names.link(client, path).await?).await?;
        let packs = folder.catalogue().packs();
        Ok(Self {
            records: packs.iter().map(|pack| u64::from(pack.count())).sum(),
            bytes: packs.iter().map(PackRef::bytes).sum(),
        })
    }
}
