//! `headwater stream`: readings of devices that have no program of ours.

mod create;
mod end;
mod list;
mod pull;
mod show;

use clap::{Args, Subcommand};

use crate::arguments::Globals;
use crate::failure::Outcome;

/// Take readings from devices that have no program of ours, by a gateway that cannot read them
///
/// A device encrypts with age, signs with openssl and sends with curl; docs/packs.md has the script. The gateway keeps what comes, unread, until
/// `pull` fetches it and appends it to a folder of records.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater stream create /sensors/ward-3 --upload-token @token > ward-3.device
  headwater stream show /sensors/ward-3 > ward-3.device
  headwater stream pull /sensors/ward-3
  headwater stream list
  headwater stream end /sensors/ward-3")]
pub(crate) struct Stream {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(create::Create),
    Show(show::Show),
    Pull(pull::Pull),
    List(list::List),
    End(end::End),
}

impl Stream {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match self.command {
            Command::Create(create) => create.run(globals).await,
            Command::Show(show) => show.run(globals).await,
            Command::Pull(pull) => pull.run(globals).await,
            Command::List(list) => list.run(globals).await,
            Command::End(end) => end.run(globals).await,
        }
    }
}
