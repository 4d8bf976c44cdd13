//! `headwater ledger balance`: what is on your accounts.

use std::fmt;

use clap::Args;
use ledger::Inquired;
use serde::{Deserialize, Serialize};

use super::At;
use super::signer::Signer;
use crate::arguments::Globals;
use crate::failure::Outcome;

/// Show what is on your accounts
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater ledger balance --ledger http://127.0.0.1:8700")]
pub(super) struct Balance {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    signer: Signer,
}

#[derive(Deserialize, Serialize)]
struct Answer {
    party: String,
    unit: String,
    epoch: u64,
    funds: String,
    reserved: String,
    earned: String,
    held: String,
    paid: String,
    licences: Vec<Licence>,
}

/// A licence that the key holds.
#[derive(Deserialize, Serialize)]
struct Licence {
    name: String,
    agreement: String,
    number: u64,
    resale_ppm: Option<u32>,
}

impl Balance {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = self.signer.open(globals)?;
        let ledger = self.at.connect_to_sign(globals).await?;
        let answer: Answer = ledger.inquire(&secret, Inquired::Balance, None).await?;
        globals.output().answer(&answer)?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { party, unit, epoch, funds, reserved, earned, held, paid, licences } = self;
        writeln!(f, "party       {party}")?;
        writeln!(f, "epoch       {epoch}")?;
        writeln!(f, "funds       {funds} {unit}")?;
        writeln!(f, "reserved    {reserved} {unit}")?;
        writeln!(f, "earned      {earned} {unit}")?;
        writeln!(f, "held back   {held} {unit}")?;
        writeln!(f, "claimed     {paid} {unit}")?;
        for Licence { name, agreement, resale_ppm, .. } in licences {
            let resale = if resale_ppm.is_some() { "" } else { ", which may not be passed on" };
            writeln!(f, "licence     {name}, of agreement {agreement}{resale}")?;
        }
        Ok(())
    }
}
