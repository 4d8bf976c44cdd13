//! `headwater publications`: what gateways list, what one is, and taking one back.

mod details;
mod said;
mod table;

use std::time::SystemTime;

use clap::{Args, Subcommand};
use publishing::Creator;
use sharing::Withdrawal;

use self::details::Details;
use self::table::Table;
use super::publish::{gateways, gateways_of};
use super::telling::tell;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::publication::Named;
use crate::{account, gateway_api};

/// List publications, show one, or withdraw one of yours
///
/// Lists and shows what a gateway has. A withdrawn publication is no longer served by the gateways that you name;
/// whoever fetched it keeps what they have.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater publications --mine
  headwater publications show https://media.example/watch/ID
  headwater publications show ID --json | jq .tracks
  headwater publications withdraw ID")]
pub(crate) struct Publications {
    #[command(subcommand)]
    what: Option<What>,

    /// List only your own
    #[arg(long)]
    mine: bool,

    /// A gateway to ask; may be repeated when withdrawing [default: that of the address, or the network's]
    #[arg(long = "gateway", value_name = "URL", global = true)]
    gateways: Vec<String>,
}

#[derive(Subcommand, Debug)]
enum What {
    /// What the gateway lists, newest first
    List {
        /// Only your own
        #[arg(long)]
        mine: bool,
    },
    /// One publication with its tracks, chapters and attachments
    Show {
        /// Its id, or the address at which it plays
        #[arg(value_name = "ID|URL")]
        publication: Named,
    },
    /// Take one of yours back
    Withdraw {
        /// Its id, or the address at which it plays
        #[arg(value_name = "ID|URL")]
        publication: Named,
    },
}

impl Publications {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match &self.what {
            None => self.list(self.mine, globals).await,
            Some(What::List { mine }) => self.list(self.mine || *mine, globals).await,
            Some(_) if self.mine => Err(Usage::because("--mine is for the list: leave it out")),
            Some(What::Show { publication }) => self.show(publication, globals).await,
            Some(What::Withdraw { publication }) => self.withdraw(publication, globals).await,
        }
    }

    async fn list(&self, mine: bool, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref())?;
        let gateways = gateways(&self.gateways, &network)?;
        let mut list = gateway_api::publications(&gateways[0]).await?;
        if mine {
            let creator = Creator::new(account::open(globals.account.as_deref(), globals.output())?);
            let own = creator.public().to_string();
            list.retain(|one| one["creator"] == own.as_str());
        }
        globals.output().answer(&Table(list))?;
        Ok(Outcome::Complete)
    }

    async fn show(&self, publication: &Named, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref())?;
        let gateways = gateways_of(&self.gateways, publication, &network)?;
        let said = gateway_api::publication(&gateways[0], publication.id).await?;
        globals.output().answer(&Details::new(said, &gateways[0]))?;
        Ok(Outcome::Complete)
    }

    async fn withdraw(&self, publication: &Named, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref())?;
        let gateways = gateways_of(&self.gateways, publication, &network)?;
        let creator = Creator::new(account::open(globals.account.as_deref(), globals.output())?);
        let withdrawal = Withdrawal { bundle: publication.id, issued: SystemTime::now().into() };
        let record = creator.sign(&network.file.network, withdrawal).encode();
        tell(&gateways, &record, publication.id.to_string(), "withdrawn", globals.output()).await
    }
}
