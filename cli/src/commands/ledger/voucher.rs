//! `headwater ledger voucher`: codes that an operator sells.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::Folder;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::ledger_folder::LedgerFolder;
use crate::money::Money;

/// Make codes that viewers top up with
///
/// A code is worth its amount to whoever redeems it first: sell it as you would sell a banknote. The ledger need not run.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger voucher --dir /srv/ledger --amount 5.00
  headwater ledger voucher --dir /srv/ledger --amount 10 --count 100 > codes.txt")]
pub(super) struct Voucher {
    #[command(flatten)]
    folder: Folder,

    /// What each is worth, in units of the ledger
    #[arg(long, value_name = "AMOUNT")]
    amount: Money,

    /// How many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
}

#[derive(Serialize)]
struct Answer {
    amount: String,
    codes: Vec<String>,
}

impl Voucher {
    pub(super) fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        if self.amount.0.is_zero() {
            return Err(Usage::because("--amount 0: a code that is worth nothing is none"));
        }
        let folder = LedgerFolder::open(&self.folder.dir)?;
        let code = |_| folder.keys.top_up_code(self.amount.0, rand::random()).map(|code| code.to_string());
        let codes: Result<Vec<String>, _> = (0..self.count).map(code).collect();
        let codes = codes.map_err(|error| Usage::because(error.to_string()))?;
        globals.output().answer(&Answer { amount: self.amount.0.to_string(), codes })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.codes.iter().try_for_each(|code| writeln!(f, "{code}"))
    }
}
