//! `headwater ledger deposit`: says that money was paid in; and, as the operator, that it came.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Context;
use clap::Args;
use data_encoding::BASE64URL_NOPAD;
use ledger::{PaymentId, Remark, Unit};
use protocol::Signed;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::At;
use crate::account;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::ledger_api::{LedgerApi, list};
use crate::money::Money;

/// Sign that you have paid in, or accept as the operator what was paid
///
/// Money is credited only when both have said so: whoever pays signs a deposit and sends it to the operator, who accepts it
/// once the money has come. The operator's file has lines `AMOUNT,DEPOSIT`, as from a bank's list of payments.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger deposit --ledger http://127.0.0.1:8700 --amount 20 --remark 'bank, 12 May'
  headwater ledger deposit --ledger http://127.0.0.1:8700 --accept payments.csv --dir /srv/ledger")]
pub(super) struct Deposit {
    #[command(flatten)]
    at: At,

    /// How much you have paid, in units of the ledger
    #[arg(long, value_name = "AMOUNT", required_unless_present = "accept")]
    amount: Option<Money>,

    /// By which way, for people
    #[arg(long, value_name = "TEXT", requires = "amount")]
    remark: Option<String>,

    /// As the operator: accept what is in this file, lines of AMOUNT,DEPOSIT
    #[arg(long, value_name = "FILE", conflicts_with = "amount", requires = "dir")]
    accept: Option<PathBuf>,

    /// As the operator: the folder of the ledger
    #[arg(long, value_name = "DIR", env = "HEADWATER_LEDGER_DIR")]
    dir: Option<PathBuf>,
}

/// A signed deposit, for the operator.
#[derive(Serialize)]
struct Answer {
    party: String,
    id: String,
    amount: String,
    deposit: String,
}

/// What became of those in a file.
#[derive(Serialize)]
#[serde(transparent)]
struct Accepted(Value);

impl Deposit {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let ledger = self.at.connect_to_sign(globals).await?;
        match (&self.accept, &self.dir, self.amount) {
            (Some(file), Some(dir), _) => {
                let deposits = read(file, &ledger)?;
                let answer = ledger.operate(Method::POST, "v1/deposits", dir, list(deposits)).await?;
                let accepted: Value = serde_json::from_slice(&answer)?;
                let is_whole = accepted["refused"].as_array().is_none_or(Vec::is_empty);
                globals.output().answer(&Accepted(accepted))?;
                Ok(if is_whole { Outcome::Complete } else { Outcome::Incomplete })
            }
            (_, _, Some(amount)) => self.sign(globals, &ledger, amount),
            _ => Err(Usage::because("say how much was paid, or which file to accept")),
        }
    }

    fn sign(&self, globals: &Globals, ledger: &LedgerApi, amount: Money) -> anyhow::Result<Outcome> {
        let secret = account::payment(&account::open(globals.account.as_deref(), globals.output())?);
        let remark = self.remark.as_deref().map(Remark::new).transpose();
        let body = ledger::Deposit {
            amount: amount.0,
            id: PaymentId::from_bytes(rand::random()),
            remark: remark.map_err(|error| Usage::because(error.to_string()))?,
            unit: Unit::new(&ledger.terms().unit)?,
            issued: SystemTime::now().into(),
        };
        let deposit = Signed::sign(&secret, &ledger.signed_for()?, body);
        globals
            .output()
            .note("signed; send this line to the operator, who accepts it once the money has come:");
        globals.output().answer(&Answer {
            party: secret.public().to_string(),
            id: deposit.body().id.to_string(),
            amount: amount.0.to_string(),
            deposit: BASE64URL_NOPAD.encode(&deposit.encode()),
        })?;
        Ok(Outcome::Complete)
    }
}

/// The deposits of a file, each of which must be over what has come.
fn read(file: &PathBuf, ledger: &LedgerApi) -> anyhow::Result<Vec<Vec<u8>>> {
    let network = ledger.signed_for()?;
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut deposits = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what: &str| Usage::because(format!("line {} of {}: {what}", number + 1, file.display()));
        let (amount, deposit) = line.split_once(',').ok_or_else(|| wrong("it is not AMOUNT,DEPOSIT"))?;
        let amount: Money = amount.trim().parse().map_err(|_| wrong("the amount is none"))?;
        let bytes = BASE64URL_NOPAD
            .decode(deposit.trim().as_bytes())
            .map_err(|_| wrong("the deposit is no base64url"))?;
        let record =
            Signed::<ledger::Deposit>::decode(&bytes, &network).map_err(|error| wrong(&error.to_string()))?;
        if record.body().amount != amount.0 {
            return Err(wrong(&format!("{} was signed for", record.body().amount)));
        }
        deposits.push(bytes);
    }
    Ok(deposits)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{},{}", self.amount, self.deposit)
    }
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} taken, {} known", self.0["taken"], self.0["known"])?;
        for refused in self.0["refused"].as_array().into_iter().flatten() {
            writeln!(f, "line {}: {}", refused["at"], refused["detail"].as_str().unwrap_or_default())?;
        }
        Ok(())
    }
}
