//! Consent: a party signs an agreement.

use std::fmt;

use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::AgreementId;

/// Its signer agrees, for as long as the agreement is not superseded (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// What is agreed to.
    pub agreement: AgreementId,
    /// When it was said.
    pub issued: UnixSeconds,
}

impl Record for Consent {
    const TYPE: &'static str = "consent";
}

impl fmt::Display for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "agreement   {}", self.agreement)?;
        write!(f, "issued      {}", self.issued)
    }
}
