//! `headwater ledger prepay`: pays nodes in advance for what they keep.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, bail};
use clap::Args;
use ledger::{PaymentId, Prepayment};
use protocol::{Ppm, PublicKey, Signed, UnixSeconds};
use serde::Serialize;

use super::At;
use super::signer::Signer;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::folders::write_atomically;
use crate::ledger_api::parse_key;
use crate::money::Money;
use crate::quantity::Duration;
use crate::{account, record_file, storage_pay};

/// Pay nodes in advance for what they keep, by the word of an auditor of your choice
///
/// The amount is set aside of your funds. Your auditor, a steward, audits the nodes that keep what it looks after for you, and
/// reports what they have proved, hour by hour; each settlement pays them. A part of every charge is held back until more is proved:
/// it is lost to the node, and stays yours for the repair, when shards are lost. What is left over a week after the end is yours again.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater ledger prepay --ledger http://127.0.0.1:8700 --amount 12 --price 0.50 --for 30d --auditor KEY --out films.prepayment
  headwater steward --ledger http://127.0.0.1:8700 --prepayment films.prepayment        the auditor, whose KEY that is")]
pub(super) struct Prepay {
    #[command(flatten)]
    at: At,

    /// The most that it pays, in units of the ledger
    #[arg(long, value_name = "AMOUNT")]
    amount: Money,

    /// What one GiB costs that is kept for 30 days
    #[arg(long, value_name = "AMOUNT")]
    price: Money,

    /// The steward that audits for you: the payer key of its account, which it says when it starts
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    auditor: PublicKey,

    /// How long it pays for
    #[arg(long = "for", value_name = "TIME", default_value = "30d")]
    lasts: Duration,

    /// The part of each charge that is held back until more is proved, in millionths
    #[arg(long, value_name = "PPM", default_value_t = 100_000)]
    held_back: u32,

    /// The file for the auditor; one that is there is handed in as it is, so that nothing is set aside twice
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    signer: Signer,
}

#[derive(Serialize)]
struct Answer {
    /// What keepers in the log call it.
    prepayment: String,
    payer: String,
    until: u64,
    file: PathBuf,
}

impl Prepay {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = self.signer.open(globals)?;
        self.check_auditor(globals)?;
        let ledger = self.at.connect_to_sign(globals).await?;
        let network = ledger.signed_for()?;
        let prepayment = if self.out.exists() {
            storage_pay::read_prepayment(&self.out, self.auditor)?
        } else {
            let prepayment = Signed::sign(&secret, &network, self.body()?);
            write_atomically(&self.out, record_file::to_text(&prepayment.encode()).as_bytes())
                .with_context(|| format!("cannot write {}", self.out.display()))?;
            prepayment
        };
        if prepayment.network() != network {
            bail!("{} is a prepayment at another ledger", self.out.display());
        }
        ledger.record(&prepayment).await?;
        globals.output().answer(&Answer {
            prepayment: prepayment.name().to_string(),
            payer: prepayment.by().to_string(),
            until: prepayment.body().until.get(),
            file: self.out,
        })?;
        Ok(Outcome::Complete)
    }

    /// A steward signs with the payer key of its account: any other key of an account of ours audits nothing.
    fn check_auditor(&self, globals: &Globals) -> anyhow::Result<()> {
        if !account::path(globals.account.as_deref())?.exists() {
            return Ok(());
        }
        let account = account::open(globals.account.as_deref(), globals.output())?;
        let others = [("payment", account::payment(&account)), ("creator", account::creator(&account))];
        match others.iter().find(|(_, secret)| secret.public() == self.auditor) {
            None => Ok(()),
            Some((name, _)) => Err(Usage::because(format!(
                "{} is the {name} key of your account: a steward goes by its payer key, yours is {}",
                self.auditor,
                account::payer(&account).public()
            ))),
        }
    }

    fn body(&self) -> anyhow::Result<Prepayment> {
        let issued = UnixSeconds::from(SystemTime::now());
        Ok(Prepayment {
            amount: self.amount.0,
            auditor: self.auditor,
            id: PaymentId::from_bytes(rand::random()),
            issued,
            price: self.price.0,
            until: issued.plus(self.lasts.seconds()),
            withheld: Ppm::new(self.held_back)?,
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = UnixSeconds::new(self.until);
        writeln!(
            f,
            "set aside until {until} as {}; give {} to the auditor",
            self.prepayment,
            self.file.display()
        )
    }
}
