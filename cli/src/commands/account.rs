//! `headwater account`: who you are to the nodes, and the way back from one secret.

mod phrase;
mod restore;

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use publishing::Creator;
use serde::Serialize;

use crate::account;
use crate::arguments::Globals;
use crate::failure::Outcome;

/// Show the keys by which others know you, and where your secret lies
///
/// All keys are public; the payment key is who you are to ledgers. Give the payer key to whoever runs a node, for its --allow, or to whoever writes you a
/// mandate; the creator key to whoever runs a gateway, for its --creator, or its --denylist. The secret in the file is not: whoever has it can read and release all that you store. The first use
/// creates it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater account
  headwater account phrase
  headwater account restore
  headwater node --allow $(headwater account --json | jq -r .payer)")]
pub(crate) struct Account {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Phrase(phrase::Phrase),
    Restore(restore::Restore),
}

#[derive(Serialize)]
struct Answer {
    payer: String,
    creator: String,
    /// Who watches on account and shares in titles.
    payment: String,
    file: PathBuf,
}

impl Account {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match self.command {
            None => Self::show(globals),
            Some(Command::Phrase(_)) => phrase::Phrase::run(globals),
            Some(Command::Restore(_)) => restore::Restore::run(globals).await,
        }
    }

    fn show(globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = account::open(globals.account.as_deref(), globals.output())?;
        let payer = account::payer(&secret).public().to_string();
        let payment = account::payment(&secret).public().to_string();
        let creator = Creator::new(secret).public().to_string();
        let file = account::path(globals.account.as_deref())?;
        globals.output().answer(&Answer { payer, creator, payment, file })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "payer key    {}", self.payer)?;
        writeln!(f, "creator key  {}", self.creator)?;
        writeln!(f, "payment key  {}", self.payment)?;
        writeln!(f, "secret in    {}", self.file.display())
    }
}
