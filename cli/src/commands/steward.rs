//! `headwater steward`: looks after objects for ever, as a long-running role.

pub(crate) mod beside;
pub(crate) mod settings;
pub(crate) mod status;
mod wards;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::lifetime;
use crate::membership::Network;
use crate::ready::{Ready, StewardReady};
use settings::StewardSettings;

/// Look after objects for ever: audit them, repair them, renew their leases
///
/// Looks after every object for which there is a mandate in its folder, written for the payer key of this account:
/// of your own objects with `steward add`, of others with `headwater mandate`, which their owners run. It needs no
/// key of any object: it can neither read nor release anything.
///
/// Every step is written to DIR/log.jsonl and, while it runs, to standard output. It may be killed at any time.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  headwater steward --bandwidth 20MB --metrics 127.0.0.1:9464
  headwater steward --on-warning 'mail -s \"$HEADWATER_OBJECT ends $HEADWATER_ENDS\" me < /dev/null'
  headwater steward --ledger https://ledger.example --prepayment films.prepayment --collateral 2
  headwater steward add @film.link --until 2030-01-01 --tag films
  headwater steward add bafyr4i… --mandate care.mandate
  headwater steward status
  headwater steward remove bafyr4i…

A settings file, steward.toml:
  bandwidth = \"20MB\"
  audit-every = \"1h\"
  grace = \"4h\""
)]
pub(crate) struct Steward {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    settings: StewardSettings,

    /// The settings file [default: steward.toml in your configuration folder]
    #[arg(long, value_name = "FILE", env = "HEADWATER_STEWARD_CONFIG")]
    config: Option<PathBuf>,

    /// Stop when standard input ends, and read no settings file
    #[arg(long, hide = true)]
    managed: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(wards::Add),
    Remove(wards::Remove),
    List(status::List),
    Status(status::Show),
}

impl Steward {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match self.command {
            None => Box::pin(self.serve(globals)).await,
            Some(Command::Add(add)) => add.run(globals).await,
            Some(Command::Remove(remove)) => remove.run(globals).await,
            Some(Command::List(list)) => list.run(globals),
            Some(Command::Status(show)) => show.run(globals),
        }
    }

    /// Whether it runs until it is stopped.
    pub(crate) const fn is_a_role(&self) -> bool {
        self.command.is_none()
    }

    async fn serve(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let file = if self.managed {
            StewardSettings::default()
        } else {
            crate::settings::load(self.config.as_deref(), "steward.toml")?
        };
        let settings = self.settings.or(file);
        let network = Network::load(globals.network.as_deref()).await?;
        let output = globals.output();
        let told = move |entry: &steward::Entry| drop(output.answer(&Line(entry)));
        let opened = beside::open(&settings, &network, globals.account.as_deref(), output, told).await?;
        let metrics = beside::serve_metrics(&settings, &opened.steward.observer()).await?;
        let (pool, holder) = (opened.pool.clone(), opened.holder.clone());
        let ready = StewardReady { holder, metrics: metrics.as_ref().map(|serving| serving.addr) };
        output.answer(&Ready { ready })?;
        let managed = self.managed;
        let outcome = opened.run(async move { drop(lifetime::ended(managed).await) }).await;
        pool.close().await;
        outcome?;
        Ok(Outcome::Complete)
    }
}

/// A line of the log as an answer.
#[derive(Serialize)]
#[serde(transparent)]
struct Line<'a>(&'a steward::Entry);

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.0)
    }
}
