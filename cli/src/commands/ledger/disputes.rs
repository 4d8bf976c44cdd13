//! `headwater ledger disputes`: what is disputed, and what the ledger holds for it.

use std::fmt;

use clap::Args;
use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

use super::At;
use crate::arguments::Globals;
use crate::failure::Outcome;

/// List what is disputed, what the ledger holds back for it, and what became of that
///
/// All of it stands in the log, too, where `headwater ledger verify` checks that no more was held than was disputed, and that it
/// went to whoever has disputed it, or back.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater ledger disputes --ledger http://127.0.0.1:8700")]
pub(super) struct Disputes {
    #[command(flatten)]
    at: At,
}

#[derive(Deserialize, Serialize)]
struct Answer {
    unit: String,
    disputes: Vec<Dispute>,
}

#[derive(Deserialize, Serialize)]
struct Dispute {
    name: String,
    by: String,
    party: String,
    amount: String,
    /// Unix time in seconds.
    at: u64,
    index: u64,
    holds: Vec<Hold>,
}

#[derive(Deserialize, Serialize)]
struct Hold {
    name: String,
    amount: String,
    at: u64,
    index: u64,
    resolved: Option<Resolved>,
}

#[derive(Deserialize, Serialize)]
struct Resolved {
    given: String,
    at: u64,
    index: u64,
}

impl Disputes {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let ledger = self.at.connect().await?;
        globals.output().answer(&ledger.get::<Answer>("v1/disputes").await?)?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.disputes.is_empty() {
            writeln!(f, "nothing is disputed")?;
        }
        let unit = &self.unit;
        for Dispute { name, by, party, amount, at, index, holds } in &self.disputes {
            writeln!(f, "{}  {amount} {unit} of {party}", UnixSeconds::new(*at))?;
            writeln!(f, "    disputed by {by}, entry {index}: {name}")?;
            for Hold { name, amount, index, resolved, .. } in holds {
                writeln!(f, "    {amount} {unit} were held, entry {index}: {name}")?;
                if let Some(Resolved { given, index, .. }) = resolved {
                    writeln!(f, "    of which {given} {unit} were given, entry {index}")?;
                }
            }
        }
        Ok(())
    }
}
