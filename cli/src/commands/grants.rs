//! `headwater grants`: what the account has granted, and to how many.

use std::fmt;

use clap::Args;
use client::Client;
use serde::Serialize;
use sharing::{FileEntry, GRANT_TYPE, IndexPath, OpenedGrant};

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::grants;
use crate::membership::Network;
use crate::names::{Names, now};

/// List what you have granted
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater grants
  headwater grants --json | jq '.grants[] | select(.purpose == \"treatment\")'")]
pub(crate) struct Grants {}

#[derive(Serialize)]
struct Answer {
    grants: Vec<GrantLine>,
}

#[derive(Serialize)]
struct GrantLine {
    name: String,
    cid: String,
    files: Vec<String>,
    recipients: usize,
    issued: u64,
    expires: Option<u64>,
    has_ended: bool,
    purpose: Option<String>,
    #[serde(skip)]
    shown_until: String,
}

impl Grants {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let list = async |client: &Client| {
            names.pull(client).await?;
            let mut grants = Vec::new();
            for (path, _) in names.local.index().files().filter(|(_, file)| is_grant(file)) {
                match read(client, &names, path).await {
                    Ok(line) => grants.push(line),
                    Err(error) => output.note(format_args!("{path} cannot be read: {error:#}")),
                }
            }
            Ok(Answer { grants })
        };
        let answer = network.with_client(None, list).await?;
        output.answer(&answer)?;
        Ok(Outcome::Complete)
    }
}

fn is_grant(file: &FileEntry) -> bool {
    file.media_type.as_ref().is_some_and(|kind| kind.to_string() == GRANT_TYPE)
}

async fn read(client: &Client, names: &Names, path: &IndexPath) -> anyhow::Result<GrantLine> {
    let object = client.open(&names.link(client, path).await?).await?;
    let OpenedGrant { grant, files, recipients, .. } =
        grants::read(client, &object, names.account.secret()).await?;
    Ok(GrantLine {
        name: path.to_string(),
        cid: object.cid().to_string(),
        files: files.iter().map(|file| file.name.to_string()).collect(),
        // One of the wraps is the owner's own.
        recipients: recipients - 1,
        issued: grant.issued.get(),
        expires: grant.expires.map(protocol::UnixSeconds::get),
        has_ended: grant.expires.is_some_and(|at| at <= now()),
        purpose: grant.purpose.map(|purpose| purpose.to_string()),
        shown_until: grant.expires.map_or_else(String::new, |at| at.to_string().chars().take(10).collect()),
    })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for grant in &self.grants {
            let ended = if grant.has_ended { "ended" } else { "until" };
            let purpose =
                grant.purpose.as_deref().map(|purpose| format!("  for {purpose}")).unwrap_or_default();
            let (name, recipients, until) = (&grant.name, grant.recipients, &grant.shown_until);
            writeln!(f, "{name}  {ended} {until}  to {recipients}: {}{purpose}", grant.files.join(", "))?;
        }
        Ok(())
    }
}
