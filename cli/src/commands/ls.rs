//! `headwater ls`: what the account has, by name.

mod records;
mod totals;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::bail;
use clap::Args;
use client::Client;
use serde::Serialize;
use sharing::{AccountIndex, FileEntry, IndexPath};

use self::totals::Totals;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::freshness::FreshnessAnswer;
use crate::membership::Network;
use crate::names::{Names, now, parse_path};
use crate::{ends, packs};

/// List what your account has put, from this machine and from others
///
/// Names and sizes come from your index: nothing is asked about the files themselves. A folder is what several names
/// begin with. Of a folder of records its catalogue is read from the nodes, and says how much is in it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ls
  headwater ls /films --recursive
  headwater ls --json | jq -r '.files[].name'
  headwater ls --publications")]
pub(crate) struct Ls {
    /// The folder, or one file [default: everything at the top]
    path: Option<String>,

    /// What is in folders below too
    #[arg(short, long)]
    recursive: bool,

    /// What was published instead
    #[arg(long, conflicts_with_all = ["path", "recursive"])]
    publications: bool,
}

#[derive(Serialize)]
struct Answer {
    files: Vec<FileLine>,
    folders: Vec<FolderLine>,
    publications: Vec<PublicationLine>,
    /// None when there was no network to ask.
    freshness: Option<FreshnessAnswer>,
    /// Whether something is on this machine alone until the next command pushes it.
    unpushed: bool,
}

#[derive(Serialize)]
struct FileLine {
    name: String,
    cid: String,
    /// Of a folder of records, all of these together.
    size: u64,
    /// How many there are in a folder of records, and those that were replaced by newer ones; none of a file, and where nobody tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    /// Whether it is a folder of records.
    #[serde(skip)]
    is_folder: bool,
    #[serde(rename = "type")]
    media_type: Option<String>,
    created: u64,
    modified: u64,
    until: u64,
    erasable: bool,
    #[serde(skip)]
    shown_until: String,
}

#[derive(Serialize)]
struct FolderLine {
    name: String,
    files: u64,
    size: u64,
}

#[derive(Serialize)]
struct PublicationLine {
    id: String,
    issued: u64,
    listed: bool,
}

