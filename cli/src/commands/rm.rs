//! `headwater rm`: ends what keeps a file, and says what that proves.

mod access;
mod erase;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::mem;
use std::path::PathBuf;

use account::{Change, Destroyed, Released as Answered, release_now};
use anyhow::{Context, bail};
use chunker::Coding;
use clap::Args;
use client::Client;
use proofs::Cid;
use protocol::NetworkId;
use serde::Serialize;
use sharing::{AccountIndex, EntryName, Facts, FileEntry, IndexPath, KeyFate, PackRef, TrailText, TrailWhat};

use self::access::{Access, Ended};
use self::records::{Removal, RemovedRecords};
use crate::account as account_file;
use crate::arguments::Globals;
use crate::commands::revoke::Seal;
use crate::failure::{Outcome, Usage};
use crate::grants::{self, Given};
use crate::holds;
use crate::membership::Network;
use crate::names::{Names, now, parse_path};
use crate::packs::{self, Folder, Unnamed};
use crate::releases::Released;
use crate::trail::TrailFile;

/// Remove files: end their leases at every node, and destroy the key of what is erasable
///
/// A node that confirms says that this lease has ended, no more: whether it erased the bytes, and whether somebody kept a
/// copy, nobody can prove. Who has a link can read for as long as any k shards are somewhere. The key of an erasable
/// object is written over and removed here, so that what is left anywhere stays unreadable, unless a link was given away;
/// solid-state disks and backups may hold old copies of the key.
/// Nodes that do not answer are asked again by later commands until the leases would have ended anyway.
///
/// A record of a folder of records is removed by writing the pack that has it once more without it, under new keys, and by ending the
/// leases of the old one. Links to the folder, and to any record of that pack, read nothing afterwards: give out new ones.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater rm /film.mp4
  headwater rm /records/patients/1.json
  headwater rm --recursive /records/patients
  headwater rm --erase /scan.dcm --certificate scan.erasure.txt
  headwater rm --erase --revoke /scan.dcm          though it was granted: these grants end, the certificate names who had the key
  headwater rm /films --recursive --json | jq '.files[].nodes'")]
pub(crate) struct Rm {
    /// What is to be removed
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,

    /// A folder, with all that is in it
    #[arg(short, long)]
    recursive: bool,

    /// Erase one file that was put with --erasable, and write a certificate: what was destroyed here, and which nodes have signed
    /// that which leases have ended. `headwater verify` checks it with nothing but the file
    #[arg(long, conflicts_with = "recursive")]
    erase: bool,

    /// End what opens it for others first: grants, and what is sealed for emergencies. The certificate says to whom its key was given
    #[arg(long, requires = "erase")]
    revoke: bool,

    /// Where to write the certificate [default: the file's name with .erasure.txt, in this folder]
    #[arg(long, value_name = "FILE", requires = "erase")]
    certificate: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    files: Vec<Removed>,
    /// Folders of which records were removed.
    records: Vec<RemovedRecords>,
    /// Whether the network's index knows of it already.
    pushed: bool,
    /// The certificate of erasure.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    /// Whether gateways have confirmed that what grants have sealed there has ended; of what they have not, a note says so.
    #[serde(skip)]
    has_ended: bool,
    /// What all this does not prove.
    proves: &'static str,
}

const PROVES: &str =
    "a node that confirms says that its lease has ended; that it erased the bytes, nobody can prove";

/// What is so before any file goes, and stays so when none does.
const GRANTS_ENDED: &str = "grants of it, and what was sealed for emergencies with them, have ended already";

/// What became of a key that was here.
const DESTROYED: &str = "destroyed";

#[derive(Serialize)]
struct Removed {
    name: String,
    cid: String,
    /// Packs that went with it, when it was a folder of records.
    packs: usize,
    #[serde(skip)]
    pack_objects: Vec<Cid>,
    #[serde(flatten)]
    said: Released,
    /// `destroyed` or `not here` for what is erasable.
    key: Option<&'static str>,
    /// Another name under which it stays, with its leases.
    kept_as: Option<String>,
}

