//! `headwater publications`: what gateways list, what one is, and taking one back.

mod details;
pub(crate) mod end;
mod said;
mod table;

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use publishing::Creator;
use serde_json::Value;
use sharing::Withdrawal;

use self::details::Details;
use self::table::Table;
use super::publish::gateways_of;
use super::telling::tell;
use crate::arguments::Globals;
use crate::commands::publish::listing;
use crate::failure::{Outcome, Usage};
use crate::live_api::LiveGateway;
use crate::membership::Network;
use crate::publication::Named;
use crate::{account, gateway_api};

/// List publications, show one, withdraw one of yours, or end a live stream of yours
///
/// Lists and shows what a gateway has. A withdrawn publication is no longer served by the gateways that you name;
/// whoever fetched it keeps what they have.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater publications --mine
  headwater publications show https://media.example/watch/ID
  headwater publications show ID --json | jq .tracks
  headwater publications withdraw ID
  headwater publications live
  headwater publications end ID      after publish --live did not come to its end")]
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
    /// Take one of yours back, also a live stream
    Withdraw {
        /// Its id, or the address at which it plays
        #[arg(value_name = "ID|URL")]
        publication: Named,
    },
    /// The live streams that run at the gateway, newest first
    Live,
    End(end::End),
}

impl Publications {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let Self { what, mine, gateways } = self;
        let at = Gateways { named: gateways, globals };
        match what {
            None => at.list(mine).await,
            Some(What::List { mine: too }) => at.list(mine || too).await,
            Some(_) if mine => Err(Usage::because("--mine is for the list: leave it out")),
            Some(What::Show { publication }) => at.show(&publication).await,
            Some(What::Withdraw { publication }) => at.withdraw(&publication).await,
            Some(What::Live) => at.live().await,
            Some(What::End(end)) => {
                let network = at.network().await?;
                let gateways = gateways_of(&at.named, None, &network)?;
                end.run(&network, gateways, &at.creator()?, globals).await
            }
        }
    }
}

/// The gateways that were named, and all that is asked of them.
struct Gateways<'g> {
    named: Vec<String>,
    globals: &'g Globals,
}

impl Gateways<'_> {
    async fn list(&self, mine: bool) -> anyhow::Result<Outcome> {
        let gateways = gateways_of(&self.named, None, &self.network().await?)?;
        let mut list = gateway_api::publications(&gateways[0]).await?;
        if mine {
            let own = self.creator()?.public().to_string();
            list.retain(|one| one["creator"] == own.as_str());
        }
        self.answer(list)
    }

    fn answer(&self, list: Vec<Value>) -> anyhow::Result<Outcome> {
        let output = self.globals.output();
        if list.is_empty() {
            output.note("there is nothing to list");
        }
        output.answer(&Table(list))?;
        Ok(Outcome::Complete)
    }

    async fn live(&self) -> anyhow::Result<Outcome> {
        let mut gateways = gateways_of(&self.named, None, &self.network().await?)?;
        let running = LiveGateway::new(gateways.swap_remove(0), false)?.running().await?;
        self.answer(running.as_array().cloned().unwrap_or_default())
    }

    async fn show(&self, publication: &Named) -> anyhow::Result<Outcome> {
        let gateways = gateways_of(&self.named, Some(publication), &self.network().await?)?;
        let said = gateway_api::publication(&gateways[0], publication.id).await?;
        self.globals.output().answer(&Details::new(said, &gateways[0]))?;
        Ok(Outcome::Complete)
    }

    async fn withdraw(&self, publication: &Named) -> anyhow::Result<Outcome> {
        let network = self.network().await?;
        let gateways = gateways_of(&self.named, Some(publication), &network)?;
        let withdrawal = Withdrawal { bundle: publication.id, issued: SystemTime::now().into() };
        let record = self.creator()?.sign(&network.file.network, withdrawal).encode();
        let told = tell(&gateways, &record, publication.id.to_string(), "withdrawn", self.globals.output());
        let outcome = told.await?;
        // What is published afterwards must be later than this, and times are whole seconds.
        let its_second = tokio::time::sleep(Duration::from_secs(1));
        tokio::join!(listing::unlist(self.globals, &network, publication.id), its_second);
        Ok(outcome)
    }

    async fn network(&self) -> anyhow::Result<Network> {
        Network::load(self.globals.network.as_deref()).await
    }

    fn creator(&self) -> anyhow::Result<Creator> {
        Ok(Creator::new(account::open(self.globals.account.as_deref(), self.globals.output())?))
    }
}
