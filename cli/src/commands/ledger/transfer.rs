//! `headwater ledger transfer`: a licence changes hands, with the word of both.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use clap::{Args, Subcommand};
use data_encoding::BASE64URL_NOPAD;
use ledger::{Acceptance, Inquired, LicenceTransfer};
use proofs::canonical;
use protocol::{Digest, NetworkId, PublicKey, Signed, Unverified};
use serde::{Deserialize, Serialize};

use super::At;
use super::promised::{Promised, parse_name};
use super::signer::Signer;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::folders::write_atomically;
use crate::ledger_api::{LedgerApi, parse_key};
use crate::money::Money;

/// Pass a licence on: its holder signs to whom and for how much, and the new holder accepts and pays
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger transfer write --licence NAME --to KEY --price 20 --out licence.transfer
  headwater ledger transfer show licence.transfer
  headwater ledger transfer accept licence.transfer --price 20 --ledger http://127.0.0.1:8700")]
pub(super) struct Transfer {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// As the holder: sign to whom the licence goes
    Write(Write),
    /// Show what a transfer says
    Show {
        #[command(flatten)]
        at: At,
        /// The transfer
        file: PathBuf,
    },
    /// As the new holder: sign that you take the licence for this price, and hand it in
    Accept(Accept),
}

#[derive(Args, Debug)]
struct Write {
    #[command(flatten)]
    at: At,

    /// The licence, by the name of its purchase
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    licence: Digest,

    /// The new holder
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    to: PublicKey,

    /// What the new holder pays
    #[arg(long, value_name = "AMOUNT")]
    price: Money,

    /// The file for the new holder
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    signer: Signer,
}

#[derive(Args, Debug)]
struct Accept {
    #[command(flatten)]
    at: At,

    /// The transfer
    file: PathBuf,

    /// What you pay: it has to be what the transfer says
    #[arg(long, value_name = "AMOUNT")]
    price: Money,

    #[command(flatten)]
    signer: Signer,
}

/// What a transfer says.
#[derive(Serialize)]
struct Said {
    licence: String,
    from: String,
    to: String,
    price: String,
    unit: String,
    number: u32,
}

/// `balance`, as far as it tells of licences.
#[derive(Deserialize)]
struct Holding {
    licences: Vec<Held>,
}

/// A licence of the signer.
#[derive(Deserialize)]
struct Held {
    name: String,
    /// How often it has changed hands.
    number: u32,
    resale_ppm: Option<u32>,
}

#[derive(Serialize)]
struct Passed {
    acceptance: Unverified<Acceptance>,
    transfer: Unverified<LicenceTransfer>,
}

impl Transfer {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match self.command {
            Command::Write(write) => write.run(globals).await,
            Command::Show { at, file } => {
                let ledger = at.connect().await?;
                let transfer = read(&file, &ledger.signed_for()?)?;
                globals.output().answer(&Said::of(&transfer, &ledger))?;
                Ok(Outcome::Complete)
            }
            Command::Accept(accept) => accept.run(globals).await,
        }
    }
}

impl Write {
    async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let Self { at, licence, to, price, out, signer } = self;
        let secret = signer.open(globals)?;
        if to == secret.public() {
            return Err(Usage::because("--to: the licence is yours already"));
        }
        let ledger = at.connect_to_sign(globals).await?;
        let held: Holding = ledger.inquire(&secret, Inquired::Balance, None).await?;
        let number = held.transferable(&licence)?;
        let issued = SystemTime::now().into();
        let body = LicenceTransfer { issued, licence, number, price: price.0, to };
        let transfer = Signed::sign(&secret, &ledger.signed_for()?, body);
        let text = BASE64URL_NOPAD.encode(&transfer.encode()) + "\n";
        write_atomically(&out, text.as_bytes()).with_context(|| format!("cannot write {}", out.display()))?;
        globals.output().answer(&Said::of(&transfer, &ledger))?;
        Ok(Outcome::Complete)
    }
}

impl Holding {
    /// How often the licence of this name has changed hands, when its holder may pass it on.
    fn transferable(&self, licence: &Digest) -> anyhow::Result<u32> {
        let name = licence.to_string();
        let Some(held) = self.licences.iter().find(|held| held.name == name) else {
            let names: Vec<_> = self.licences.iter().map(|held| held.name.as_str()).collect();
            let held = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Usage::because(format!("your key holds no licence {name}; it holds {held}")));
        };
        if held.resale_ppm.is_none() {
            return Err(Usage::because(format!(
                "licence {name} may not be passed on: its offer has no --resale"
            )));
        }
        Ok(held.number)
    }
}

impl Accept {
    async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = self.signer.open(globals)?;
        let ledger = self.at.connect_to_sign(globals).await?;
        let network = ledger.signed_for()?;
        let transfer = read(&self.file, &network)?;
        let said = transfer.body();
        if said.price != self.price.0 || said.to != secret.public() {
            return Err(Usage::because(format!(
                "the transfer is to {} for {} {unit}, not to {} for {} {unit}",
                said.to,
                said.price,
                secret.public(),
                self.price.0,
                unit = ledger.terms().unit,
            )));
        }
        let acceptance = Acceptance { issued: SystemTime::now().into(), name: transfer.name() };
        let acceptance = Signed::sign(&secret, &network, acceptance);
        let passed = Passed { acceptance: (&acceptance).into(), transfer: (&transfer).into() };
        let promise = ledger.post("v1/transfers", canonical::to_vec(&passed)).await?;
        globals.output().answer(&Promised::of(&ledger.promise(&promise, &transfer)?))?;
        Ok(Outcome::Complete)
    }
}

fn read(file: &Path, network: &NetworkId) -> anyhow::Result<Signed<LicenceTransfer>> {
    let name = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let bytes = BASE64URL_NOPAD.decode(text.trim().as_bytes());
    let bytes = bytes.with_context(|| format!("{name} is no transfer"))?;
    Signed::decode(&bytes, network).with_context(|| format!("{name} is no transfer"))
}

impl Said {
    fn of(transfer: &Signed<LicenceTransfer>, ledger: &LedgerApi) -> Self {
        let LicenceTransfer { licence, number, price, to, .. } = transfer.body();
        Self {
            licence: licence.to_string(),
            from: transfer.by().to_string(),
            to: to.to_string(),
            price: price.to_string(),
            unit: ledger.terms().unit.clone(),
            number: *number,
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { licence, from, to, price, unit, number } = self;
        writeln!(f, "licence     {licence}, which has changed hands {number} times")?;
        writeln!(f, "from        {from}")?;
        writeln!(f, "to          {to}")?;
        writeln!(f, "for         {price} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_one_holds_and_may_resell_is_passed_on() {
        let name = |seed| Digest::from_bytes([seed; 32]);
        let held = |seed, number, resale_ppm| Held { name: name(seed).to_string(), number, resale_ppm };
        let holding = Holding { licences: vec![held(1, 3, Some(0)), held(2, 0, None)] };
        assert_eq!(holding.transferable(&name(1)).unwrap(), 3);
        let refused = |seed| holding.transferable(&name(seed)).unwrap_err().to_string();
        assert!(refused(2).contains("may not be passed on"));
        assert!(refused(3).contains("holds no licence") && refused(3).contains(&name(1).to_string()));
    }
}