impl Rm {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let paths: Vec<_> = self.names.iter().map(|name| parse_path(name)).collect::<Result<_, _>>()?;
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let remove = async |client: &Client| {
            let mut access = None;
            names.pull_fresh(client).await?;
            let coding = network.usual_coding(client)?;
            holds::check(names.local.index(), &paths)?;
            let erased = paths.first().cloned().filter(|_| self.erase);
            if let Some(path) = &erased {
                if paths.len() > 1 {
                    return Err(Usage::because("a certificate is about one file: name one"));
                }
                erase::check(names.local.index(), path)?;
                let found = Access::of(globals, client, &names, path).await?;
                if !self.revoke {
                    found.check_closed()?;
                }
                access = Some(found);
                // What is destroyed has to be entered: that has to be possible before.
                TrailFile::open(globals, names.account.secret(), client.network())?;
            }
            let (paths, removals) = self.split(names.local.index(), paths);
            let folders = self.choose_folders(names.local.index(), &paths);
            let mut chosen = self.choose(names.local.index(), &paths, folders.is_empty())?;
            let ends_grants = chosen.iter().any(|(_, file)| grants::is_grant(file))
                || access.as_ref().is_some_and(Access::is_open);
            let has_ended = end_grants(globals, client, &mut names, coding, &chosen).await?;
            let mut ended = match access {
                Some(access) => access.end(globals, client, &mut names, coding).await?,
                None => Ended::default(),
            };
            chosen.append(&mut ended.along);
            let mut records = Vec::with_capacity(removals.len());
            for removal in removals {
                records.push(removal.run(&mut names, client, coding).await?);
            }
            if !records.is_empty() {
                grants::publish_next(client, &mut names, coding, globals).await?;
            }
            let mut files =
                remove_all(&mut names, client, coding, chosen, folders)
                    .await
                    .map_err(|error| if ends_grants { error.context(GRANTS_ENDED) } else { error })?;
            let pushed = names.sync(client, coding).await?;
            let mut said = packs::release_unnamed(client, &names).await?;
            for file in &mut files {
                file.report_packs(&mut said);
            }
            let certificate = if let Some(path) = erased {
                Some(self.certify(globals, &names, client, &path, ended, &files)?)
            } else {
                note(globals, &names, client.network(), &files, &records)?;
                None
            };
            Ok(Answer { files, records, pushed, certificate, has_ended, proves: PROVES })
        };
        let answer = network.with_client(Some(payer), remove).await?;
        let is_over = answer.has_ended
            && answer.files.iter().all(Removed::is_over)
            && answer.records.iter().all(|records| records.said.is_over());
        globals.output().answer(&answer)?;
        Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
    }

    fn certify(
        &self,
        globals: &Globals,
        names: &Names,
        client: &Client,
        path: &IndexPath,
        ended: Ended,
        files: &[Removed],
    ) -> anyhow::Result<PathBuf> {
        let Ended { given, reports: of_grants, .. } = ended;
        let removed = files.first().context("it was found by its name")?;
        let key = if removed.key == Some(DESTROYED) { KeyFate::Destroyed } else { KeyFate::NotHere };
        let (network, to) = (client.network(), self.certificate.as_deref());
        let reports: Vec<_> =
            files.iter().flat_map(|removed| &removed.said.reports).chain(&of_grants).collect();
        let told = erase::Told { key, given, reports: &reports };
        erase::certify(globals, names, network, path, told, to)
    }

    /// The paths of files and folders, and what is to go of folders of records.
    fn split(&self, index: &AccountIndex, paths: Vec<IndexPath>) -> (Vec<IndexPath>, Vec<Removal>) {
        let mut records: BTreeMap<IndexPath, BTreeSet<IndexPath>> = BTreeMap::new();
        let mut others = Vec::new();
        for path in paths {
            match packs::above(index, &path) {
                Some((folder, inside)) => drop(records.entry(folder).or_default().insert(inside)),
                None => others.push(path),
            }
        }
        let removals = records.into_iter();
        let removals = removals.map(|(folder, names)| Removal { folder, names, recursive: self.recursive });
        (others, removals.collect())
    }

    /// The folders that have an entry of their own.
    fn choose_folders(&self, index: &AccountIndex, paths: &[IndexPath]) -> Vec<IndexPath> {
        let is_meant =
            |folder: &IndexPath| paths.iter().any(|path| path == folder || path.within(folder).is_some());
        let folders = index.folders().map(|(folder, _)| folder);
        folders.filter(|folder| self.recursive && is_meant(folder)).cloned().collect()
    }

    fn choose(
        &self,
        index: &AccountIndex,
        paths: &[IndexPath],
        must_be_files: bool,
    ) -> anyhow::Result<Vec<(IndexPath, FileEntry)>> {
        let mut chosen = Vec::new();
        for path in paths {
            let inside = index.files_in(path).map(|(path, file)| (path.clone(), file.clone()));
            if let Some(file) = index.file(path) {
                if packs::is_folder(file) && !self.recursive && !self.erase {
                    return Err(Usage::because(format!(
                        "{path} is a folder of records; say --recursive to remove all that is in it"
                    )));
                }
                chosen.push((path.clone(), file.clone()));
            } else if self.recursive {
                chosen.extend(inside);
            } else if inside.count() > 0 {
                return Err(Usage::because(format!(
                    "{path} is a folder; say --recursive to remove all that is in it"
                )));
            }
            if chosen.is_empty() && must_be_files {
                bail!("there is nothing called {path} in your index");
            }
        }
        chosen.sort_by(|(one, _), (two, _)| one.cmp(two));
        chosen.dedup_by(|(one, _), (two, _)| one == two);
        Ok(chosen)
    }
}

