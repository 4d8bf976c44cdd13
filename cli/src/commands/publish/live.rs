//! `headwater publish --live`: what can be watched while it is made.

mod input;
mod steps;
mod telling;

use std::fmt;
use std::sync::Arc;
use std::time::Duration as StdDuration;

use anyhow::bail;
use futures_util::future::join_all;
use publishing::{Creator, LiveRequest, LiveSeconds, Recorded, Storing, finish_live, record_live};
use serde::Serialize;
use sharing::{About, Byline, Publication, Title};

use self::steps::LiveSteps;
use self::telling::{Log, Teller};
use super::{Publish, gateways, issuer, listing, quoting, usage};
use crate::arguments::Globals;
use crate::commands::publications::end::{self, Ended};
use crate::failure::{Outcome, Usage};
use crate::live_api::LiveGateway;
use crate::membership::Network;
use crate::output::Output;
use crate::{account, language, lifetime};

/// About how long a segment lasts, and how long at most, unless somebody says otherwise; in seconds.
const SEGMENT_SECONDS: u32 = 2;
const LONGEST_SECONDS: u32 = 12;

/// Where a stream can be watched from now on.
#[derive(Serialize)]
struct Begun {
    live: String,
    id: String,
}

impl fmt::Display for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.live)
    }
}

impl Publish {
    pub(super) async fn run_live(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let network = Network::load(globals.network.as_deref()).await?;
        let request = self.live_request().await?;
        let gateways = gateways(&self.gateways, &network)?;
        if let Some(ledger) = request.ledger {
            quoting::takes_part(&gateways, ledger, output).await?;
        }
        let gateways = gateways.into_iter().map(|url| LiveGateway::new(url, self.unlisted));
        let gateways = gateways.collect::<anyhow::Result<Vec<_>>>()?;
        let creator = Creator::new(account::open(globals.account.as_deref(), output)?);
        let source = self.source().await?;
        let keep = StdDuration::from_secs(self.keep.seconds());
        let (outcome, publication) = network
            .with_client(Some(creator.payer()), async |client| {
                let coding = self.coding.map_or_else(|| network.usual_coding(client), Ok)?;
                let storing = Storing { client: client.clone(), coding, keep };
                self.confirm(&storing, 0, output).await?;
                let log = Arc::new(Log::default());
                let tellers = gateways.iter().map(|gateway| {
                    tokio::spawn(Teller::new(gateway.clone(), Arc::clone(&log), output).run())
                });
                let tellers: Vec<_> = tellers.collect();
                let mut steps = LiveSteps::new(output, &log);
                let recording =
                    record_live(&storing, &creator, &request, source, |step| steps.take(step)).await;
                drop(steps);
                log.close();
                let recorded = recording?;
                say_how_it_ended(&recorded, output);
                tokio::select! {
                    ended = finish(&storing, &creator, &recorded, &gateways, request.listed, tellers, output) => ended,
                    interrupted = lifetime::ended(false) => {
                        interrupted?;
                        let id = recorded.stream.prelude().id();
                        bail!("interrupted; headwater publications end {id} makes a publication of it")
                    }
                }
            })
            .await?;
        listing::list(globals, &network, &publication, self.keep).await;
        Ok(outcome)
    }

    async fn live_request(&self) -> anyhow::Result<LiveRequest> {
        let target = self.segment_seconds.unwrap_or(SEGMENT_SECONDS);
        let longest = self.longest_segment.unwrap_or(LONGEST_SECONDS);
        Ok(LiveRequest {
            title: Title::new(self.title.as_str()).map_err(|error| usage(&error))?,
            by: self.by.as_deref().map(Byline::new).transpose().map_err(|error| usage(&error))?,
            about: self.about.as_deref().map(About::new).transpose().map_err(|error| usage(&error))?,
            language: self
                .language
                .as_deref()
                .map(language::tag)
                .transpose()
                .map_err(|error| usage(&error))?,
            ledger: match &self.ledger {
                Some(named) => Some(issuer::issuer(named).await?),
                None => None,
            },
            seconds: LiveSeconds::new(target, longest).map_err(|error| Usage::because(error.to_string()))?,
            listed: !self.unlisted,
        })
    }

    async fn source(&self) -> anyhow::Result<input::Source> {
        match self.what.as_slice() {
            [] => Ok(input::standard()),
            [one] if one == "-" => Ok(input::standard()),
            [file] => input::growing(file).await,
            _ => Err(Usage::because("one stream is published at a time")),
        }
    }
}

fn say_how_it_ended(recorded: &Recorded, output: Output) {
    if let Some(problem) = &recorded.problem {
        output.note(format_args!("the stream ends here: {problem}; what came so far is published"));
    }
    if recorded.incomplete_bytes > 0 {
        let lost = recorded.incomplete_bytes;
        output.note(format_args!("the source broke off: {lost} bytes of a last fragment are lost"));
    }
}

/// Tells the gateways what is still to be told, and makes the publication meanwhile.
async fn finish(
    storing: &Storing,
    creator: &Creator,
    recorded: &Recorded,
    gateways: &[LiveGateway],
    listed: bool,
    tellers: Vec<tokio::task::JoinHandle<bool>>,
    output: Output,
) -> anyhow::Result<(Outcome, Publication)> {
    let id = recorded.stream.prelude().id();
    let withdrawn = join_all(gateways.iter().map(|gateway| gateway.has_withdrawn(id))).await;
    if withdrawn.iter().all(|is_withdrawn| *is_withdrawn) {
        bail!("it was withdrawn while it ran: no publication is made of it");
    }
    let published = finish_live(storing, creator, &recorded.stream, listed).await?;
    let mut outcome = if recorded.problem.is_some() { Outcome::Incomplete } else { Outcome::Complete };
    for teller in tellers {
        if !teller.await? {
            outcome = Outcome::Incomplete;
        }
    }
    let network = storing.client.network();
    let ended: Ended = end::tell(gateways, creator, &network, id, &published, output).await?;
    if !ended.refused.is_empty() {
        outcome = Outcome::Incomplete;
    }
    output.answer(&ended)?;
    Ok((outcome, published.record.body().clone()))
}
