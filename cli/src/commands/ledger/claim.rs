//! `headwater ledger claim`: asks for what you have earned, or shows the proof with which a contract pays it.

use std::fmt;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use data_encoding::HEXLOWER_PERMISSIVE;
use ledger::{Payee, PayoutAddress, PayoutClaim, Rail, Remark};
use protocol::{Amount, SecretKey, Sequence, Signed, UnixSeconds};
use serde::Serialize;
use serde_json::Value;

use super::At;
use super::promised::Promised;
use super::signer::Signer;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::ledger_api::LedgerApi;
use crate::money::Money;

/// Ask to be paid out, name the address that contracts pay, or show the proof for one
///
/// A claim says what you have been paid in all, this payment included: said twice, it is paid once. Whoever has named an
/// address is paid by contracts alone, with the proof of each settlement.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger claim --ledger http://127.0.0.1:8700 --in-all 120.50 --rail bank --remark 'DE00 …'
  headwater ledger claim --ledger http://127.0.0.1:8700 --address 0x52908400098527886e0f7030069857d2e4169ee7
  headwater ledger claim --ledger http://127.0.0.1:8700 --proof")]
#[group(id = "what", required = true, multiple = false, args = ["in_all", "address", "proof"])]
pub(super) struct Claim {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    signer: Signer,

    /// Ask for a payment: what you have been paid in all, this one included
    #[arg(long, value_name = "AMOUNT")]
    in_all: Option<Money>,

    /// By which way
    #[arg(long, value_name = "RAIL", default_value = "bank")]
    rail: RailArg,

    /// Where to, for people
    #[arg(long, value_name = "TEXT", requires = "in_all")]
    remark: Option<String>,

    /// Be paid by contracts from now on, at this address of 20 bytes in hexadecimal
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,

    /// Show what a contract owes, and the proof that it checks
    #[arg(long)]
    proof: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RailArg {
    Bank,
    Contract,
    Voucher,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Proof(Value);

impl Claim {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = self.signer.open(globals)?;
        let ledger = self.at.connect_to_sign(globals).await?;
        if self.proof {
            let proof = ledger.get(&format!("v1/payouts/{}", secret.public())).await?;
            globals.output().answer(&Proof(proof))?;
            return Ok(Outcome::Complete);
        }
        let promised = if let Some(address) = &self.address {
            name_payee(&ledger, &secret, address).await?
        } else {
            let promised = self.claim(&ledger, &secret).await?;
            globals
                .output()
                .note("claimed: the operator, who sees it with `headwater ledger claims`, pays it out");
            promised
        };
        globals.output().answer(&promised)?;
        Ok(Outcome::Complete)
    }

    async fn claim(&self, ledger: &LedgerApi, secret: &SecretKey) -> anyhow::Result<Promised> {
        let remark = self.remark.as_deref().map(Remark::new).transpose();
        let body = PayoutClaim {
            cumulative: self.in_all.map_or(Amount::ZERO, |money| money.0),
            rail: match self.rail {
                RailArg::Bank => Rail::Bank,
                RailArg::Contract => Rail::Contract,
                RailArg::Voucher => Rail::Voucher,
            },
            remark: remark.map_err(|error| Usage::because(error.to_string()))?,
            issued: SystemTime::now().into(),
        };
        let claim = Signed::sign(secret, &ledger.signed_for()?, body);
        let promise = ledger.record(&claim).await?;
        Ok(Promised::of(&promise))
    }
}

async fn name_payee(ledger: &LedgerApi, secret: &SecretKey, address: &str) -> anyhow::Result<Promised> {
    let digits = address.strip_prefix("0x").unwrap_or(address);
    let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes.ok_or_else(|| Usage::because(format!("{address:?} is no address of 20 bytes")))?;
    let issued: UnixSeconds = SystemTime::now().into();
    // The time of day tells the later of two: seconds are enough for what people decide.
    let body = Payee { address: PayoutAddress::from_bytes(bytes), issued, seq: Sequence::new(issued.get()) };
    let payee = Signed::sign(secret, &ledger.signed_for()?, body);
    let promise = ledger.record(&payee).await?;
    Ok(Promised::of(&promise))
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |name: &str| self.0[name].as_str().map_or_else(|| self.0[name].to_string(), str::to_owned);
        for name in ["epoch", "party", "address", "cumulative", "root"] {
            writeln!(f, "{name:<12}{}", text(name))?;
        }
        let hashes = self.0["proof"].as_array();
        hashes
            .into_iter()
            .flatten()
            .try_for_each(|hash| writeln!(f, "            {}", hash.as_str().unwrap_or_default()))
    }
}