/// What is to end is written down; then names go, here and on the network. Only when no other device can have come to hold any of it meanwhile
/// keys are destroyed and nodes told; else the names are given back, but for those that another device has given to something else by then.
async fn remove_all(
    names: &mut Names,
    client: &Client,
    coding: Coding,
    chosen: Vec<(IndexPath, FileEntry)>,
    folders: Vec<IndexPath>,
) -> anyhow::Result<Vec<Removed>> {
    let gone = chosen.iter().map(|(path, _)| EntryName::File(path.clone()));
    let left = folders.iter().cloned().map(EntryName::Folder);
    let changes: Vec<_> = gone.chain(left).map(|name| Change::Gone(name, now())).collect();
    names.check(&changes)?;
    let mut packs = packs_of(names, client, &chosen).await?;
    let mut files = Vec::with_capacity(chosen.len());
    for (path, file) in &chosen {
        let is_going = |other: &IndexPath| chosen.iter().any(|(going, _)| going == other);
        let kept_as = names.local.index().paths_of(file.object).find(|other| !is_going(other));
        let mut removed = Removed::new(path, file, kept_as);
        if removed.kept_as.is_none() {
            removed.pack_objects = packs.remove(path).unwrap_or_default();
            names.local.release_packs_later(removed.pack_objects.iter().copied(), now())?;
            names.will_be_replaced(file)?;
        }
        files.push(removed);
    }
    let back = back(names.local.index(), &chosen, &folders);
    names.enter(changes)?;
    let paths = chosen.iter().map(|(path, _)| path).chain(&folders);
    if let Err(error) = names.settle_unheld(client, coding, paths).await {
        let is_free = |change: &Change| is_free(names.local.index(), change);
        let back = back.into_iter().filter(is_free).collect();
        names.enter(back)?;
        names.settle(client, coding).await?;
        return Err(error.context("no file was removed"));
    }
    for ((path, file), removed) in
        chosen.iter().zip(&mut files).filter(|(_, removed)| removed.kept_as.is_none())
    {
        removed.key =
            destroy_key(names, file).with_context(|| format!("cannot destroy the key of {path}"))?;
        removed.report(release_now(client, &names.account, &names.local, file.object).await?);
        removed.packs = removed.pack_objects.len();
    }
    Ok(files)
}

/// What gives all of it its names back.
fn back(index: &AccountIndex, chosen: &[(IndexPath, FileEntry)], folders: &[IndexPath]) -> Vec<Change> {
    let folders = folders.iter().filter_map(|path| Some(Change::Folder(path.clone(), index.folder(path)?)));
    chosen.iter().map(|(path, file)| Change::Back(path.clone(), file.clone())).chain(folders).collect()
}

/// Whether a name can be given back: what another device has put there meanwhile stays.
fn is_free(index: &AccountIndex, change: &Change) -> bool {
    match change {
        Change::Back(path, _) => index.file(path).is_none(),
        Change::Folder(path, _) => index.file(path).is_none() && index.folder(path).is_none(),
        _ => true,
    }
}

/// The packs of the folders of records among what is chosen, but for those that other folders have too.
async fn packs_of(
    names: &Names,
    client: &Client,
    chosen: &[(IndexPath, FileEntry)],
) -> anyhow::Result<BTreeMap<IndexPath, Vec<Cid>>> {
    let mut of_each = BTreeMap::new();
    let folders: Vec<_> =
        chosen.iter().filter(|(_, file)| packs::is_folder(file)).map(|(path, _)| path).collect();
    if folders.is_empty() {
        return Ok(of_each);
    }
    let kept = packs::packs_of_others(client, names, &folders).await?;
    for path in folders {
        let (folder, _) = Folder::open(client, names, path).await?;
        let objects = folder.packs.iter().map(PackRef::object).filter(|object| !kept.contains(object));
        of_each.insert(path.clone(), objects.collect());
    }
    Ok(of_each)
}

