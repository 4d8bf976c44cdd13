//! `headwater watch`: plays a publication to the players of this machine.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use protocol::Amount;
use publishing::download::{Download, PATIENCE, WatchAddress};
use reqwest::Url;
use serde::Serialize;
use sharing::{Bundle, BundleKind};
use tokio::net::TcpListener;

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::money::Money;
use crate::output::Output;
use crate::ready::{Ready, WatchReady};
use crate::watch::{Fare, Keep, Offer, Proxy, Served, UsedGrant};
use crate::{account, confirm, lifetime};

/// Play a publication in any player on this machine: VLC, mpv, a browser
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

    /// The most that it may cost, in the ledger's unit [default: what seeing all of it once can cost]
    #[arg(long, value_name = "AMOUNT")]
    limit: Option<Money>,
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
        let output = globals.output();
        let address = self.address.parse::<WatchAddress>();
        let address =
            address.map_err(|error| Usage::because(format!("nothing plays at {}: {error}", self.address)))?;
        let gateways = self.gateways(&address)?;
        let told = move |mishap: &_| output.note(mishap);
        let download = Download::new(address.id(), gateways.clone(), PATIENCE, told)?;
        let bundle = download.bundle().await?.bundle().clone();
        if bundle.kind() == BundleKind::Collection {
            let items = bundle.parts().items.iter().map(|item| item.bundle.to_string());
            bail!("a collection is watched title by title: {}", items.collect::<Vec<_>>().join(" "));
        }
        let fare = match Offer::find(&bundle, &gateways, globals).await? {
            None => None,
            Some(offer) => Some(Arc::new(self.fare(offer, &gateways, globals).await?)),
        };
        self.serve(bundle, download, fare, output).await
    }

    async fn serve(
        &self,
        bundle: Bundle,
        download: Download,
        fare: Option<Arc<Fare>>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let (id, title) = (bundle.id().to_string(), bundle.title().to_string());
        let proxy = Arc::new(Proxy::new(bundle, download, fare.clone())?);
        let addr = listener.local_addr()?;
        let unit = fare.as_ref().map(|fare| fare.unit().to_owned());
        let limit = fare.as_ref().map(|fare| fare.limit().to_string());
        let url = format!("http://{addr}{}", proxy.path());
        output.answer(&Ready { ready: WatchReady { addr, url, title, unit: unit.clone(), limit } })?;
        let ended = async { drop(lifetime::ended(false).await) };
        match &fare {
            None => proxy.serve(listener, ended).await?,
            Some(fare) => tokio::select! {
                served = proxy.serve(listener, ended) => served?,
                () = fare.acknowledge_always() => {}
            },
        }
        let grants = match &fare {
            Some(fare) => fare.finish().await?,
            None => Vec::new(),
        };
        let is_done = grants.iter().all(|paid| paid.acknowledged);
        output.answer(&Answer { watched: Watched { id, served: proxy.served(), unit, grants } })?;
        Ok(if is_done { Outcome::Complete } else { Outcome::Incomplete })
    }

    /// The gateway of the address, and then those that are named besides.
    fn gateways(&self, address: &WatchAddress) -> anyhow::Result<Vec<Url>> {
        let named = self.gateways.iter().map(|text| {
            WatchAddress::gateway_at(text)
                .map_err(|error| Usage::because(format!("--gateway {text}: {error}")))
        });
        std::iter::once(Ok(address.gateway().clone())).chain(named).collect()
    }

    /// Says what it costs, and asks whether the viewer wants it.
    async fn fare(&self, offer: Offer, gateways: &[Url], globals: &Globals) -> anyhow::Result<Fare> {
        let output = globals.output();
        let limit = self.limit.map_or_else(|| offer.most(), |limit| limit.0);
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
