//! `headwater grant`: lets certain people read files of the account.

use std::collections::BTreeSet;
use std::fmt;

use account::Change;
use anyhow::Context;
use chunker::{Coding, Padding, RequiredTags};
use clap::Args;
use client::{Client, PutOptions, PutReport};
use protocol::UnixSeconds;
use serde::Serialize;
use sharing::{
    FileEntry, FileName, GRANT_TYPE, GrantedFile, HeaderFields, Identity, IndexPath, MediaType, NewGrant,
    OwnIdentity, Reason,
};

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::names::{Names, now, parse_path};
use crate::quantity::Duration;
use crate::{account as account_file, grants};

/// Let certain people or institutions read files of yours
///
/// The keys of the files are wrapped for the recipients alone, signed by you, and put on the network. What is printed is the link of the
/// grant: whoever has it and is a recipient reads the files with `headwater get`; nobody else reads anything. Whoever has opened a grant
/// keeps the keys in it: its time binds honest readers. It ends for those who have not opened it when you remove it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater grant /scans/knee.dcm --to headwater-id:… --expires 30d --purpose treatment
  headwater grant /records/study --to @ward-3.txt --purpose 'study 17'
  headwater grants
  headwater rm /grants/NAME")]
pub(crate) struct Grant {
    /// Files, or folders of records, by their names in your index
    #[arg(required = true, value_name = "NAME")]
    files: Vec<String>,

    /// Who may read: an identity, or @FILE with one in each line; may be repeated
    #[arg(long, required = true, value_name = "IDENTITY|@FILE")]
    to: Vec<String>,

    /// When it ends, such as 30d [default: with the files]
    #[arg(long, value_name = "TIME")]
    expires: Option<Duration>,

    /// What the files may be used for; readers see it
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    link: String,
    cid: String,
    /// Its name in the index.
    name: String,
    files: Vec<String>,
    recipients: usize,
    expires: u64,
    pushed: bool,
}

impl Grant {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let paths: Vec<_> = self.files.iter().map(|name| parse_path(name)).collect::<Result<_, _>>()?;
        let to: Vec<_> = self.to.iter().map(|to| grants::recipients(to)).collect::<Result<_, _>>()?;
        let to: BTreeSet<_> = to.into_iter().flatten().collect();
        let purpose = self.purpose.clone().map(Reason::new).transpose();
        let purpose = purpose.map_err(|error| Usage::because(format!("--purpose: {error}")))?;
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let give = async |client: &Client| {
            names.pull(client).await?;
            let coding = network.usual_coding(client)?;
            let (files, until) = granted(client, &names, &paths).await?;
            let expires = self.expires.map_or(until, |time| until.min(now().plus(time.seconds())));
            let grant = NewGrant { expires: Some(expires), files, issued: now(), purpose };
            let to: Vec<_> = to.into_iter().collect();
            let bytes = sealed(client, &names, grant, &to)?;
            let report = put(client, &names, coding, &bytes, expires).await?;
            let (name, pushed) = enter(client, &mut names, coding, &report, expires).await?;
            Ok(Answer {
                link: report.link.to_string(),
                cid: report.cid.to_string(),
                name,
                files: paths.iter().map(ToString::to_string).collect(),
                recipients: to.len(),
                expires: expires.get(),
                pushed,
            })
        };
        let answer = network.with_client(Some(payer), give).await?;
        globals.output().answer(&answer)?;
        Ok(Outcome::Complete)
    }
}

/// The files with their keys, and when the first of them ends.
async fn granted(
    client: &Client,
    names: &Names,
    paths: &[IndexPath],
) -> anyhow::Result<(Vec<GrantedFile>, UnixSeconds)> {
    let mut files = Vec::with_capacity(paths.len());
    let mut until = UnixSeconds::new(u64::MAX);
    for path in paths {
        let file = names.file(path)?;
        let link = names.link(client, path).await?;
        until = until.min(file.until);
        files.push(GrantedFile {
            key: link.key().clone(),
            len: file.len,
            name: FileName::new(path.file_name()).expect("a part of a path is a name"),
            object: file.object,
            media_type: file.media_type.clone(),
        });
    }
    Ok((files, until))
}

fn sealed(client: &Client, names: &Names, grant: NewGrant, to: &[Identity]) -> anyhow::Result<Vec<u8>> {
    let own = OwnIdentity::of(names.account.secret());
    Ok(grant.seal(&own, &client.network(), to, rand::random(), &mut rand::rng())?)
}

async fn put(
    client: &Client,
    names: &Names,
    coding: Coding,
    bytes: &[u8],
    expires: UnixSeconds,
) -> anyhow::Result<PutReport> {
    let options = PutOptions {
        coding,
        padding: Padding::Padme,
        name: None,
        media_type: Some(GRANT_TYPE.to_owned()),
        expires,
        required: RequiredTags::default(),
        secrets: names.account.new_secrets(),
    };
    client.put(bytes, options, |_| {}).await.context("cannot store the grant")
}

/// Enters the grant into the index, so that its owner finds and ends it.
async fn enter(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    report: &PutReport,
    until: UnixSeconds,
) -> anyhow::Result<(String, bool)> {
    let day: String = now().to_string().chars().take(10).collect();
    let path = IndexPath::new(format!("grants/{day}")).expect("a day is a name");
    let path = names.local.index().free_path(&path)?;
    let file = FileEntry {
        object: report.cid,
        len: report.size,
        media_type: Some(MediaType::new(GRANT_TYPE).expect("a constant")),
        created: now(),
        modified: now(),
        until,
        erasable: None,
        headers: HeaderFields::default(),
    };
    let pushed = names.write(client, coding, vec![Change::File(path.clone(), file)]).await?;
    Ok((path.to_string(), pushed))
}

/// For people and for shells alike: the link and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.link)
    }
}
