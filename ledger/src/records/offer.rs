//! Offer: a licence can be bought.

use std::fmt;

use proofs::Cid;
use protocol::{AgreementId, Amount, Digest, Ppm, Record, UnixSeconds};
use serde::{Deserialize, Serialize};

/// Offers the key of a work to whoever pays; signed by its creator (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// How the price is shared.
    pub agreement: AgreementId,
    /// When it was said.
    pub issued: UnixSeconds,
    /// The text of the licence, by its hash.
    pub licence: Digest,
    /// What it costs.
    pub price: Amount,
    /// The part of each later price that those who share in the work have; without it a licence cannot be transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resale: Option<Ppm>,
    /// A publication that shows what one buys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Cid>,
    /// Seconds from the purchase to the delivery of the key at the latest.
    pub term: u32,
    /// When it ends.
    pub until: UnixSeconds,
}

impl Record for Offer {
    const TYPE: &'static str = "offer";
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "agreement   {}", self.agreement)?;
        writeln!(f, "issued      {}", self.issued)?;
        writeln!(f, "licence     {}", self.licence)?;
        writeln!(f, "price       {}", self.price)?;
        if let Some(resale) = &self.resale {
            writeln!(f, "of resales  {resale}")?;
        }
        if let Some(sample) = &self.sample {
            writeln!(f, "sample      {sample}")?;
        }
        writeln!(f, "term        {} s", self.term)?;
        write!(f, "until       {}", self.until)
    }
}
