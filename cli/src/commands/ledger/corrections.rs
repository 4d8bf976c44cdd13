//! `headwater ledger dispute`, `hold`, `resolve`, `reverse`: what is contradicted, and what the operator does about it.

use std::time::SystemTime;

use clap::Args;
use ledger::Remark;
use protocol::{Digest, Promise, PublicKey, Signed};
use reqwest::Method;
use serde_json::{Value, json};

use super::promised::{Promised, parse_name};
use super::signer::Signer;
use super::{At, Folder};
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::ledger_api::parse_key;
use crate::money::Money;

/// Contradict something that the ledger has, with your signature
///
/// Who disputes what of whom, and how much, is published at once, without reason and subject. Until the next settlement the operator can hold as much of what that party has earned, if your key has money at the ledger.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater ledger dispute --ledger http://127.0.0.1:8700 --subject NAME --party KEY --amount 12.50 --reason 'the film is mine'")]
pub(super) struct Dispute {
    #[command(flatten)]
    at: At,

    /// The document, by its name or hash
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    subject: Digest,

    /// Against whom, by the key that has earned it
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    party: PublicKey,

    /// How much of it is disputed
    #[arg(long, value_name = "AMOUNT")]
    amount: Money,

    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    signer: Signer,
}

/// As the operator: keep back what is disputed of a party's earnings, while the dispute is open
///
/// It comes free by itself with the fourth settlement, and nothing is held of the same party for four more. All of it is published. A party that contracts pay is out of reach.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater ledger hold --ledger http://127.0.0.1:8700 --dir /srv/ledger --dispute NAME --amount 12.50")]
pub(super) struct Hold {
    #[command(flatten)]
    operator: Operator,

    /// The dispute, as its signer was told
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    dispute: Digest,

    /// How much: all that is disputed, or less
    #[arg(long, value_name = "AMOUNT")]
    amount: Money,
}

/// As the operator: end a hold, and give a part of it, or nothing, to whoever has disputed
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater ledger resolve --ledger http://127.0.0.1:8700 --dir /srv/ledger --hold NAME --given 12.50")]
pub(super) struct Resolve {
    #[command(flatten)]
    operator: Operator,

    /// The hold, as it was taken
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    hold: Digest,

    /// What the signer of the dispute has of it; the party has the rest back
    #[arg(long, value_name = "AMOUNT")]
    given: Money,
}

/// As the operator: take back a deposit or a payment, with an entry of the opposite
///
/// Nothing is ever erased: both entries stay in the journal.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater ledger reverse --ledger http://127.0.0.1:8700 --dir /srv/ledger --entry NAME --reason 'the bank took it back'")]
pub(super) struct Reverse {
    #[command(flatten)]
    operator: Operator,

    /// The deposit or claim, by its name
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    entry: Digest,

    /// Why, for people
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// The operator of a ledger.
#[derive(Args, Debug)]
struct Operator {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    folder: Folder,
}

impl Dispute {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = self.signer.open(globals)?;
        let ledger = self.at.connect_to_sign(globals).await?;
        let reason = Remark::new(self.reason).map_err(|error| Usage::because(error.to_string()))?;
        let Self { party, amount, subject, .. } = self;
        let body =
            ledger::Dispute { amount: amount.0, issued: SystemTime::now().into(), party, reason, subject };
        let promise = ledger.record(&Signed::sign(&secret, &ledger.signed_for()?, body)).await?;
        globals.output().answer(&Promised::of(&promise))?;
        Ok(Outcome::Complete)
    }
}

impl Hold {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let Self { operator, dispute, amount } = self;
        let asked = json!({ "dispute": dispute.to_string(), "micro": amount.0.get().to_string() });
        operator.say(globals, "v1/holds", &asked).await
    }
}

impl Resolve {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let asked = json!({ "hold": self.hold.to_string(), "micro": self.given.0.get().to_string() });
        self.operator.say(globals, "v1/resolutions", &asked).await
    }
}

impl Reverse {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let asked = json!({ "entry": self.entry.to_string(), "reason": self.reason });
        self.operator.say(globals, "v1/reversals", &asked).await
    }
}

impl Operator {
    /// Has the ledger sign it, and shows its promise.
    async fn say(&self, globals: &Globals, path: &str, asked: &Value) -> anyhow::Result<Outcome> {
        let ledger = self.at.connect().await?;
        let body = serde_json::to_vec(asked)?;
        let answer = ledger.operate(Method::POST, path, &self.folder.dir, body).await?;
        let promise = Signed::<Promise>::decode(&answer, &ledger.signed_for()?)?;
        globals.output().answer(&Promised::of(&promise))?;
        Ok(Outcome::Complete)
    }
}
