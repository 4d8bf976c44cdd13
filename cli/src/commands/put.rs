//! `headwater put`: stores a file and prints its link.

mod pack;

use std::fmt;
use std::path::{Path, PathBuf};

use account::{Account, Change};
use anyhow::{Context, bail};
use chunker::{Coding, Padding, RequiredTags, Salt};
use clap::Args;
use client::{Client, ObjectSecrets, PutAnswer, PutOptions, PutReport};
use protocol::UnixSeconds;
use serde::Serialize;
use sharing::{FileEntry, HeaderFields, IndexPath, MediaType};
use tokio::io::AsyncRead;

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::{Network, suitable_coding};
use crate::names::{self, Names, now, parse_path};
use crate::output::Output;
use crate::quantity::Duration;
use crate::until_ended::UntilEnded;
use crate::{
    account as account_file, gateway_api, grants, holds, lifetime, media_type, quote, smaller_coding,
};

/// Encrypt a file, spread it over the network and print its link
///
/// The link lets anybody read the file to whom you give it; you find it again by its name (`headwater ls`), on every machine that
/// has your account. The link is all that stands on standard output. Exit status 1 with a link means that the file can be read, but that some
/// shards found no node; `headwater repair` adds them when there are nodes again. Exit status 1 without a
/// link means that nothing was stored.
///
/// What the nodes ask for it, and until when it is then paid, is said before anything is stored; where they ask for something, it
/// takes --yes or an answer.
///
/// With --json, a gateway that the network file names is told the link, which lets it read the file, and `url` says where it serves
/// it; not with --erasable.
///
/// With --pack, FILE is a folder of many small files, each of which becomes a record under a key of its own; they share objects, so
/// that a million of them cost little more than their bytes. Symbolic links are refused. One record reads as NAME/RECORD.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater put film.mp4 > film.link
  headwater put film.mp4 --name films/river.mp4
  headwater put film.mp4 --coding 10+4 --keep 90d --json | jq .cid
  headwater put scan.dcm --require country=DE --require class=hospital
  headwater put --pack patients --name records/patients
  headwater put --pack today --append /records/patients
  tar c album | headwater put - --name album.tar --pad > album.link")]
pub(crate) struct Put {
    /// The file; - or nothing for standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,

    /// Data and parity shards: any K of K+M bring the file back
    /// [default: what suits the number of nodes, 5+3 for eight of them]
    #[arg(long, value_name = "K+M", env = "HEADWATER_CODING")]
    coding: Option<Coding>,

    /// How long the nodes are to keep it, such as 90d
    #[arg(long, value_name = "TIME", default_value = "365d")]
    keep: Duration,

    /// The name in your index, folders included; with a / at its end, the folder into which the file goes under its own.
    /// Readers see the last part [default: the file's]
    #[arg(long)]
    name: Option<String>,

    /// When the name is taken, take it over, and release what had it
    #[arg(long, conflicts_with = "no_index")]
    replace: bool,

    /// Leave it out of your index: the link is then the only way to find it
    #[arg(long)]
    no_index: bool,

    /// Under a key that lies on this machine alone, so that `rm` can destroy it: your 24 words do not bring it back
    #[arg(long)]
    erasable: bool,

    /// The media type that readers see [default: by the file's ending]
    #[arg(long = "type", value_name = "TYPE/SUBTYPE")]
    media_type: Option<String>,

    /// A tag that a node must have to be given a part, such as country=DE; may be repeated. Nothing is stored when too few
    /// have it, and whoever repairs holds to it. A tag is what the operator of a node says of it
    #[arg(long = "require", value_name = "KEY=VALUE")]
    required: Vec<String>,

    /// Hide the exact length, at the cost of up to 12 % more
    #[arg(long)]
    pad: bool,

    /// The files of a folder as records, many of them per object
    #[arg(long, conflicts_with_all = ["replace", "no_index", "pad", "media_type"])]
    pack: bool,

    /// With --pack: into this folder of records, which you have put before. A record takes the place of one with its name
    #[arg(long, value_name = "NAME", requires = "pack", conflicts_with_all = ["name", "erasable"])]
    append: Option<String>,

    /// Pay what the nodes ask, without being asked
    #[arg(long)]
    yes: bool,
}

/// How long a put may take to release what it has stored after a signal.
const TIDY_UP_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);

/// The answer of a put.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    put: PutAnswer,
    /// Its name in the index; none with --no-index.
    name: Option<String>,
    /// Whether the network's index has it already.
    pushed: bool,
}