/// Has whoever asks for a grant that is removed hear that it has ended, at the gateway too where it is for emergencies. True when
/// every such gateway has confirmed it.
async fn end_grants(
    globals: &Globals,
    client: &Client,
    names: &mut Names,
    coding: Coding,
    chosen: &[(IndexPath, FileEntry)],
) -> anyhow::Result<bool> {
    let mut has_ended = true;
    for (path, _) in chosen.iter().filter(|(_, file)| grants::is_grant(file)) {
        let given = Given::at(client, names, path).await?;
        if let Some(seal) = Seal::of(globals, client, names, &given).await? {
            has_ended &= seal.remove(globals, client, names, coding).await?;
        }
        grants::end(client, names, &given).await.with_context(|| format!("cannot end {path}"))?;
        let facts = grants::facts(&given, TrailWhat::GrantEnded);
        TrailFile::open(globals, names.account.secret(), client.network())?.append(facts)?;
    }
    Ok(has_ended)
}

/// Writes into the audit trail what was removed.
fn note(
    globals: &Globals,
    names: &Names,
    network: NetworkId,
    files: &[Removed],
    records: &[RemovedRecords],
) -> anyhow::Result<()> {
    let files = files.iter().filter(|file| file.kept_as.is_none()).map(|file| match file.key {
        Some(key) => format!("{}, its key {key}", file.name),
        None => file.name.clone(),
    });
    let records = records.iter().map(|removed| format!("{}: {}", removed.name, removed.records.join(", ")));
    let facts = files
        .chain(records)
        .map(|about| Facts { about: TrailText::cut(&about), ..Facts::new(TrailWhat::Erased, now()) });
    TrailFile::open(globals, names.account.secret(), network)?.append_with(|_| facts.collect())
}

fn destroy_key(names: &Names, file: &FileEntry) -> std::io::Result<Option<&'static str>> {
    let Some(salt) = &file.erasable else { return Ok(None) };
    Ok(Some(match names.keys.destroy(salt)? {
        Destroyed::Here => DESTROYED,
        Destroyed::WasNotHere => "not here",
    }))
}

impl Removed {
    fn new(path: &IndexPath, file: &FileEntry, kept_as: Option<&IndexPath>) -> Self {
        Self {
            name: path.to_string(),
            cid: file.object.to_string(),
            packs: 0,
            pack_objects: Vec::new(),
            said: Released::default(),
            key: None,
            kept_as: kept_as.map(ToString::to_string),
        }
    }

    fn report(&mut self, answer: Answered) {
        if matches!(answer, Answered::Unknown) {
            self.said.later = Some("no node has anything of it".to_owned());
        }
        self.said.take(answer);
    }

    /// What was said of the packs of a folder of records.
    fn report_packs(&mut self, said: &mut Unnamed) {
        self.said = mem::take(&mut self.said).and(said.of(&self.pack_objects));
    }

    fn is_over(&self) -> bool {
        self.kept_as.is_some() || self.said.is_over()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            match (&file.kept_as, &file.said.later) {
                (Some(name), _) => {
                    writeln!(f, "{}: the name is gone; the object stays as {name}", file.name)?;
                }
                (None, Some(later)) => writeln!(f, "{}: {later}", file.name)?,
                (None, None) => writeln!(f, "{}: {} leases ended", file.name, file.said.ended)?,
            }
            if let Some(key) = file.key {
                let what = if key == DESTROYED {
                    "its key is destroyed on this machine"
                } else {
                    "this machine had no key of it"
                };
                writeln!(f, "  {what}")?;
            }
            write!(f, "{}", file.said)?;
        }
        for removed in &self.records {
            let RemovedRecords { name, records, packs, said, .. } = removed;
            let (gone, ended) = (records.len(), said.ended);
            writeln!(f, "{name}: {gone} records gone, {packs} packs written again, {ended} leases ended")?;
            if let Some(later) = &said.later {
                writeln!(f, "  {later}")?;
            }
            write!(f, "{said}")?;
        }
        if let Some(certificate) = &self.certificate {
            writeln!(f, "certificate: {}", certificate.display())?;
        }
        writeln!(f, "{}", self.proves)
    }
}
