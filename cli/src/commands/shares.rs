//! `headwater shares`: the links that this account has made on this machine, and health links of its other devices.

use std::fmt;

use account::Account;
use clap::Args;
use protocol::UnixSeconds;
use serde::Serialize;

use crate::account as account_file;
use crate::arguments::Globals;
use crate::date;
use crate::failure::Outcome;
use crate::health::{self, Book, BookEntry};
use crate::membership::{self, Network};
use crate::names::now;
use crate::shares::{KeptShare, KeptShares};
use crate::trail::raise_alarms;

/// List the links by which you have shared files
///
/// The list lies on this machine. It holds no secret: with --links they are made once more from your account. Health links stand in
/// your index, too, so that all your devices know and end them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater shares
  headwater shares --links --json | jq -r '.shares[0].link'")]
pub(crate) struct Shares {
    /// Show the links themselves: whoever sees them can open what has no passcode
    #[arg(long)]
    links: bool,

    /// Do not ask the network for health links of your other devices
    #[arg(long)]
    offline: bool,
}

#[derive(Serialize)]
struct Answer {
    shares: Vec<Line>,
    health: Vec<HealthLine>,
}

#[derive(Serialize)]
struct HealthLine {
    id: String,
    gateway: String,
    state: &'static str,
    expires: Option<UnixSeconds>,
    label: Option<String>,
    contents: Vec<String>,
    /// Another device of the account has made it.
    elsewhere: bool,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    share: KeptShare,
    /// `open`, `over` or `revoked`, as far as this machine knows.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl Shares {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let account = Account::new(account_file::open(globals.account.as_deref(), globals.output())?);
        raise_alarms(globals, account.secret(), Network::id(globals.network.as_deref())?)?;
        let mut shares = Vec::new();
        for share in KeptShares::open(globals)?.all()? {
            let link = self.links.then(|| share.link(account.secret())).transpose()?;
            let link = link.map(|link| link.to_string());
            shares.push(Line { state: state(&share), share, link });
        }
        let has_network = globals.network.is_some() || membership::path(None)?.exists();
        if !self.offline && has_network {
            health::learn(globals).await;
        }
        globals.output().answer(&Answer { shares, health: health_lines(&Book::open(globals)?)? })?;
        Ok(Outcome::Complete)
    }
}

fn health_lines(book: &Book) -> anyhow::Result<Vec<HealthLine>> {
    let line = |elsewhere| {
        move |entry: BookEntry| HealthLine {
            id: entry.id.to_string(),
            gateway: entry.gateway.to_string(),
            state: state_of(entry.ended.is_some(), entry.expires),
            expires: entry.expires,
            label: entry.label,
            contents: entry.contents,
            elsewhere,
        }
    };
    let own = book.entries()?.into_iter().map(line(false));
    Ok(own.chain(book.entries_elsewhere()?.into_iter().map(line(true))).collect())
}

fn state(share: &KeptShare) -> &'static str {
    state_of(share.revoked.is_some(), share.expires.map(UnixSeconds::new))
}

fn state_of(is_revoked: bool, expires: Option<UnixSeconds>) -> &'static str {
    let is_over = expires.is_some_and(|expires| expires.has_passed(now()));
    match (is_revoked, is_over) {
        (true, _) => "revoked",
        (false, true) => "over",
        (false, false) => "open",
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { share, state, link } in &self.shares {
            let until = share.expires.map(|time| date::local_day(UnixSeconds::new(time))).unwrap_or_default();
            let names: Vec<_> = share.files.iter().map(|file| file.name.as_str()).collect();
            let passcode = if share.passcode { "  passcode" } else { "" };
            writeln!(f, "{}  {state:7}  until {until}{passcode}  {}", share.id, names.join(", "))?;
            if let Some(label) = &share.label {
                writeln!(f, "  {label}")?;
            }
            if let Some(link) = link {
                writeln!(f, "  {link}")?;
            }
        }
        for HealthLine { id, state, expires, label, contents, elsewhere, .. } in &self.health {
            let until = expires.map_or_else(|| "it is revoked".to_owned(), date::local_day);
            let device = if *elsewhere { "  made elsewhere" } else { "" };
            writeln!(f, "{id}  {state:7}  until {until}  health{device}  {}", contents.join(", "))?;
            if let Some(label) = label {
                writeln!(f, "  {label}")?;
            }
        }
        Ok(())
    }
}
