//! `headwater watch`: plays a publication or a live stream to the players of this machine.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use protocol::Amount;
use publishing::download::{Download, LiveAddress, PATIENCE, WatchAddress, WatchAddressError};
use reqwest::Url;
use serde::Serialize;
use sharing::BundleKind;
use tokio::net::TcpListener;

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::money::Money;
use crate::output::Output;
use crate::ready::{Ready, WatchReady};
use crate::watch::{Fare, Feed, Keep, Offer, Proxy, Served, Show, Shown, UsedGrant};
use crate::{account, confirm, lifetime};

/// Play a publication or a live stream in any player on this machine: VLC, mpv, a browser
///
/// Prints an address on this machine, and serves the publication there until it is ended. Gateways need not be trusted: every
/// segment is verified before a byte of it goes on, and one that lies or fails is left for the next.
///
/// A title that is shown for money is paid for from your account's funds at its ledger, as it is fetched and never above the
/// limit; what is not fetched is not paid for. What is handed to a player counts as played. Receipts lie beside your account file
/// until gateway or ledger has taken them, so that a program that is killed loses nothing that it has acknowledged.
///
/// Exit status 1 when something that came could not be acknowledged yet: the next `headwater watch` hands it in.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater watch https://gateway.example/watch/ID
  headwater watch https://gateway.example/watch/ID --gateway https://other.example --yes --limit 2.50
  headwater watch https://gateway.example/live/ID

  vlc http://127.0.0.1:PORT/…/master.m3u8          in another terminal, with the address that it prints")]
pub(crate) struct Watch {
    /// The address at which a gateway plays it
    #[arg(value_name = "ADDRESS")]
    address: String,

    /// Another gateway to turn to; may be repeated
    #[arg(long = "gateway", value_name = "URL")]
    gateways: Vec<String>,

    /// The port on this machine [default: one that is free]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Pay without being asked
    #[arg(long)]
    yes: bool,

    /// The most that it may cost, in the ledger's unit [default: what seeing all of it once can cost; of a live stream there is none]
    #[arg(long, value_name = "AMOUNT")]
    limit: Option<Money>,
}

/// What is played, by name.
struct Titled {
    id: String,
    title: String,
}

/// What came, and what was paid for it.
#[derive(Serialize)]
struct Watched {
    id: String,
    #[serde(flatten)]
    served: Served,
    unit: Option<String>,
    /// One for each grant.
    grants: Vec<UsedGrant>,
}

#[derive(Serialize)]
struct Answer {
    watched: Watched,
}

