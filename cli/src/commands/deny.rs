//! `headwater deny`: asks gateways that follow your denylist not to serve something.

use std::time::SystemTime;

use clap::Args;
use publishing::Creator;
use sharing::{Denial, Reason};

use super::publish::gateways_of;
use super::telling::tell;
use crate::account;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::publication::Named;

/// Ask gateways that follow your denylist not to serve a publication or an object
///
/// Signs a denial with your creator key, which is the key of your denylist. Gateways whose operators started them with
/// --denylist and this key answer 451 from then on, with your reason.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater deny https://media.example/watch/ID --reason 'court order 12/26'
  headwater deny CID --reason 'malware' --gateway https://media.example")]
pub(crate) struct Deny {
    /// A publication, by its id or the address at which it plays; or the address of an object
    #[arg(value_name = "ID|URL|CID")]
    target: Named,

    /// Why, for whoever asks for it
    #[arg(long)]
    reason: String,

    /// A gateway to tell; may be repeated [default: that of the address, or the network's]
    #[arg(long = "gateway", value_name = "URL")]
    gateways: Vec<String>,
}

impl Deny {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref()).await?;
        let gateways = gateways_of(&self.gateways, Some(&self.target), &network)?;
        let reason = Reason::new(self.reason).map_err(|error| Usage::because(error.to_string()))?;
        let creator = Creator::new(account::open(globals.account.as_deref(), globals.output())?);
        let target = self.target.id.cid();
        let denial = Denial { issued: SystemTime::now().into(), reason, target };
        let record = creator.sign(&network.file.network, denial).encode();
        tell(&gateways, &record, target.to_string(), "denied", globals.output()).await
    }
}
