//! `headwater account`: who you are to the nodes.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::account;
use crate::arguments::Globals;
use crate::failure::Outcome;

/// Show the key by which nodes know you, and where your secret lies
///
/// The payer key is public: give it to whoever runs a node, for its --allow, or to whoever writes you a
/// mandate. The secret in the file is not: whoever has it can read and release all that you store. The first use
/// creates it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater account
  headwater node --allow $(headwater account --json | jq -r .payer)")]
pub(crate) struct Account {}

#[derive(Serialize)]
struct Answer {
    payer: String,
    file: PathBuf,
}

impl Account {
    pub(crate) fn run(globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = account::open(globals.account.as_deref(), globals.output())?;
        let payer = account::payer(&secret).public().to_string();
        globals.output().answer(&Answer { payer, file: account::path(globals.account.as_deref())? })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "payer key  {}", self.payer)?;
        writeln!(f, "secret in  {}", self.file.display())
    }
}
