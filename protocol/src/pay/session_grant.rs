//! Session grant: the ledger lets somebody watch something on account.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AgreementId, Alias, Amount, Epoch, PublicKey, Record, Serial, UnixSeconds, Usage, keys};

/// Lets whoever has the session key acknowledge deliveries of one title by one gateway, up to a limit; signed by the ledger (spec §11, §25).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionGrant {
    /// The title, by the version of the agreement that holds now.
    pub agreement: AgreementId,
    /// What the viewer is called in public.
    pub alias: Alias,
    /// Whether the page that has the session key came from the gateway itself.
    pub attested: bool,
    /// The most that it may cost.
    pub charge: Amount,
    /// In which epoch it is settled.
    pub epoch: Epoch,
    /// When it ends.
    pub expires: UnixSeconds,
    /// The gateway that serves.
    #[serde(with = "keys")]
    pub gateway: PublicKey,
    /// The most that may be delivered.
    pub limit: Usage,
    /// Its name.
    pub serial: Serial,
    /// The key that acknowledges.
    #[serde(with = "keys")]
    pub session: PublicKey,
    /// When it begins.
    pub starts: UnixSeconds,
}

impl Record for SessionGrant {
    const TYPE: &'static str = "session_grant";
}

impl fmt::Display for SessionGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "agreement   {}", self.agreement)?;
        writeln!(f, "alias       {}", self.alias)?;
        writeln!(f, "by its page {}", if self.attested { "yes" } else { "no" })?;
        writeln!(f, "may cost    {}", self.charge)?;
        writeln!(f, "epoch       {}", self.epoch)?;
        writeln!(f, "expires     {}", self.expires)?;
        writeln!(f, "gateway     {}", self.gateway)?;
        writeln!(f, "limit       {}", self.limit)?;
        writeln!(f, "serial      {}", self.serial)?;
        writeln!(f, "session     {}", self.session)?;
        write!(f, "starts      {}", self.starts)
    }
}
