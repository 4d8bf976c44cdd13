//! `headwater publications`: what gateways list, what one is, and taking one back.

pub(crate) mod end;

use std::fmt;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use publishing::Creator;
use serde::Serialize;
use serde_json::Value;
use sharing::{PublicationId, Withdrawal};

use super::publish::gateways;
use super::telling::tell;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::live_api::LiveGateway;
use crate::membership::Network;
use crate::{account, gateway_api};

/// List publications, show one, withdraw one of yours, or end a live stream of yours
///
/// Lists and shows what a gateway has. A withdrawn publication is no longer served by the gateways that you name;
/// whoever fetched it keeps what they have.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater publications
  headwater publications show ID --json | jq .tracks
  headwater publications withdraw ID
  headwater publications live
  headwater publications end ID      after publish --live did not come to its end")]
pub(crate) struct Publications {
    #[command(subcommand)]
    what: Option<What>,

    /// A gateway to ask; may be repeated when withdrawing [default: the network's]
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
        /// Its id
        id: PublicationId,
    },
    /// Take one of yours back, also a live stream
    Withdraw {
        /// Its id
        id: PublicationId,
    },
    /// The live streams that run at the gateway, newest first
    Live,
    End(end::End),
}

/// What a gateway said, as it said it.
#[derive(Serialize)]
#[serde(transparent)]
struct Said(Value);

impl Publications {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref()).await?;
        let gateways = gateways(&self.gateways, &network)?;
        let output = globals.output();
        match self.what.unwrap_or(What::List { mine: false }) {
            What::List { mine } => {
                let mut list = gateway_api::publications(&gateways[0]).await?;
                if mine {
                    let creator = Creator::new(account::open(globals.account.as_deref(), output)?);
                    let own = creator.public().to_string();
                    list.retain(|one| one["creator"] == own.as_str());
                }
                output.answer(&Said(Value::Array(list)))?;
            }
            What::Show { id } => {
                output.answer(&Said(gateway_api::publication(&gateways[0], id).await?))?;
            }
            What::Live => {
                let mut gateways = gateways.into_iter();
                let gateway = gateways.next().expect("there is at least one");
                output.answer(&Said(LiveGateway::new(gateway, false)?.running().await?))?;
            }
            What::End(end) => {
                let creator = Creator::new(account::open(globals.account.as_deref(), output)?);
                return end.run(&network, gateways, &creator, output).await;
            }
            What::Withdraw { id } => {
                let creator = Creator::new(account::open(globals.account.as_deref(), output)?);
                let withdrawal = Withdrawal { bundle: id, issued: SystemTime::now().into() };
                let record = creator.sign(&network.file.network, withdrawal).encode();
                return Ok(tell(&gateways, &record, "withdrawn", output).await);
            }
        }
        Ok(Outcome::Complete)
    }
}

/// One line for each publication of a list, one fact on each line of a single one.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::Array(list) => list.iter().try_for_each(|one| {
                writeln!(f, "{}  {:10}  {}", text(&one["id"]), text(&one["kind"]), text(&one["title"]))
            }),
            Value::Object(fields) => {
                let told = fields.iter().filter(|(_, value)| !value.is_null());
                told.into_iter().try_for_each(|(name, value)| match value {
                    Value::Array(list) => {
                        list.iter().try_for_each(|one| writeln!(f, "{name:12} {}", facts(one)))
                    }
                    value => writeln!(f, "{name:12} {}", text(value)),
                })
            }
            other => writeln!(f, "{other}"),
        }
    }
}

/// A value as a person reads it. A terminal must not do what a gateway says.
fn text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.replace(char::is_control, " ")
}

/// `name=value …` of what is known.
fn facts(value: &Value) -> String {
    let Value::Object(fields) = value else { return value.to_string() };
    let told = fields.iter().filter(|(_, value)| !value.is_null());
    let told = told.map(|(name, value)| format!("{name}={}", text(value)));
    told.collect::<Vec<_>>().join(" ")
}
