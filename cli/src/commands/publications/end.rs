//! `headwater publications end`: what becomes of a live stream, also of one whose program did not live to see its end.

use std::fmt;
use std::time::{Duration as StdDuration, SystemTime};

use anyhow::{bail, ensure};
use chunker::Coding;
use clap::Args;
use protocol::NetworkId;
use publishing::{Creator, Published, Storing, finish_live};
use reqwest::Url;
use serde::Serialize;
use sharing::{LiveEnd, LiveId};

use crate::arguments::Globals;
use crate::commands::publish::listing;
use crate::failure::Outcome;
use crate::gateway_api;
use crate::live_api::LiveGateway;
use crate::membership::Network;
use crate::output::Output;
use crate::quantity::Duration;

/// End a live stream of yours, and make a publication of what gateways have of it
#[derive(Args, Debug)]
pub(crate) struct End {
    /// Its id
    id: LiveId,

    /// Data and parity shards [default: as for put]
    #[arg(long, value_name = "K+M", env = "HEADWATER_CODING")]
    coding: Option<Coding>,

    /// How long the nodes are to keep what describes it, such as 90d
    #[arg(long, value_name = "TIME", default_value = "365d")]
    keep: Duration,
}

/// What a live stream has become.
#[derive(Serialize)]
pub(crate) struct Ended {
    /// The publication.
    id: String,
    /// The live stream.
    live: String,
    /// Where it plays, one address for each gateway that took it.
    watch: Vec<String>,
    duration_ms: u64,
    segments: u32,
    /// What gateways would not take it, and why.
    pub(crate) refused: Vec<String>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.watch.iter().try_for_each(|url| writeln!(f, "{url}"))
    }
}

impl End {
    pub(super) async fn run(
        self,
        network: &Network,
        gateways: Vec<Url>,
        creator: &Creator,
        globals: &Globals,
    ) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let gateways = gateways.into_iter().map(|url| LiveGateway::new(url, false));
        let gateways = gateways.collect::<anyhow::Result<Vec<_>>>()?;
        let net = network.file.network;
        // The first gateway is believed only as far as our own signatures go.
        let (live, stream) = gateways[0].stream(self.id, &net).await?;
        ensure!(live.by() == creator.public(), "the stream is not of your account");
        let keep = StdDuration::from_secs(self.keep.seconds());
        let (outcome, publication) = network
            .with_client(Some(creator.payer()), async |client| {
                let coding = self.coding.map_or_else(|| network.usual_coding(client), Ok)?;
                let storing = Storing { client: client.clone(), coding, keep };
                let published = finish_live(&storing, creator, &stream, live.body().listed).await?;
                let ended = tell(&gateways, creator, &net, self.id, &published, output).await?;
                if ended.watch.is_empty() {
                    bail!("no gateway took it: {}", ended.refused.join("; "));
                }
                output.answer(&ended)?;
                let outcome = if ended.refused.is_empty() { Outcome::Complete } else { Outcome::Incomplete };
                Ok((outcome, published.record.body().clone()))
            })
            .await?;
        listing::list(globals, network, &publication, self.keep).await;
        Ok(outcome)
    }
}

/// Tells gateways what a live stream has become, and that it is over.
pub(crate) async fn tell(
    gateways: &[LiveGateway],
    creator: &Creator,
    network: &NetworkId,
    live: LiveId,
    published: &Published,
    output: Output,
) -> anyhow::Result<Ended> {
    let bundle = &published.bundle;
    let (mut watch, mut refused) = (Vec::new(), Vec::new());
    let is_secret = !published.record.body().listed;
    for gateway in gateways {
        // What was taken back while it ran must not come back as a publication.
        if gateway.has_withdrawn(live).await {
            output.note(format_args!("{}: it was withdrawn there, and stays so", gateway.url));
            refused.push(format!("{}: it was withdrawn there", gateway.url));
            continue;
        }
        let offered = gateway_api::offer(&gateway.url, published.record.encode(), is_secret).await;
        let publication = offered.is_ok().then(|| bundle.id());
        let end = LiveEnd { issued: SystemTime::now().into(), live, publication };
        let ended = gateway.offer(creator.sign(network, end).encode()).await;
        match (offered, ended) {
            (Ok(path), Ok(())) => watch.push(gateway.url.join(&path)?.to_string()),
            (offered, ended) => {
                let offered = offered.err().map(|error| format!("{error:#}"));
                let reason = offered.or_else(|| ended.err().map(|error| error.to_string()));
                let reason = format!("{}: {}", gateway.url, reason.unwrap_or_default());
                output.note(format_args!("the stream is over, but not so at {reason}"));
                refused.push(reason);
            }
        }
    }
    Ok(Ended {
        id: bundle.id().to_string(),
        live: live.to_string(),
        watch,
        duration_ms: bundle.parts().duration.get(),
        segments: bundle.tracks().iter().map(sharing::Track::segment_count).sum(),
        refused,
    })
}
