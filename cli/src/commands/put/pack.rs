//! `headwater put --pack`: a folder of small files as few objects.

use std::fmt;

use account::{Account, PackPut, Packed};
use anyhow::{Context, bail};
use chunker::{Coding, RequiredTags};
use client::{Client, MissingPart};
use serde::Serialize;
use sharing::IndexPath;

use super::Put;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::names::{Names, now, parse_path};
use crate::packs::{self, Folder, Measured};
use crate::{account as account_file, grants, names, smaller_coding};

/// The answer of a put of records.
#[derive(Serialize)]
struct Answer {
    link: String,
    cid: String,
    name: String,
    /// Records that were put, and their bytes together.
    records: u64,
    bytes: u64,
    /// Packs that were put, and those that the folder has now.
    packs: usize,
    packs_in_all: usize,
    coding: String,
    stored_bytes: u64,
    missing: Vec<MissingPart>,
    pushed: bool,
}

impl Put {
    /// Puts the files of a folder as records.
    pub(super) async fn run_pack(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let network = Network::load(globals.network.as_deref()).await?;
        let required = RequiredTags::new(self.required.clone());
        let required = required.map_err(|error| Usage::because(error.to_string()))?;
        let measured = self.measure().await?;
        let account = Account::new(account_file::open(globals.account.as_deref(), output)?);
        let path = self.folder_path(globals).await?;
        let payer = account_file::payer(account.secret());
        let put = async |client: &Client| {
            let coding = self.coding(&network, client, &required)?;
            let until = now().plus(self.keep.seconds());
            let put = PackPut { client, account: &account, coding, required, until };
            let packed = self.put_records(&put, measured, globals).await?;
            self.enter_records(&put, network.usual_coding(client)?, packed, measured, path, globals).await
        };
        let answer = network.with_client(Some(payer), put).await.map_err(smaller_coding::suggest)?;
        for missing in &answer.missing {
            output.note(format_args!("not stored: {}: {}", missing.part, missing.reason));
        }
        let outcome = if answer.missing.is_empty() { Outcome::Complete } else { Outcome::Incomplete };
        output.answer(&answer)?;
        Ok(outcome)
    }

    async fn measure(&self) -> anyhow::Result<Measured> {
        if self.is_stdin() {
            return Err(Usage::because("--pack takes a folder"));
        }
        let root = self.file.clone();
        let measured = tokio::task::spawn_blocking(move || packs::measure(&root)).await??;
        if measured.files == 0 {
            bail!("there are no files in {}", self.file.display());
        }
        Ok(measured)
    }

    /// What the folder is called, checked before anything is stored.
    async fn folder_path(&self, globals: &Globals) -> anyhow::Result<IndexPath> {
        let names = Names::open(globals).await?;
        if let Some(name) = &self.append {
            let path = parse_path(name)?;
            if !packs::is_folder(names.file(&path)?) {
                bail!("{path} is a file of yours, and no folder of records");
            }
            return Ok(path);
        }
        let path =
            self.path()?.ok_or_else(|| Usage::because("say --name: this folder has none of its own"))?;
        names::check_kind(names.local.index(), &path)?;
        Ok(names.local.index().free_path(&path)?)
    }

    /// Puts the records; what was put before something went wrong is released.
    async fn put_records(
        &self,
        put: &PackPut<'_>,
        measured: Measured,
        globals: &Globals,
    ) -> anyhow::Result<Packed> {
        let progress = globals.output().progress("put", Some(measured.bytes));
        let mut packed = Packed::default();
        let records = packs::from_disk(self.file.clone());
        let done = put.put(records, &mut packed, |bytes| progress.advance(bytes)).await;
        if let Err(error) = done {
            drop(progress);
            let objects = packed.packs.iter().map(sharing::PackRef::object);
            packs::release(put.client, &Names::open(globals).await?, objects).await?;
            return Err(error).with_context(|| format!("cannot store {}", self.file.display()));
        }
        Ok(packed)
    }

    /// Enters the packs into a new catalogue, and that into the index. The index is held meanwhile, so that of two who append
    /// at the same time neither loses anything.
    async fn enter_records(
        &self,
        put: &PackPut<'_>,
        index_coding: Coding,
        packed: Packed,
        measured: Measured,
        path: IndexPath,
        globals: &Globals,
    ) -> anyhow::Result<Answer> {
        let mut names = Names::open(globals).await?;
        let mut folder = Folder::new(path);
        if self.append.is_some() {
            names.pull(put.client).await?;
            folder = Folder::open(put.client, &names, &folder.path).await?.0;
        } else {
            folder.path = names.local.index().free_path(&folder.path)?;
        }
        let erasable = match &folder.file {
            Some(file) => file.erasable.is_some(),
            None => self.erasable,
        };
        let Packed { packs, missing, stored_bytes } = packed;
        let records = packs.iter().map(|pack| u64::from(pack.count())).sum();
        let bytes = packs.iter().map(sharing::PackRef::bytes).sum();
        let new: Vec<_> = packs.iter().map(sharing::PackRef::object).collect();
        let count = packs.len();
        folder.add(put.client, &names, packs).await?;
        let (name, packs_in_all) = (folder.path.to_string(), folder.packs.len());
        let written = folder.write(put, &mut names, index_coding, erasable, new).await?;
        if self.append.is_some() {
            grants::publish_next(put.client, &mut names, index_coding, globals).await?;
        }
        if records != measured.files {
            let files = measured.files;
            globals
                .output()
                .note(format_args!("{files} files were found, and {records} when they were read"));
        }
        Ok(Answer {
            link: written.link.to_string(),
            cid: written.cid.to_string(),
            name,
            records,
            bytes,
            packs: count,
            packs_in_all,
            coding: put.coding.to_string(),
            stored_bytes: stored_bytes + written.catalogue.stored_bytes,
            missing: missing.into_iter().chain(written.catalogue.missing).collect(),
            pushed: written.pushed,
        })
    }
}

/// For people and for shells alike: the link and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.link)
    }
}
