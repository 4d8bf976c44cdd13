//! `headwater grants`: what the account has granted, and to how many.

use std::fmt;

use clap::Args;
use client::Client;
use serde::Serialize;

use crate::account as account_file;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::grants::{self, Given};
use crate::membership::Network;
use crate::names::{Names, now};
use crate::trail::raise_alarms;

/// List what you have granted, to whom, until when
///
/// With --update series whose names stand for other files by now get their next version; commands that put files do that by themselves.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater grants
  headwater grants --json | jq '.grants[] | select(.purpose == \"treatment\")'")]
pub(crate) struct Grants {
    /// Publish the next versions of series that are due
    #[arg(long)]
    update: bool,

    /// Show the links once more
    #[arg(long)]
    links: bool,
}

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
    /// Who, as texts.
    to: Vec<String>,
    series: bool,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
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
        raise_alarms(globals, names.account.secret(), network.file.network)?;
        let payer = account_file::payer(names.account.secret());
        let list = async |client: &Client| {
            names.pull(client).await?;
            let mut is_complete = true;
            if self.update {
                let coding = network.usual_coding(client)?;
                for followed in grants::follow(client, &mut names, coding, globals).await? {
                    is_complete &= followed.failed.is_none();
                    output.note(followed);
                }
                names.push(client, coding).await?;
            }
            let all = Given::all(client, &names, output).await;
            let lines = all.iter().map(|given| GrantLine::of(given, &names, self.links)).collect();
            Ok((Answer { grants: lines }, is_complete))
        };
        let (answer, is_complete) = network.with_client(Some(payer), list).await?;
        output.answer(&answer)?;
        Ok(if is_complete { Outcome::Complete } else { Outcome::Incomplete })
    }
}

impl GrantLine {
    fn of(given: &Given, names: &Names, with_link: bool) -> Self {
        let Given { path, entry, opened, note } = given;
        let grant = &opened.grant;
        let until = |at: protocol::UnixSeconds| at.to_string().chars().take(10).collect();
        Self {
            name: path.to_string(),
            cid: entry.object.to_string(),
            files: opened.files.iter().map(|file| file.name.to_string()).collect(),
            recipients: note.to.len(),
            to: note.to.clone(),
            series: note.follows,
            version: grant.seq.get(),
            link: with_link.then(|| given.keys(names).link().to_string()),
            issued: grant.issued.get(),
            expires: grant.expires.map(protocol::UnixSeconds::get),
            has_ended: grant.expires.is_some_and(|at| at <= now()),
            purpose: grant.purpose.as_ref().map(ToString::to_string),
            shown_until: grant.expires.map_or_else(String::new, until),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for grant in &self.grants {
            let ended = if grant.has_ended { "ended" } else { "until" };
            let purpose =
                grant.purpose.as_deref().map(|purpose| format!("  for {purpose}")).unwrap_or_default();
            let (name, recipients, until) = (&grant.name, grant.recipients, &grant.shown_until);
            let series = if grant.series { "  series" } else { "" };
            writeln!(
                f,
                "{name}  {ended} {until}  to {recipients}: {}{series}{purpose}",
                grant.files.join(", ")
            )?;
            if let Some(link) = &grant.link {
                writeln!(f, "  {link}")?;
            }
        }
        Ok(())
    }
}
