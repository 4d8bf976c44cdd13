//! `headwater sell`: the owner's key service, which seals what was sold to whoever has paid.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use ledger_service::KeyService;
use protocol::SecretKey;
use tokio::net::TcpListener;

use crate::account;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::ledger_api::{LedgerApi, client};
use crate::ledger_network;
use crate::lifetime;
use crate::ready::{KeyServiceReady, Ready};

/// Sell: run the key service that seals what you offer to whoever has bought it
///
/// `headwater ledger offer` puts offers into its folder. A key is sealed once the ledger has promised the purchase, and given
/// away once the ledger has promised the delivery: so whoever has the key has paid, as often as they ask.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  headwater sell serve --ledger http://127.0.0.1:8700 --dir /srv/shop")]
pub(crate) struct Sell {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until it is ended
    Serve(Serve),
}

#[derive(Args, Debug)]
struct Serve {
    /// The address of the ledger
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    ledger: String,

    /// The folder with what you offer
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,

    /// The TCP address to listen on; put a server with TLS in front of it for others
    #[arg(long, value_name = "IP:PORT", default_value_t = LISTEN)]
    listen: SocketAddr,

    /// Stop when standard input ends
    #[arg(long, hide = true)]
    managed: bool,
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8702);

impl Sell {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let Command::Serve(serve) = self.command;
        serve.run(globals).await
    }
}

impl Serve {
    async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let account = account::open(globals.account.as_deref(), globals.output())?;
        let secret = SecretKey::from_bytes(account.creator_seed().expose());
        let ledger = LedgerApi::connect(&self.ledger).await?;
        let issuer = ledger.issuer()?;
        ledger_network::check(globals.network.as_deref(), ledger.url(), ledger.network()?)?;
        let url = ledger.url().clone();
        let seller = secret.public().to_string();
        let service = KeyService::open(&self.dir, secret, ledger.signed_for()?, issuer, url, client()?)?;
        let listener = TcpListener::bind(self.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", self.listen))?;
        let addr = listener.local_addr()?;
        let ready = KeyServiceReady { addr, url: format!("http://{addr}"), seller };
        globals.output().answer(&Ready { ready })?;
        let managed = self.managed;
        service.serve(listener, async move { drop(lifetime::ended(managed).await) }).await;
        Ok(Outcome::Complete)
    }
}