impl Put {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        if self.pack {
            return self.run_pack(globals).await;
        }
        let output = globals.output();
        let network = Network::load(globals.network.as_deref()).await?;
        let required = RequiredTags::new(self.required.clone());
        let required = required.map_err(|error| Usage::because(error.to_string()))?;
        let (source, len) = self.open().await?;
        let account = Account::new(account_file::open(globals.account.as_deref(), output)?);
        let path = self.path()?;
        if let Some(path) = path.as_ref().filter(|_| !self.no_index) {
            let names = Names::open(globals).await?;
            names::check_kind(names.local.index(), path)?;
            if self.replace {
                holds::check_replaced(names.local.index(), path)?;
            }
        }
        let secrets = self.secrets(&account, globals)?;
        let salt = secrets.salt;
        let until = now().plus(self.keep.seconds());
        let put = async |client: &Client| {
            let coding = self.coding(&network, client, &required)?;
            self.quote(coding, &required, len, until)
                .confirm(client, self.yes, self.is_stdin(), output)
                .await?;
            let options = self.options(coding, path.as_ref(), required, until, secrets);
            let index_coding = network.usual_coding(client)?;
            let progress = output.progress("put", len);
            let put = client.put(UntilEnded::new(source), options, |now| progress.reached(now.read));
            let put = tokio::select! {
                put = put => put,
                () = overdue() => bail!("interrupted; nodes that did not answer may keep a part for a while"),
            };
            let report = put.with_context(|| format!("cannot store {}", self.file.display()))?;
            // Stored is stored: that it could not be listed is told below.
            let listed = self.list(client, globals, index_coding, path.as_ref(), &report, until, salt).await;
            Ok((report, listed))
        };
        let stored = network.with_client(Some(account_file::payer(account.secret())), put).await;
        if stored.is_err() && self.erasable {
            names::key_store(globals)?.destroy(&salt)?;
        }
        let (report, listed) = stored.map_err(smaller_coding::suggest)?;
        let (name, pushed) = listed?;
        for missing in &report.missing {
            output.note(format_args!("not stored: {}: {}", missing.part, missing.reason));
        }
        if !report.is_complete() {
            output.note(
                "it can be read, but not every shard found a node; `headwater repair` adds the rest later",
            );
        }
        // A gateway that knows the link can read: it is told where its address is asked for, and never of what is erasable.
        let url = if output.is_json() && !self.erasable {
            opened_at_gateway(&network, &report, output).await
        } else {
            None
        };
        let outcome = if report.is_complete() { Outcome::Complete } else { Outcome::Incomplete };
        output.answer(&Answer { put: report.into_answer(url), name, pushed })?;
        Ok(outcome)
    }
}

impl Put {
    fn quote<'s>(
        &self,
        coding: Coding,
        required: &'s RequiredTags,
        len: Option<u64>,
        until: UnixSeconds,
    ) -> quote::Storing<'s> {
        quote::Storing { coding, padding: self.padding(), required, len, keep_s: self.keep.seconds(), until }
    }

    const fn padding(&self) -> Padding {
        if self.pad { Padding::Padme } else { Padding::None }
    }

    fn coding(&self, network: &Network, client: &Client, required: &RequiredTags) -> anyhow::Result<Coding> {
        let places = client.places_for(required);
        match self.coding {
            Some(coding) => Ok(coding),
            // What is refused for want of nodes is refused with their number.
            None if required.is_empty() || places < 2 => network.usual_coding(client),
            None => suitable_coding(places),
        }
    }

    /// The bytes to put, and how many there are where that is known.
    async fn open(&self) -> anyhow::Result<(Box<dyn AsyncRead + Send + Unpin>, Option<u64>)> {
        if self.is_stdin() {
            return Ok((Box::new(tokio::io::stdin()), None));
        }
        let name = self.file.display();
        let file = tokio::fs::File::open(&self.file).await.with_context(|| format!("cannot read {name}"))?;
        let metadata = file.metadata().await?;
        if metadata.is_dir() {
            return Err(Usage::because(format!(
                "{name} is a folder; say --pack for a folder of records, or make one file of it: tar c {name} | headwater put - --name {name}.tar"
            )));
        }
        Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
    }

    fn options(
        &self,
        coding: Coding,
        path: Option<&IndexPath>,
        required: RequiredTags,
        expires: UnixSeconds,
        secrets: ObjectSecrets,
    ) -> PutOptions {
        let name = path.map(|path| path.file_name().to_owned());
        let guessed = || media_type::of_name(name.as_deref()?).map(str::to_owned);
        let media_type = self.media_type.clone().or_else(guessed);
        PutOptions { coding, padding: self.padding(), name, media_type, expires, required, secrets }
    }

    /// What it is to be called: none when nothing gives it a name.
    fn path(&self) -> anyhow::Result<Option<IndexPath>> {
        let own = self.file.file_name().filter(|_| !self.is_stdin()).and_then(|name| name.to_str());
        match (&self.name, own) {
            (Some(folder), Some(own)) if folder.ends_with('/') => {
                parse_path(&format!("{folder}{own}")).map(Some)
            }
            (Some(folder), None) if folder.ends_with('/') => Err(Usage::because(format!(
                "{folder} is a folder, and what comes through a pipe has no name of its own"
            ))),
            (Some(name), _) => parse_path(name).map(Some),
            (None, own) => own.map(parse_path).transpose(),
        }
    }

    /// Keys of the new object. Those that nothing brings back are kept before they are used.
    fn secrets(&self, account: &Account, globals: &Globals) -> anyhow::Result<ObjectSecrets> {
        if !self.erasable {
            return Ok(account.new_secrets());
        }
        let secrets = account.new_erasable_secrets();
        let keys = names::key_store(globals)?;
        keys.keep(&secrets.salt, &secrets.content_key)
            .with_context(|| format!("cannot keep the key in {}", keys.folder().display()))?;
        Ok(secrets)
    }

    /// Enters what was put into the index: its name there, and whether the network has it too.
    #[expect(clippy::too_many_arguments, reason = "all of them are about one put")]
    async fn list(
        &self,
        client: &Client,
        globals: &Globals,
        coding: Coding,
        path: Option<&IndexPath>,
        report: &PutReport,
        until: UnixSeconds,
        salt: Salt,
    ) -> anyhow::Result<(Option<String>, bool)> {
        if self.no_index {
            return Ok((None, false));
        }
        let path = match path {
            Some(path) => path.clone(),
            None => IndexPath::new(format!("unnamed/{}", report.cid)).expect("an address is a name"),
        };
        let file = FileEntry {
            object: report.cid,
            len: report.size,
            media_type: self.media_type(&path),
            created: now(),
            modified: self.modified(),
            until,
            erasable: self.erasable.then_some(salt),
            headers: HeaderFields::default(),
        };
        let listed = new_file(client, globals, coding, path, file, self.replace).await;
        let listed = listed
            .with_context(|| format!("{} is stored, but could not be entered into your index", report.cid))?;
        Ok((Some(listed.0), listed.1))
    }

    fn media_type(&self, path: &IndexPath) -> Option<MediaType> {
        let given = self.media_type.as_deref().or_else(|| media_type::of_name(path.file_name()));
        given.and_then(|text| MediaType::new(text).ok())
    }

    /// When the file was changed last; what comes through a pipe is new.
    fn modified(&self) -> UnixSeconds {
        let metadata = std::fs::metadata(&self.file).ok().filter(std::fs::Metadata::is_file);
        metadata.and_then(|metadata| metadata.modified().ok()).map_or_else(now, UnixSeconds::from)
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }
}

