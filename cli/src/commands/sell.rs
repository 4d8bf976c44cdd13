//! `headwater sell`: the owner's key service, which seals what was sold to whoever has paid.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Context;
use clap::{Args, Subcommand};
use ledger_service::{KeyService, OwnOffer, own_offers};
use protocol::{SecretKey, UnixSeconds};
use serde::Serialize;
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
Examples:
  headwater sell serve --ledger http://127.0.0.1:8700 --dir /srv/shop
  headwater sell list --ledger http://127.0.0.1:8700 --dir /srv/shop")]
pub(crate) struct Sell {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until it is ended
    Serve(Serve),
    /// Show all that was ever offered from a folder, also what nobody can buy any more
    List(List),
}

#[derive(Args, Debug)]
struct List {
    /// The address of the ledger
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    ledger: String,

    /// The folder with what you offer
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

#[derive(Serialize)]
struct Offers {
    unit: String,
    offers: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    /// `on sale`, `over`, or `not taken` by the ledger.
    state: &'static str,
    price: String,
    until: String,
    agreement: String,
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
        match self.command {
            Command::Serve(serve) => serve.run(globals).await,
            Command::List(list) => list.run(globals).await,
        }
    }
}

impl List {
    async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let ledger = LedgerApi::connect(&self.ledger).await?;
        let now = SystemTime::now().into();
        let offers = own_offers(&self.dir, &ledger.signed_for()?)?;
        let offers = offers.iter().map(|own| Listed::of(own, now)).collect();
        globals.output().answer(&Offers { unit: ledger.terms().unit.clone(), offers })?;
        Ok(Outcome::Complete)
    }
}

impl Listed {
    fn of(own: &OwnOffer, now: UnixSeconds) -> Self {
        let offer = own.offer.body();
        let state = match (own.is_taken, offer.until.has_passed(now)) {
            (false, _) => "not taken",
            (true, true) => "over",
            (true, false) => "on sale",
        };
        Self {
            name: own.offer.name().to_string(),
            state,
            price: offer.price.to_string(),
            until: offer.until.to_string(),
            agreement: offer.agreement.to_string(),
        }
    }
}

impl fmt::Display for Offers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.offers.is_empty() {
            writeln!(f, "nothing was offered from there")?;
        }
        for Listed { name, state, price, until, agreement } in &self.offers {
            writeln!(f, "{state:<9}  {price:>16} {} until {until}", self.unit)?;
            writeln!(f, "    offer {name}, of agreement {agreement}")?;
        }
        Ok(())
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
