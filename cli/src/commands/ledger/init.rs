//! `headwater ledger init`: makes the folder of a new ledger.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use ledger::tlog::KeyName;
use ledger::{Terms, Unit};
use ledger_service::{EPOCH_MAX_S, LedgerKeys, LedgerSecret, Schedule};
use protocol::{NetworkId, PublicKey};
use serde::Serialize;

use super::Folder;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::ledger_api::parse_key;
use crate::ledger_folder::LedgerFolder;
use crate::membership::Network;
use crate::quantity::Duration;

/// Make the folder of a new ledger
///
/// Its secret is made here: whoever has it can grant and settle. Keep a copy. The terms never change.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger init --dir /srv/ledger --unit EUR
  headwater ledger init --dir /srv/ledger --unit EUR --epoch 30d --origin ledger.example/2026")]
pub(super) struct Init {
    #[command(flatten)]
    folder: Folder,

    /// What is counted: 1 to 12 letters
    #[arg(long, value_name = "UNIT")]
    unit: String,

    /// How long an epoch lasts
    #[arg(long, value_name = "TIME", default_value = "24h")]
    epoch: Duration,

    /// The name of its log, for example a domain and a path [default: headwater.invalid/ and the issuer's key]
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,

    /// Whose the network's share is, in hexadecimal [default: the issuer]
    #[arg(long, value_name = "KEY")]
    treasury: Option<String>,

    /// The id of its network, 64 hexadecimal digits [default: that of the network file]
    #[arg(long, value_name = "HEX")]
    network_id: Option<NetworkId>,
}

#[derive(Serialize)]
struct Answer {
    dir: PathBuf,
    issuer: String,
    unit: String,
    origin: String,
    log: String,
}

impl Init {
    pub(super) fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = LedgerSecret::from_bytes(rand::random());
        let epoch_s = self.epoch.seconds();
        if epoch_s == 0 || epoch_s > EPOCH_MAX_S {
            return Err(Usage::because(format!("an epoch of {epoch_s} s: it lasts at most a year")));
        }
        let unnamed = KeyName::new("headwater.invalid").expect("a name without spaces");
        let issuer = LedgerKeys::new(&secret, unnamed).issuer().public();
        let origin = self.origin(issuer)?;
        let terms = Terms {
            issuer,
            network: self.network_id.map_or_else(|| Network::id(globals.network.as_deref()), Ok)?,
            treasury: self.treasury.as_deref().map_or(Ok(issuer), parse_key)?,
            unit: Unit::new(&self.unit).map_err(|error| Usage::because(error.to_string()))?,
        };
        let schedule = Schedule { started: SystemTime::now().into(), epoch_s };
        let folder = LedgerFolder::create(&self.folder.dir, &secret, origin, terms, schedule)?;
        globals.output().answer(&Answer {
            issuer: issuer.to_string(),
            unit: folder.terms.unit.to_string(),
            origin: folder.keys.origin().to_string(),
            log: folder.keys.log().to_string(),
            dir: folder.dir,
        })?;
        Ok(Outcome::Complete)
    }

    fn origin(&self, issuer: PublicKey) -> anyhow::Result<KeyName> {
        let name = match &self.origin {
            Some(origin) => origin.clone(),
            None => format!("headwater.invalid/{issuer}"),
        };
        KeyName::new(&name).ok_or_else(|| {
            Usage::because(format!("{name:?} is no name of a log: it has no spaces and no plus signs"))
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "ledger in   {}", self.dir.display())?;
        writeln!(f, "issuer      {}", self.issuer)?;
        writeln!(f, "unit        {}", self.unit)?;
        writeln!(f, "log         {}", self.log)
    }
}
