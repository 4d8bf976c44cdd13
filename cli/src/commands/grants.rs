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
use crate::grants::{self, Found, Given, PassedOn};
use crate::membership::Network;
use crate::names::{Names, now};
use crate::secrets::SecretArg;
use crate::trail::raise_alarms;

/// List what you have granted, to whom, until when
///
/// With --update series whose names stand for other files by now get their next version; commands that put files do that by themselves.
/// What was sealed for emergencies and has changed since is sealed anew.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater grants
  headwater grants --json | jq '.grants[] | select(.purpose == \"treatment\")'")]
pub(crate) struct Grants {
    /// Publish the next versions of series that are due, and seal anew what has changed since it was sealed for emergencies
    #[arg(long)]
    update: bool,

    /// With --update: the gateway's upload token, preferably as @FILE; without it nothing is sealed anew that ends more than 31 days from now
    #[arg(long, value_name = "TOKEN", requires = "update")]
    upload_token: Option<SecretArg>,

    /// Show the links once more
    #[arg(long)]
    links: bool,
}

/// What helps where files of a grant have changed that follows no names.
pub(crate) const ANEW: &str = "changed since or gone: grant anew, with --series to follow what changes";
/// What helps where something has changed that was sealed for emergencies.
pub(crate) const SEAL_ANEW: &str = "`headwater grants --update` seals it as it is now";

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
    /// What has changed of it, or is gone, since it was sealed for them.
    changed: Vec<String>,
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
    /// Those to whom, as far as their giver names them.
    to: Vec<String>,
    /// For how many more it is.
    unnamed: usize,
    files: Vec<String>,
    expires: Option<u64>,
    purpose: Option<String>,
    may_delegate: Option<u8>,
    /// How often it was passed on from the grant to here.
    level: usize,
    /// Whether it is of the version of the grant above that counts now; else it opens nothing.
    counts: bool,
    /// Whether it has ended.
    has_ended: bool,
    /// Why nobody above can read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    /// The number of the version: so many stood there before.
    version: u64,
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
        let token = self.upload_token.as_ref().map(SecretArg::read).transpose()?;
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        raise_alarms(globals, names.account.secret(), network.file.network)?;
        let payer = account_file::payer(names.account.secret());
        let list = async |client: &Client| {
            names.pull(client).await?;
            let mut is_complete = true;
            if self.update {
                let coding = network.usual_coding(client)?;
                let token = token.as_ref().map(|token| token.as_str());
                let mut all = grants::seal_anew(client, &mut names, coding, globals, token).await?;
                all.extend(grants::follow(client, &mut names, coding, globals).await?);
                for followed in all {
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
            passed_on: below.iter().map(|one| PassedOnLine::of(one, given, directory)).collect(),
            lost: if note.follows { Vec::new() } else { given.lost(names) },
            emergency: given.is_for_emergencies(),
            changed: grants::changed(names, &note.sealed),
            shown_to: directory.list(&note.to),
            shown_until: day(grant.expires),
        }
    }
}

impl PassedOnLine {
    fn of(one: &PassedOn, given: &Given, directory: &Directory) -> Self {
        let (seen, counts) = match &one.found {
            Found::Seen { seen, counts } => (Some(seen), *counts),
            Found::Ended | Found::Unreadable(_) => (None, false),
        };
        let expires = seen.and_then(|seen| seen.expires());
        Self {
            by: Identity::beginning(one.by),
            to: seen.iter().flat_map(|seen| &seen.to).map(ToString::to_string).collect(),
            unnamed: seen.map_or(0, |seen| seen.unnamed),
            shown_by: directory.called(one.by),
            shown_to: one.to(directory),
            files: one.files(given),
            expires: expires.map(UnixSeconds::get),
            purpose: seen.and_then(|seen| seen.purpose()).map(ToString::to_string),
            may_delegate: seen.and_then(|seen| seen.depth()).map(sharing::Depth::get),
            level: one.level,
            counts,
            has_ended: matches!(one.found, Found::Ended),
            unreadable: match &one.found {
                Found::Unreadable(why) => Some(why.clone()),
                Found::Seen { .. } | Found::Ended => None,
            },
            version: one.seq.get(),
            shown_until: day(expires),
        }
    }
}

/// The day of an end, where there is one.
fn day(at: Option<UnixSeconds>) -> String {
    at.map_or_else(String::new, |at| at.to_string().chars().take(10).collect())
}

impl fmt::Display for PassedOnLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shown_by: by, shown_to: to, files, purpose, level, counts, shown_until, version, .. } =
            self;
        write!(f, "{:1$}", "", 2 * level)?;
        if self.has_ended {
            return writeln!(f, "passed on by {by} before, and ended (version {version})");
        }
        if let Some(why) = &self.unreadable {
            return writeln!(f, "PASSED ON BY {by}, AND NOT TO BE READ BY YOU: {why}; revoke it --from them");
        }
        let purpose = purpose.as_deref().map(|purpose| format!("  for {purpose}")).unwrap_or_default();
        let over = if *counts { "" } else { "  (of another version: opens nothing)" };
        let files = files.join(", ");
        writeln!(f, "passed on by {by} until {shown_until} to {to}: {files}{purpose}{over}")
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
            if !grant.changed.is_empty() {
                writeln!(f, "  SEALED BEFORE {} CHANGED: {SEAL_ANEW}", grant.changed.join(", "))?;
            }
            if let Some(link) = &grant.link {
                writeln!(f, "  {link}")?;
            }
            grant.passed_on.iter().try_for_each(|one| write!(f, "{one}"))?;
        }
        Ok(())
    }
}