impl Watch {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        if LiveAddress::is_meant_by(&self.address) {
            return self.live(globals).await;
        }
        let output = globals.output();
        let address: WatchAddress = self.parsed()?;
        let gateways = self.gateways(address.gateway())?;
        let told = move |mishap: &_| output.note(mishap);
        let download = Download::new(address.id(), gateways.clone(), PATIENCE, told)?;
        let bundle = download.bundle().await?.bundle().clone();
        if bundle.kind() == BundleKind::Collection {
            let items = bundle.parts().items.iter().map(|item| item.bundle.to_string());
            bail!("a collection is watched title by title: {}", items.collect::<Vec<_>>().join(" "));
        }
        let fare = match Offer::find(&Shown::bundle(&bundle), &gateways, globals).await? {
            None => None,
            Some(offer) => {
                let limit = self.limit.map_or_else(|| offer.most(), |limit| limit.0);
                Some(Arc::new(self.fare(offer, limit, &gateways, globals).await?))
            }
        };
        let (id, title) = (bundle.id().to_string(), bundle.title().to_string());
        let proxy = Proxy::new(Show::whole(bundle)?, download, fare.clone());
        self.serve(Titled { id, title }, Arc::new(proxy), fare, output).await
    }

    /// A live stream, from its beginning or wherever the player begins, until it is ended.
    async fn live(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let address: LiveAddress = self.parsed()?;
        let gateways = self.gateways(address.gateway())?;
        let feed = Feed::open(address.id(), &gateways, output).await?;
        feed.look().await;
        let fare = match Offer::find(&Shown::live(feed.prelude()), &gateways, globals).await? {
            None => None,
            Some(offer) => {
                let no_limit =
                    || Usage::because("nobody knows how long it goes on: say what it may cost with --limit");
                let limit = self.limit.ok_or_else(no_limit)?.0;
                Some(Arc::new(self.fare(offer, limit, &gateways, globals).await?))
            }
        };
        let told = move |mishap: &_| output.note(mishap);
        let download = Download::live(address.id(), gateways, PATIENCE, told)?;
        let (id, title) = (address.id().to_string(), feed.prelude().parts().title.to_string());
        let proxy = Proxy::new(Show::Live(Box::new(feed)), download, fare.clone());
        self.serve(Titled { id, title }, Arc::new(proxy), fare, output).await
    }

    async fn serve(
        &self,
        Titled { id, title }: Titled,
        proxy: Arc<Proxy>,
        fare: Option<Arc<Fare>>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let addr = listener.local_addr()?;
        let unit = fare.as_ref().map(|fare| fare.unit().to_owned());
        let limit = fare.as_ref().map(|fare| fare.limit().to_string());
        let url = format!("http://{addr}{}", proxy.path());
        output.answer(&Ready { ready: WatchReady { addr, url, title, unit: unit.clone(), limit } })?;
        let ended = async { drop(lifetime::ended(false).await) };
        let acknowledged = async {
            match &fare {
                Some(fare) => fare.acknowledge_always().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            served = proxy.serve(listener, ended) => served?,
            () = acknowledged => {}
            () = proxy.show().follow() => {}
        }
        let grants = match &fare {
            Some(fare) => fare.finish().await?,
            None => Vec::new(),
        };
        let is_done = grants.iter().all(|paid| paid.acknowledged);
        output.answer(&Answer { watched: Watched { id, served: proxy.served(), unit, grants } })?;
        Ok(if is_done { Outcome::Complete } else { Outcome::Incomplete })
    }

    fn parsed<T: FromStr<Err = WatchAddressError>>(&self) -> anyhow::Result<T> {
        let address = self.address.parse();
        address.map_err(|error| Usage::because(format!("nothing plays at {}: {error}", self.address)))
    }

    /// The gateway of the address, and then those that are named besides.
    fn gateways(&self, first: &Url) -> anyhow::Result<Vec<Url>> {
        let named = self.gateways.iter().map(|text| {
            WatchAddress::gateway_at(text)
                .map_err(|error| Usage::because(format!("--gateway {text}: {error}")))
        });
        std::iter::once(Ok(first.clone())).chain(named).collect()
    }

    /// Says what it costs, and asks whether the viewer wants it.
    async fn fare(
        &self,
        offer: Offer,
        limit: Amount,
        gateways: &[Url],
        globals: &Globals,
    ) -> anyhow::Result<Fare> {
        let output = globals.output();
        output.note(&offer);
        if limit < offer.most() {
            output.note(format_args!("it ends where {limit} {} are spent (--limit)", offer.unit()));
        }
        if !self.yes && !limit.is_zero() {
            confirm::spend(format_args!("it may cost {limit} {}", offer.unit()), false, output).await?;
        }
        let viewer = account::payment(&account::open(globals.account.as_deref(), output)?);
        // What is set aside already, by an earlier visit, may suffice.
        if let Some(short) = offer.shortfall(&viewer, limit).await? {
            output.note(short);
        }
        let keep = Keep::beside(&account::path(globals.account.as_deref())?);
        let fare = Fare::new(offer, gateways, viewer, keep, limit, output);
        fare.catch_up().await?;
        Ok(fare)
    }
}

/// For people: what it was, in the end.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Watched { served, unit, grants, .. } = &self.watched;
        let Served { segments, bytes } = served;
        write!(f, "{segments} segments, {bytes} bytes")?;
        if let Some(unit) = unit {
            let paid = grants.iter().map(|grant| u128::from(grant.paid)).sum::<u128>();
            let paid = Amount::try_from(paid).unwrap_or(Amount::MAX);
            write!(f, "; {paid} {unit}")?;
        }
        writeln!(f)
    }
}
