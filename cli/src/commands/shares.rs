//! `headwater shares`: the links that this account has made on this machine.

use std::fmt;

use account::Account;
use clap::Args;
use protocol::UnixSeconds;
use serde::Serialize;

use crate::account as account_file;
use crate::arguments::Globals;
use crate::date;
use crate::failure::Outcome;
use crate::membership::Network;
use crate::names::now;
use crate::shares::{KeptShare, KeptShares};
use crate::trail::raise_alarms;

/// List the links by which you have shared files
///
/// The list lies on this machine. It holds no secret: with --links they are made once more from your account.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater shares
  headwater shares --links --json | jq -r '.shares[0].link'")]
pub(crate) struct Shares {
    /// Show the links themselves: whoever sees them can open what has no passcode
    #[arg(long)]
    links: bool,
}

#[derive(Serialize)]
struct Answer {
    shares: Vec<Line>,
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
    pub(crate) fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let account = Account::new(account_file::open(globals.account.as_deref(), globals.output())?);
        raise_alarms(globals, account.secret(), Network::id(globals.network.as_deref())?)?;
        let mut shares = Vec::new();
        for share in KeptShares::open(globals)?.all()? {
            let link = self.links.then(|| share.link(account.secret())).transpose()?;
            let link = link.map(|link| link.to_string());
            shares.push(Line { state: state(&share), share, link });
        }
        globals.output().answer(&Answer { shares })?;
        Ok(Outcome::Complete)
    }
}

fn state(share: &KeptShare) -> &'static str {
    let is_over = share.expires.is_some_and(|expires| UnixSeconds::new(expires).has_passed(now()));
    match share.revoked {
        Some(_) => "revoked",
        None if is_over => "over",
        None => "open",
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
        Ok(())
    }
}
