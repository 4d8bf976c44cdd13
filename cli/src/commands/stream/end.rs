//! `headwater stream end`.

use std::fmt;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use sharing::TrailWhat;

use crate::arguments::Globals;
use crate::ends::{Ended, Ending};
use crate::failure::Outcome;
use crate::membership::Network;
use crate::names::{now, parse_path};
use crate::streams::{self, KeptStream, KeptStreams};
use crate::trail::facts_of_stream;
use crate::{account as account_file, gateway_api};

/// End a stream: its gateway takes nothing from the device any more
///
/// What waits there is fetched by one more `pull`. The folder of records stays.
#[derive(Args, Debug)]
pub(super) struct End {
    /// The folder of records
    name: String,
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    stream: KeptStream,
    /// Whether its gateway has confirmed it.
    is_closed: bool,
}

impl End {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let known = KeptStreams::open(globals)?;
        let name = parse_path(&self.name)?;
        if known.named(&name).is_err() {
            streams::learn(globals).await;
        }
        let mut stream = known.named(&name)?;
        let network = Network::load(globals.network.as_deref()).await?;
        let secret = account_file::open(globals.account.as_deref(), globals.output())?;
        let gateway = gateway_api::address(&stream.gateway).context("the list of streams is damaged")?;
        let ending = Ended { globals, secret: &secret, network: network.file.network, id: stream.id()? };
        let mut trail = ending.open_trail(facts_of_stream(&stream, TrailWhat::StreamEnded, now()));
        let is_closed = ending.end(&gateway, Ending::Stream, &mut trail).await.is_over();
        let turn = known.turn(&stream)?;
        stream = known.named(&name)?;
        if stream.ended.is_none() {
            stream.ended = Some(now().get());
            known.keep(&stream)?;
        }
        drop(turn);
        streams::announce(globals, &network, &stream).await;
        let is_over = is_closed && trail.is_some();
        globals.output().answer(&Answer { stream, is_closed })?;
        Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.stream.name;
        if !self.is_closed {
            return writeln!(
                f,
                "{name}: its gateway has not confirmed that it ends, and is told by later commands"
            );
        }
        writeln!(f, "nothing is taken for {name} any more; `headwater stream pull {name}` fetches what waits")
    }
}
