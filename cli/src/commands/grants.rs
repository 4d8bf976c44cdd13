//! `headwater grants`: what the account has granted, and to how many.

use std::fmt;

use clap::Args;
use client::Client;
use protocol::UnixSeconds;
use serde::Serialize;
use sharing::Identity;

use crate::account as account_file;
use crate::arguments::Globals;
use crate::directory::Directory;
use crate::failure::Outcome;
use crate::grants::{self, Given, PassedOn};
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

/// What helps where files of a grant have changed that follows no names.
pub(crate) const ANEW: &str = "changed since or gone: grant anew, with --series to follow what changes";

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
    /// How often its recipients may pass it on, one after the other.
    may_delegate: Option<u8>,
    passed_on: Vec<PassedOnLine>,
    /// What it opens no more, since it has changed or is gone, and the grant follows no names.
    lost: Vec<String>,
    /// Whether it is for those who break the glass alone.
    emergency: bool,
    #[serde(skip)]
    shown_to: String,
    #[serde(skip)]
    shown_until: String,
}

/// What a recipient, or somebody below one, has passed on.
#[derive(Serialize)]
struct PassedOnLine {
    /// How the identity of who has passed it on begins.
    by: String,
    /// Those to whom.
    to: Vec<String>,
    files: Vec<String>,
    expires: Option<u64>,
    purpose: Option<String>,
    may_delegate: Option<u8>,
    /// How often it was passed on from the grant to here.
    level: usize,
    /// Whether it is of the version of the grant above that counts now; else it opens nothing.
    counts: bool,
    #[serde(skip)]
    shown_by: String,
    #[serde(skip)]
    shown_to: String,
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
            let mut lines = Vec::new();
            let directory = Directory::read(client, &names).await;
            for given in Given::all(client, &names, output).await {
                let below = grants::passed_on(client, &names, &given, output).await;
                grants::note_passed_on(globals, client, &names, &given, &below, &directory)?;
                lines.push(GrantLine::of(&given, &names, self.links, &below, &directory));
            }
            Ok((Answer { grants: lines }, is_complete))
        };
        let (answer, is_complete) = network.with_client(Some(payer), list).await?;
        output.answer(&answer)?;
        Ok(if is_complete { Outcome::Complete } else { Outcome::Incomplete })
    }
}

impl GrantLine {
    fn of(given: &Given, names: &Names, with_link: bool, below: &[PassedOn], directory: &Directory) -> Self {
        let Given { path, entry, opened, note } = given;
        let grant = &opened.grant;
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
            expires: grant.expires.map(UnixSeconds::get),
            has_ended: grant.expires.is_some_and(|at| at <= now()),
            purpose: grant.purpose.as_ref().map(ToString::to_string),
            may_delegate: opened.depth().map(sharing::Depth::get),
            passed_on: below.iter().map(|one| PassedOnLine::of(one, directory)).collect(),
            lost: if note.follows { Vec::new() } else { given.lost(names) },
            emergency: given.is_for_emergencies(),
            shown_to: directory.list(&note.to),
            shown_until: day(grant.expires),
        }
    }
}

impl PassedOnLine {
    fn of(one: &PassedOn, directory: &Directory) -> Self {
        let PassedOn { seen, level, counts } = one;
        Self {
            by: Identity::beginning(seen.by()),
            to: seen.note.to.clone(),
            shown_by: directory.called(seen.by()),
            shown_to: directory.list(&seen.note.to),
            files: seen.note.names.iter().map(ToString::to_string).collect(),
            expires: seen.expires().map(UnixSeconds::get),
            purpose: seen.purpose().map(ToString::to_string),
            may_delegate: seen.depth().map(sharing::Depth::get),
            level: *level,
            counts: *counts,
            shown_until: day(seen.expires()),
        }
    }
}

/// The day of an end, where there is one.
fn day(at: Option<UnixSeconds>) -> String {
    at.map_or_else(String::new, |at| at.to_string().chars().take(10).collect())
}

impl fmt::Display for PassedOnLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shown_by: by, shown_to: to, files, purpose, level, counts, shown_until, .. } = self;
        let purpose = purpose.as_deref().map(|purpose| format!("  for {purpose}")).unwrap_or_default();
        let over = if *counts { "" } else { "  (of another version: opens nothing)" };
        let files = files.join(", ");
        writeln!(
            f,
            "{:1$}passed on by {by} until {shown_until} to {to}: {files}{purpose}{over}",
            "",
            2 * level
        )
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for grant in &self.grants {
            let ended = if grant.has_ended { "ended" } else { "until" };
            let purpose =
                grant.purpose.as_deref().map(|purpose| format!("  for {purpose}")).unwrap_or_default();
            let (name, until) = (&grant.name, &grant.shown_until);
            let series = if grant.series { "  series" } else { "" };
            let emergency = if grant.emergency { "  emergency" } else { "" };
            writeln!(f, "{name}  {ended} {until}  {}{series}{emergency}{purpose}", grant.files.join(", "))?;
            writeln!(f, "  to {}", grant.shown_to)?;
            if !grant.lost.is_empty() {
                writeln!(f, "  OPENS NO MORE: {}; {ANEW}", grant.lost.join(", "))?;
            }
            if let Some(link) = &grant.link {
                writeln!(f, "  {link}")?;
            }
            grant.passed_on.iter().try_for_each(|one| write!(f, "{one}"))?;
        }
        Ok(())
    }
}
