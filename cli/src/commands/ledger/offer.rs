//! `headwater ledger offer`: a licence can be bought, and what one gets for it.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Context;
use clap::Args;
use ledger_service::{keep_offer, offer_is_taken};
use proofs::Cid;
use protocol::{AgreementId, Digest, Ppm, Signed, UnixSeconds};

use super::At;
use super::promised::{Promised, parse_name};
use crate::account::{self, creator};
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::money::Money;
use crate::quantity::Duration;

/// Offer a licence: sign what it costs and under which terms, and keep what is sold for your key service
///
/// The price is shared as the agreement says. What is sold is a link, which `headwater sell serve` seals to each buyer. Who has
/// paid and does not get it within the term has the money back.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater put readings.parquet > link
  headwater ledger offer --ledger http://127.0.0.1:8700 --agreement ID --licence licence.txt --price 120 \\
    --sold link --dir /srv/shop
  headwater sell serve --ledger http://127.0.0.1:8700 --dir /srv/shop")]
pub(super) struct Offer {
    #[command(flatten)]
    at: At,

    /// The agreement of which you are the creator
    #[arg(long, value_name = "ID", value_parser = parse_name)]
    agreement: Digest,

    /// The text of the licence
    #[arg(long, value_name = "FILE")]
    licence: PathBuf,

    /// What it costs, in units of the ledger
    #[arg(long, value_name = "AMOUNT")]
    price: Money,

    /// How long after a purchase the key is there at the latest
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    term: Duration,

    /// How long the offer holds
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    holds: Duration,

    /// What those who share in the work have of each later price, in millionths [default: nobody may pass it on]
    #[arg(long, value_name = "PPM")]
    resale: Option<u32>,

    /// A publication that shows what one buys
    #[arg(long, value_name = "CID")]
    sample: Option<Cid>,

    /// What is sold: a file with a link, or any text of 1 to 1024 bytes
    #[arg(long, value_name = "FILE")]
    sold: PathBuf,

    /// The folder of your key service
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

impl Offer {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = creator(&account::open(globals.account.as_deref(), globals.output())?);
        let ledger = self.at.connect_to_sign(globals).await?;
        let read = |path: &PathBuf| {
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let (licence, sold) = (read(&self.licence)?, read(&self.sold)?);
        let offer = Signed::sign(&secret, &ledger.signed_for()?, self.body(&licence)?);
        keep_offer(&self.dir, &offer, &licence, sold.trim().as_bytes())?;
        let promise = ledger.record(&offer).await.context("nobody is shown the offer")?;
        offer_is_taken(&self.dir, &offer.name())?;
        globals.output().answer(&Promised::of(&promise))?;
        Ok(Outcome::Complete)
    }

    fn body(&self, licence: &str) -> anyhow::Result<ledger::Offer> {
        let issued = UnixSeconds::from(SystemTime::now());
        Ok(ledger::Offer {
            agreement: AgreementId::from_bytes(*self.agreement.as_bytes()),
            issued,
            licence: Digest::of(licence.as_bytes()),
            price: self.price.0,
            resale: self.resale.map(Ppm::new).transpose()?,
            sample: self.sample,
            term: u32::try_from(self.term.seconds()).context("the term is too long")?,
            until: issued.plus(self.holds.seconds()),
        })
    }
}
