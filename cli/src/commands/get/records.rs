//! Reading records: one of a folder, or all of them.

use std::fmt;
use std::path::Path;

use account::{RecordFolder, read_record};
use anyhow::{Context, bail};
use client::{Client, Object};
use futures_util::TryStreamExt as _;
use serde::Serialize;
use sharing::{IndexPath, RecordLink, RecordPlace};
use tokio::io::AsyncWriteExt as _;

use super::{Get, age_copy};
use crate::arguments::Globals;
use crate::counted::counted;
use crate::destination::{Destination, Folder, Sink, unless_ended};
use crate::failure::{Outcome, Unread, Usage};
use crate::membership::Network;
use crate::output::Output;

/// One record that was read.
#[derive(Serialize)]
struct Answer {
    record: Option<String>,
    size: usize,
    file: Option<std::path::PathBuf>,
}

/// Many records that were read.
#[derive(Serialize)]
struct FolderAnswer {
    folder: std::path::PathBuf,
    records: u64,
    bytes: u64,
}

/// What reads one record.
#[derive(Serialize)]
struct LinkAnswer {
    record: String,
    link: String,
}

impl Get {
    /// Reads the record behind a record link.
    pub(super) async fn record(&self, link: &RecordLink, globals: &Globals) -> anyhow::Result<Outcome> {
        let get = async |client: &Client| {
            let bytes = read_record(client, link).await.context("cannot read the record")?;
            let name = || Err(Usage::because("a record link knows no name; say -o FILE"));
            self.deliver(&bytes, None, name, globals.output()).await
        };
        Network::load(globals.network.as_deref()).await?.with_client(None, get).await
    }

    /// Reads what is meant of a folder of records: one, or those in a folder of it, or all.
    pub(super) async fn records(
        &self,
        client: &Client,
        object: &Object,
        inside: Option<&IndexPath>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        let folder = RecordFolder::open(client, object).await?;
        if self.link {
            let record = inside.context("--link is for one record of a folder: NAME/RECORD")?;
            let link = folder.find(record).await?.with_context(|| absent(record))?;
            output.answer(&LinkAnswer { record: record.to_string(), link: link.to_string() })?;
            return Ok(Outcome::Complete);
        }
        if let Some(record) = inside
            && let Some(bytes) = folder.read(record).await?
        {
            let name = || Ok(record.file_name().to_owned());
            return self.deliver(&bytes, Some(record), name, output).await;
        }
        self.all(&folder, object.name(), inside, output).await
    }

    /// Writes one record where it belongs.
    async fn deliver(
        &self,
        bytes: &[u8],
        record: Option<&IndexPath>,
        name: impl FnOnce() -> anyhow::Result<String>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        let len = bytes.len() as u64;
        let range = self.range.map_or(Ok(0..len), |range| range.within(len))?;
        let within = |at: u64| usize::try_from(at).expect("it is in memory");
        let wanted = &bytes[within(range.start)..within(range.end)];
        let sealed = self.sealer()?.map(|sealer| age_copy::whole(sealer, wanted)).transpose()?;
        let name = || name().map(|name| if sealed.is_some() { format!("{name}.age") } else { name });
        let destination = Destination::choose(self.output.as_deref(), name)?;
        let file = destination.path().map(Path::to_owned);
        let write = async |mut to: Sink| {
            to.write_all(sealed.as_deref().unwrap_or(wanted)).await.map_err(Unread::or)?;
            to.flush().await.map_err(Unread::or)
        };
        unless_ended(destination.fill(write)).await?;
        let answer = Answer { record: record.map(ToString::to_string), size: wanted.len(), file };
        if answer.file.is_some() {
            output.answer(&answer)?;
        } else {
            output.answer_beside_data(&answer)?;
        }
        Ok(Outcome::Complete)
    }

    /// Writes all records into a new folder, or those that lie in a folder of them.
    async fn all(
        &self,
        folder: &RecordFolder,
        name: Option<&str>,
        inside: Option<&IndexPath>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        if self.range.is_some() {
            return Err(Usage::because("--range is for one file or record"));
        }
        if !self.age.is_empty() {
            return Err(Usage::because("--age is for one file or record"));
        }
        if let Some(inside) = inside
            && !has_any(folder, inside).await?
        {
            bail!(absent(inside));
        }
        let path = match (&self.output, name) {
            (Some(path), _) => path.clone(),
            (None, Some(name)) if !name.starts_with(['.', '-']) => name.into(),
            _ => return Err(Usage::because("this is a folder of records; say -o FOLDER")),
        };
        let total = folder.catalogue().packs().iter().map(sharing::PackRef::bytes).sum();
        let progress = output.progress("get", Some(total));
        let draft = Folder::at(path)?;
        let mut answer = FolderAnswer { folder: std::path::PathBuf::new(), records: 0, bytes: 0 };
        let read = async {
            // From the oldest to the newest: a later record takes the place of an earlier one.
            for pack in 0..folder.catalogue().packs().len() {
                let entries = folder.entries(pack).await?;
                let entries = entries.into_iter().filter(|(name, _)| is_in(name, inside)).collect();
                write_pack(folder, pack, entries, &draft, &mut answer, |bytes| progress.advance(bytes))
                    .await?;
            }
            Ok(())
        };
        unless_ended(read).await?;
        answer.folder = draft.finish()?;
        output.answer(&answer)?;
        Ok(Outcome::Complete)
    }
}

/// Whether a record has this name, or lies in a folder with it.
async fn has_any(folder: &RecordFolder, inside: &IndexPath) -> anyhow::Result<bool> {
    for pack in 0..folder.catalogue().packs().len() {
        if folder.entries(pack).await?.iter().any(|(name, _)| is_in(name, Some(inside))) {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn write_pack(
    folder: &RecordFolder,
    pack: usize,
    entries: Vec<(IndexPath, RecordPlace)>,
    draft: &Folder,
    answer: &mut FolderAnswer,
    progress: impl Fn(u64),
) -> anyhow::Result<()> {
    let mut records = std::pin::pin!(folder.records(pack, entries).await?);
    while let Some((name, record)) = records.try_next().await? {
        if draft.replace(Path::new(name.as_str()), &record)? {
            answer.records += 1;
        }
        answer.bytes += record.len() as u64;
        progress(record.len() as u64);
    }
    Ok(())
}

fn is_in(name: &IndexPath, folder: Option<&IndexPath>) -> bool {
    folder.is_none_or(|folder| folder == name || folder.within(name).is_some())
}

fn absent(record: &IndexPath) -> String {
    format!("there is no record {record} in this folder")
}

impl fmt::Display for Answer {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl fmt::Display for FolderAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.folder.display(), counted(self.records, "record"))
    }
}

impl fmt::Display for LinkAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.link)
    }
}