impl Ls {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let folder = self.path.as_deref().filter(|path| *path != "/").map(parse_path).transpose()?;
        let mut names = Names::open(globals).await?;
        let mut totals = Totals::default();
        let freshness = match Network::load(globals.network.as_deref()).await {
            Ok(network) => {
                ends::send(globals, names.account.secret(), network.file.network).await?;
                let look = async |client: &Client| {
                    let freshness = names.pull(client).await?;
                    let records = self.records(client, &names, folder.as_ref()).await?;
                    if records.is_none() && !self.publications {
                        totals = Totals::read(client, &names, folder.as_ref()).await;
                    }
                    Ok((freshness, records))
                };
                let (freshness, records) = network.with_client(None, look).await?;
                if let Some(records) = records {
                    output.answer(&records)?;
                    return Ok(Outcome::Complete);
                }
                Some(freshness)
            }
            Err(error) => {
                output.note(format_args!("this is what this machine knows: {error:#}"));
                None
            }
        };
        let freshness = freshness.map(|freshness| FreshnessAnswer::new(&freshness, now()));
        let unpushed = names.local.has_unpushed();
        let answer = self.answer(names.local.index(), folder.as_ref(), &totals, freshness, unpushed)?;
        output.answer(&answer)?;
        Ok(Outcome::Complete)
    }

    /// What is in the folder of records that is meant; none where another folder or a file is.
    async fn records(
        &self,
        client: &Client,
        names: &Names,
        path: Option<&IndexPath>,
    ) -> anyhow::Result<Option<records::Answer>> {
        let index = names.local.index();
        let Some(path) = path else { return Ok(None) };
        let (folder, inside) = match (index.file(path), packs::above(index, path)) {
            (Some(file), _) if packs::is_folder(file) => (path.clone(), None),
            (None, Some((folder, inside))) => (folder, Some(inside)),
            _ => return Ok(None),
        };
        let opened = packs::open(client, &names.link(client, &folder).await?).await?;
        records::Answer::read(&opened, &folder, inside.as_ref(), self.recursive).await.map(Some)
    }

    fn answer(
        &self,
        index: &AccountIndex,
        folder: Option<&IndexPath>,
        totals: &Totals,
        freshness: Option<FreshnessAnswer>,
        unpushed: bool,
    ) -> anyhow::Result<Answer> {
        let mut answer =
            Answer { files: Vec::new(), folders: Vec::new(), publications: Vec::new(), freshness, unpushed };
        if self.publications {
            answer.publications = index.publications().map(PublicationLine::new).collect();
            return Ok(answer);
        }
        let mut folders = BTreeMap::new();
        let all: Vec<_> = match folder {
            Some(folder) => index.files_in(folder).collect(),
            None => index.files().collect(),
        };
        for (path, file) in all {
            let inside = folder.map_or(Some(path.as_str()), |folder| folder.within(path));
            let below = inside.and_then(|inside| inside.split_once('/'));
            match below.filter(|_| !self.recursive) {
                Some((name, _)) => {
                    let (files, size) = folders.entry(name.to_owned()).or_insert((0, 0));
                    *files += 1;
                    *size += totals.of(file).map_or(file.len, |total| total.bytes);
                }
                None => answer.files.push(FileLine::new(path, file, totals)),
            }
        }
        let made = index.folders().filter_map(|(path, _)| match folder {
            Some(folder) => folder.within(path),
            None => Some(path.as_str()),
        });
        for name in made.filter_map(|inside| inside.split('/').next()).filter(|_| !self.recursive) {
            folders.entry(name.to_owned()).or_insert((0, 0));
        }
        if let Some(folder) = folder
            && let Some(file) = index.file(folder)
        {
            answer.files.insert(0, FileLine::new(folder, file, totals));
        }
        let prefix = folder.map_or_else(|| "/".to_owned(), |folder| format!("{folder}/"));
        let folders = folders.into_iter();
        answer.folders = folders
            .map(|(name, (files, size))| FolderLine { name: format!("{prefix}{name}/"), files, size })
            .collect();
        let is_known = |folder: &IndexPath| {
            index.folder(folder).is_some() || !answer.files.is_empty() || !answer.folders.is_empty()
        };
        if let Some(folder) = folder.filter(|folder| !is_known(folder)) {
            bail!("there is nothing called {folder} in your index");
        }
        Ok(answer)
    }
}

impl FileLine {
    fn new(path: &IndexPath, file: &FileEntry, totals: &Totals) -> Self {
        let total = totals.of(file);
        Self {
            name: path.to_string(),
            cid: file.object.to_string(),
            size: total.map_or(file.len, |total| total.bytes),
            records: total.map(|total| total.records),
            is_folder: packs::is_folder(file),
            media_type: file.media_type.as_ref().map(ToString::to_string),
            created: file.created.get(),
            modified: file.modified.get(),
            until: file.until.get(),
            erasable: file.erasable.is_some(),
            shown_until: day(file.until),
        }
    }
}

impl PublicationLine {
    fn new(publication: &sharing::Publication) -> Self {
        Self {
            id: publication.bundle.to_string(),
            issued: publication.issued.get(),
            listed: publication.listed,
        }
    }
}

/// The day of a time, in UTC.
fn day(time: protocol::UnixSeconds) -> String {
    time.to_string().chars().take(10).collect()
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for FolderLine { name, files, size } in &self.folders {
            writeln!(f, "{size:>14}  {files:>6} files       {name}")?;
        }
        for file in &self.files {
            let erasable = if file.erasable { "  (erasable)" } else { "" };
            let records = match file.records {
                Some(records) => format!("  ({records} records)"),
                None if file.is_folder => {
                    "  (a folder of records, of which the catalogue cannot be read here)".to_owned()
                }
                None => String::new(),
            };
            writeln!(f, "{:>14}  until {}  {}{records}{erasable}", file.size, file.shown_until, file.name)?;
        }
        for publication in &self.publications {
            let listed = if publication.listed { "" } else { "  (unlisted)" };
            writeln!(f, "{}{listed}", publication.id)?;
        }
        Ok(())
    }
}
