//! `headwater shares`: the links that this account has made on this machine, and health links of its other devices.

use std::fmt;

use account::Account;
use clap::Args;
use protocol::UnixSeconds;
use serde::Serialize;
use sharing::{HealthFlags, LinkId, Trail, TrailWhat};

use crate::account as account_file;
use crate::arguments::Globals;
use crate::date;
use crate::ends::{self, Ends};
use crate::failure::Outcome;
use crate::health::{self, Book, BookEntry};
use crate::membership::{self, Network};
use crate::names::now;
use crate::printable;
use crate::shares::{KeptShare, KeptShares};
use crate::trail::{TrailFile, raise_alarms};

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
    /// `L`: its files may change; `P`: it has a passcode; `U`: one file.
    flags: HealthFlags,
    patient: Option<String>,
    purpose: Option<String>,
    /// Another device of the account has made it.
    elsewhere: bool,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    share: KeptShare,
    /// `open`, `over`, `revoked`, `locked`; `ending`: revoked, and its gateway has not confirmed it; `unknown`: whether it was ever made.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl Shares {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let account = Account::new(account_file::open(globals.account.as_deref(), globals.output())?);
        let network = Network::id(globals.network.as_deref())?;
        raise_alarms(globals, account.secret(), network)?;
        if !self.offline {
            ends::send(globals, account.secret(), network).await?;
        }
        let trail = TrailFile::read(globals, account.secret(), network)?;
        let known = Known { trail: trail.trail(), ends: Ends::open(globals)? };
        let mut shares = Vec::new();
        for share in KeptShares::open(globals)?.all()? {
            let link = self.links.then(|| share.link(account.secret())).transpose()?;
            let link = link.map(|link| link.to_string());
            shares.push(Line { state: known.state(&share)?, share, link });
        }
        let has_network = globals.network.is_some() || membership::path(None)?.exists();
        if !self.offline && has_network {
            health::learn(globals).await;
        }
        globals.output().answer(&Answer { shares, health: known.health_lines(&Book::open(globals)?)? })?;
        Ok(Outcome::Complete)
    }
}

/// What this machine knows of its links.
struct Known<'a> {
    trail: &'a Trail,
    ends: Ends,
}

impl Known<'_> {
    fn health_lines(&self, book: &Book) -> anyhow::Result<Vec<HealthLine>> {
        let line = |elsewhere| {
            move |entry: BookEntry| HealthLine {
                id: entry.id.to_string(),
                gateway: entry.gateway.to_string(),
                state: self.state_of(entry.id, entry.ended.is_some(), entry.expires),
                expires: entry.expires,
                label: entry.label,
                contents: entry.contents,
                flags: entry.flags,
                patient: entry.patient,
                purpose: entry.purpose,
                elsewhere,
            }
        };
        let own = book.entries()?.into_iter().map(line(false));
        Ok(own.chain(book.entries_elsewhere()?.into_iter().map(line(true))).collect())
    }

    fn state(&self, share: &KeptShare) -> anyhow::Result<&'static str> {
        if share.is_unconfirmed && !self.ends.waits(share.id()?) {
            return Ok("unknown");
        }
        Ok(self.state_of(share.id()?, share.revoked.is_some(), share.expires.map(UnixSeconds::new)))
    }

    fn state_of(&self, id: LinkId, is_revoked: bool, expires: Option<UnixSeconds>) -> &'static str {
        if expires.is_some_and(|expires| expires.has_passed(now())) && !is_revoked {
            return "over";
        }
        if self.ends.waits(id) {
            return "ending";
        }
        if is_revoked { "revoked" } else { state_in(self.trail, id) }
    }
}

/// What the audit trail has of a link: revoked, wherever that was done, or locked by wrong passcodes.
fn state_in(trail: &Trail, id: LinkId) -> &'static str {
    if trail.has(id, TrailWhat::LinkEnded) {
        return "revoked";
    }
    // What is put behind a link anew brings its attempts back.
    let last =
        trail.of_link(id).rfind(|facts| matches!(facts.what, TrailWhat::Locked | TrailWhat::LinkChanged));
    if last.is_some_and(|facts| facts.what == TrailWhat::Locked) { "locked" } else { "open" }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { share, state, link } in &self.shares {
            let until = share.expires.map(|time| date::local_day(UnixSeconds::new(time))).unwrap_or_default();
            let names: Vec<_> = share.files.iter().map(|file| file.name.as_str()).collect();
            let passcode = if share.passcode { "  passcode" } else { "" };
            writeln!(f, "{}  {state:7}  until {until}{passcode}  {}", share.id, names.join(", "))?;
            write_about(f, share.label.as_deref(), share.patient.as_deref(), share.purpose.as_deref())?;
            if let Some(link) = link {
                writeln!(f, "  {link}")?;
            }
        }
        for line in &self.health {
            let HealthLine { id, state, expires, label, contents, patient, purpose, .. } = line;
            let until = expires.map_or_else(|| "it is revoked".to_owned(), date::local_day);
            writeln!(f, "{id}  {state:7}  until {until}  {}  {}", line.kind(), contents.join(", "))?;
            write_about(f, label.as_deref(), patient.as_deref(), purpose.as_deref())?;
        }
        Ok(())
    }
}

impl HealthLine {
    /// What sets the link apart from others.
    fn kind(&self) -> String {
        let Self { flags, elsewhere, .. } = *self;
        let kinds = [
            (true, "health"),
            (flags.is_long_term(), "long-term"),
            (flags.has_passcode(), "passcode"),
            (flags.is_single(), "single"),
            (elsewhere, "made elsewhere"),
        ];
        let words: Vec<_> = kinds.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word).collect();
        words.join("  ")
    }
}

/// A line with what its owner has said about a link, where they have.
fn write_about(
    f: &mut fmt::Formatter<'_>,
    label: Option<&str>,
    patient: Option<&str>,
    purpose: Option<&str>,
) -> fmt::Result {
    let patient = patient.map(|patient| format!("patient {patient}"));
    let said: Vec<_> =
        [label, patient.as_deref(), purpose].into_iter().flatten().map(printable::escaped).collect();
    if said.is_empty() { Ok(()) } else { writeln!(f, "  {}", said.join(", ")) }
}

#[cfg(test)]
mod tests {
    use chunker::AccountSecret;
    use protocol::NetworkId;
    use sharing::{Facts, TrailKeys};

    use super::*;

    #[test]
    fn a_link_is_locked_or_revoked_when_the_trail_has_it() {
        let keys = TrailKeys::derive(&AccountSecret::from_bytes([1; 32]));
        let mut trail = Trail::begin(keys.signer().public(), NetworkId::from_bytes([2; 32]));
        let id = LinkId::from_bytes([3; 32]);
        for (what, state) in [
            (TrailWhat::LinkMade, "open"),
            (TrailWhat::Refused, "open"),
            (TrailWhat::Locked, "locked"),
            (TrailWhat::LinkChanged, "open"),
            (TrailWhat::Locked, "locked"),
            (TrailWhat::LinkEnded, "revoked"),
        ] {
            let record = trail.next(&keys, Facts { link: Some(id), ..Facts::new(what, UnixSeconds::new(1)) });
            trail.take(&record).unwrap();
            assert_eq!(state_in(&trail, id), state, "{what:?}");
        }
        assert_eq!(state_in(&trail, LinkId::from_bytes([4; 32])), "open");
    }
}
