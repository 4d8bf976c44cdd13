//! `headwater ledger top-up`: redeems a code.

use std::fmt;
use std::time::SystemTime;

use clap::Args;
use ledger::{Deposit, TopUpCode, Unit};
use ledger_service::top_up_amount;
use proofs::canonical;
use protocol::{Signed, Unverified};
use serde::Serialize;
use serde_bytes::ByteArray;

use super::At;
use super::signer::Signer;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::secrets::SecretArg;

/// Redeem a code that the operator of a ledger sold
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger top-up --ledger http://127.0.0.1:8700 ABCDE-FGHIJ-KLMNO-PQRST-UVWXY-Z
  headwater ledger top-up --ledger http://127.0.0.1:8700 @code.txt")]
pub(super) struct TopUp {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    signer: Signer,

    /// The code, @FILE or - for standard input
    code: SecretArg,
}

#[derive(Serialize)]
struct Body {
    code: ByteArray<16>,
    deposit: Unverified<Deposit>,
}

#[derive(Serialize)]
struct Answer {
    party: String,
    amount: String,
    unit: String,
}

impl TopUp {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let code: TopUpCode = self.code.parse("a code")?;
        let secret = self.signer.open(globals)?;
        let ledger = self.at.connect_to_sign(globals).await?;
        let unit = Unit::new(&ledger.terms().unit)?;
        let amount = top_up_amount(&code);
        let body =
            Deposit { amount, id: code.payment_id(), remark: None, unit, issued: SystemTime::now().into() };
        let deposit = Signed::sign(&secret, &ledger.signed_for()?, body);
        let body = Body { code: ByteArray::new(*code.as_bytes()), deposit: (&deposit).into() };
        let promise = ledger.post("v1/top-ups", canonical::to_vec(&body)).await?;
        ledger.promise(&promise, &deposit)?;
        globals.output().answer(&Answer {
            party: secret.public().to_string(),
            amount: amount.to_string(),
            unit: ledger.terms().unit.clone(),
        })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} for {}", self.amount, self.unit, self.party)
    }
}
