//! `headwater hold`: what has to stay, until a date or until it is released.

use std::fmt;

use account::Change;
use anyhow::bail;
use clap::Args;
use client::Client;
use protocol::UnixSeconds;
use serde::Serialize;
use sharing::{AccountIndex, EntryName, Facts, Hold as Body, IndexPath, TrailText, TrailWhat};

use crate::account as account_file;
use crate::arguments::Globals;
use crate::date::{self, Date};
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::names::{Names, now, parse_path};
use crate::trail::TrailFile;
use crate::{holds, packs};

/// Lay down that a file, a folder or a record stays, until a date or for a matter at law
///
/// While it holds, `rm`, `mv`, `revoke` and S3 refuse to take it away, its keys are not destroyed and its leases not ended by you. It binds this
/// program and your index: who has your account's secret can release it, which your audit trail shows. That nodes keep it so long is
/// for leases and for a steward with a mandate that reaches beyond the date.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater hold /records/patients --until 2036-12-31
  headwater hold /scan.dcm --legal 'case 17/4411'
  headwater hold /scan.dcm --release
  headwater hold")]
pub(crate) struct Hold {
    /// What stays [default: lists all holds]
    name: Option<String>,

    /// Until the beginning of this day, such as 2036-12-31
    #[arg(long, value_name = "DATE", requires = "name", conflicts_with = "release")]
    until: Option<Date>,

    /// For this reason, until it is released
    #[arg(long, value_name = "REASON", requires = "name", conflicts_with = "release")]
    legal: Option<String>,

    /// It need not stay any more
    #[arg(long, requires = "name")]
    release: bool,
}

#[derive(Serialize)]
struct Answer {
    holds: Vec<Line>,
    /// Whether the network's index knows of it already.
    pushed: bool,
}

#[derive(Serialize)]
struct Line {
    name: String,
    since: UnixSeconds,
    until: Option<UnixSeconds>,
    legal: Option<String>,
    /// Whether it holds now.
    holds: bool,
    #[serde(skip)]
    words: String,
}

impl Hold {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let change = async |client: &Client| {
            names.pull(client).await?;
            let Some(path) = self.name.as_deref().map(parse_path).transpose()? else { return Ok(true) };
            let (change, facts) = self.change(names.local.index(), &path)?;
            if let Change::Hold(_, hold) = &change
                && let Some(ends) = ends_before(names.local.index(), &path, hold)
            {
                let day = date::local_day(ends);
                globals.output().note(format_args!(
                    "nodes keep what is held until {day} as far as is known: `headwater mandate {path}` and a steward keep it longer"
                ));
            }
            let pushed = names.write(client, network.usual_coding(client)?, vec![change]).await?;
            TrailFile::open(globals, names.account.secret(), network.file.network)?.append(facts)?;
            if pushed {
                // Whoever removed it at the same moment sees the hold, or is seen here.
                names.pull(client).await?;
            }
            if !self.release && !is_there(names.local.index(), &path) {
                bail!(
                    "another of your devices has removed {path} in the same moment: the hold came too late"
                );
            }
            Ok(pushed)
        };
        let pushed = network.with_client(Some(payer), change).await?;
        let holds = names.local.index().holds().map(|(path, hold)| Line::new(path, hold)).collect();
        globals.output().answer(&Answer { holds, pushed })?;
        Ok(Outcome::Complete)
    }

    fn change(&self, index: &AccountIndex, path: &IndexPath) -> anyhow::Result<(Change, Facts)> {
        let known = index.holds().find(|(held, _)| *held == path).map(|(_, hold)| hold);
        if self.release {
            let Some(known) = known else { bail!("{path} is not held") };
            let about = TrailText::cut(&format!("{path}, which was held {}", holds::reason(known)));
            let facts = Facts { about, ..Facts::new(TrailWhat::HoldReleased, now()) };
            return Ok((Change::Gone(EntryName::Hold(path.clone()), now()), facts));
        }
        if !is_there(index, path) {
            bail!("there is nothing called {path} in your index");
        }
        let until = self.until.map(Date::begins).or(known.and_then(Body::until));
        if let Some(before) = known.and_then(Body::until)
            && until.is_some_and(|until| until < before)
        {
            bail!(
                "{path} is held {} already: release that first",
                known.map(holds::reason).unwrap_or_default()
            );
        }
        let legal = self.legal.as_deref().map(TrailText::new).transpose();
        let legal = legal.map_err(|error| Usage::because(error.to_string()))?;
        let legal = legal.or_else(|| known.and_then(Body::legal).cloned());
        let hold = Body::new(now(), until, legal).map_err(|_| {
            Usage::because("say --until with a date to come, --legal with a reason, or --release")
        })?;
        let about = TrailText::cut(&format!("{path}, {}", holds::reason(&hold)));
        let facts = Facts { about, ..Facts::new(TrailWhat::Held, now()) };
        Ok((Change::Hold(path.clone(), hold), facts))
    }
}

/// Whether the index has anything with this path, or that may be in a folder of records with it.
fn is_there(index: &AccountIndex, path: &IndexPath) -> bool {
    index.file(path).is_some()
        || index.folder(path).is_some()
        || index.files_in(path).next().is_some()
        || packs::above(index, path).is_some()
}

/// When the first leases of what is held end, where that is before its hold does.
fn ends_before(index: &AccountIndex, path: &IndexPath, hold: &Body) -> Option<UnixSeconds> {
    let folder = packs::above(index, path).map(|(folder, _)| folder);
    let file = index.file(folder.as_ref().unwrap_or(path)).map(|file| file.until);
    let ends = file.into_iter().chain(index.files_in(path).map(|(_, file)| file.until)).min()?;
    (hold.legal().is_some() || hold.until().is_some_and(|until| ends < until)).then_some(ends)
}

impl Line {
    fn new(path: &IndexPath, hold: &Body) -> Self {
        Self {
            name: path.to_string(),
            since: hold.since(),
            until: hold.until(),
            legal: hold.legal().map(|reason| reason.as_str().to_owned()),
            holds: hold.holds(now()),
            words: holds::reason(hold),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { name, holds, words, .. } in &self.holds {
            writeln!(f, "{}  {name}  {words}", if *holds { "held" } else { "over" })?;
        }
        Ok(())
    }
}