/// Enters a new file into the index, under a number when its name is taken.
async fn new_file(
    client: &Client,
    globals: &Globals,
    coding: Coding,
    path: IndexPath,
    file: FileEntry,
    replace: bool,
) -> anyhow::Result<(String, bool)> {
    let object = file.object;
    let mut names = Names::open(globals).await?;
    if replace {
        // What is replaced may have another name by now, given by another device, or be held.
        let pulled = names.pull_fresh(client).await;
        if names.local.index().file(&path).is_some_and(|old| old.object != object)
            && let Err(error) = pulled
        {
            names.local.release_later(object, now())?;
            return Err(error);
        }
    }
    let index = names.local.index();
    let taken_over = index.file(&path).filter(|_| replace).cloned();
    if taken_over.as_ref().is_some_and(crate::packs::is_folder) {
        anyhow::bail!("{path} is a folder of records; remove it first");
    }
    let free = if replace { path.clone() } else { index.free_path(&path)? };
    let taken_over = taken_over.filter(|old| old.object != object);
    if let Err(error) = names.enter(vec![Change::File(free, file)]) {
        // Nobody has a name for it.
        names.local.release_later(object, now())?;
        return Err(error);
    }
    if let Some(old) = taken_over {
        if let Err(error) = names.settle_unheld(client, coding, [&path]).await {
            // What another device has put there meanwhile stays.
            let is_ours = names.local.index().file(&path).is_none_or(|there| there.object == object);
            if is_ours {
                names.enter(vec![Change::Back(path.clone(), old)])?;
            }
            names.local.release_later(object, now())?;
            names.settle(client, coding).await?;
            let state = if is_ours { "as it was" } else { "what another device has put there" };
            return Err(error.context(format!("{path} is {state}")));
        }
        grants::publish_next(client, &mut names, coding, globals).await?;
        names.replaced(&old)?;
    }
    let pushed = names.push(client, coding).await?;
    let found = names.local.index().paths_of(object).next();
    let name = found.unwrap_or(&path);
    if *name != path {
        globals
            .output()
            .note(format_args!("{path} is the name of another file of yours; this one is {name}"));
    }
    Ok((name.to_string(), pushed))
}

/// Completes when the put should have tidied up after a signal: its source fails then, but nodes may keep it waiting.
async fn overdue() {
    if lifetime::ended(false).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(TIDY_UP_WITHIN).await;
}

/// Where the network's gateway serves the object; none where it has no gateway or the gateway does not answer.
async fn opened_at_gateway(network: &Network, report: &PutReport, output: Output) -> Option<String> {
    let gateway = network.gateway.as_ref()?;
    match gateway_api::open(gateway, &report.link).await {
        Ok(url) => Some(url),
        Err(error) => {
            output.note(format_args!("stored, but the gateway {error}"));
            None
        }
    }
}

/// For people and for shells alike: the link and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.put.link())
    }
}
