//! `headwater identity`: the public keys under which others know this account.

use std::fmt;

use clap::Args;
use serde::Serialize;
use sharing::OwnIdentity;

use crate::account;
use crate::arguments::Globals;
use crate::failure::Outcome;

/// Show under which text others grant files to you
///
/// It holds two public keys, which follow from your account: give it to whoever wants to grant you something, in a way in which they
/// know that it comes from you. With --hybrid what is granted to it stays closed for whoever has a quantum computer one day.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater identity
  headwater identity --hybrid > my.id              long: others say --to @my.id
  headwater identity --json | jq -r .identity")]
pub(crate) struct Identity {
    /// With a key of ML-KEM-768 and X25519 together (X-Wing) in the place of one of X25519: 1677 characters
    #[arg(long)]
    hybrid: bool,
}

#[derive(Serialize)]
struct Answer {
    identity: String,
    /// The key that signs this account's grants.
    signs: String,
}

impl Identity {
    pub(crate) fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let own = OwnIdentity::of(&account::open(globals.account.as_deref(), output)?);
        let own = if self.hybrid { own.hybrid() } else { own.public() };
        output.answer(&Answer { identity: own.to_string(), signs: own.signs().to_string() })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.identity)
    }
}
