//! `headwater identity`: the public keys under which others know this account, and the way back for several people together.

mod join;
mod split;

use std::fmt;
use std::path::PathBuf;

use account::AgeIdentity;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde::Serialize;
use sharing::OwnIdentity;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::{account as account_file, private_file};

/// Show under which text others grant files to you
///
/// It holds two public keys, which follow from your account: give it to whoever wants to grant you something, in a way in which they
/// know that it comes from you. With --hybrid what is granted to it stays closed for whoever has a quantum computer one day. With --age it
/// is a recipient of age: files that are encrypted to it are read by `headwater open FILE.age`.
///
/// What several people are to bring back together, and none of them alone, is the secret of the account: `split`, and `join`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  headwater identity
  headwater identity --hybrid > my.id              long: others say --to @my.id
  headwater identity --age
  headwater identity --json | jq -r .identity
  headwater identity split --of 5 --need 3 -o shares
  headwater identity join shares/*")]
pub(crate) struct Identity {
    #[command(subcommand)]
    command: Option<Command>,

    /// With a key of ML-KEM-768 and X25519 together (X-Wing) in the place of one of X25519: 1677 characters
    #[arg(long)]
    hybrid: bool,

    /// As a recipient of age
    #[arg(long, conflicts_with = "hybrid")]
    age: bool,

    /// With --age: write the secret key too, for programs that read age's files without this one
    #[arg(long, value_name = "FILE", requires = "age")]
    secret_to: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Split(split::Split),
    Join(join::Join),
}

#[derive(Serialize)]
struct Answer {
    identity: String,
    /// The key that signs this account's grants.
    signs: String,
    /// Where age's secret key was written.
    secret: Option<PathBuf>,
}

impl Identity {
    pub(crate) fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match &self.command {
            None => self.show(globals),
            Some(Command::Split(split)) => split.run(globals),
            Some(Command::Join(join)) => join.run(globals),
        }
    }

    fn show(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let account = account_file::open(globals.account.as_deref(), output)?;
        let own = OwnIdentity::of(&account);
        let signs = own.public().signs().to_string();
        let identity = if self.age {
            let age = AgeIdentity::of(&account);
            if let Some(path) = &self.secret_to {
                let text = age.expose_file();
                let written = private_file::create(path, text.as_bytes());
                written.with_context(|| format!("cannot write {}", path.display()))?;
            }
            age.recipient()
        } else if self.hybrid {
            own.hybrid().to_string()
        } else {
            own.public().to_string()
        };
        output.answer(&Answer { identity, signs, secret: self.secret_to.clone() })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.identity)
    }
}
