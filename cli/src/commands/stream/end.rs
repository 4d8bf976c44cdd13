//! `headwater stream end`.

use std::fmt;

use account::StreamKeys;
use anyhow::Context;
use clap::Args;
use protocol::Signed;
use serde::Serialize;
use sharing::{DeviceStreamEnd, Facts, TrailText, TrailWhat};

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::membership::Network;
use crate::names::{now, parse_path};
use crate::streams::{self, KeptStream, KeptStreams};
use crate::trail::TrailFile;
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
}

impl End {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let known = KeptStreams::open(globals)?;
        let stream = known.named(&parse_path(&self.name)?)?;
        let network = Network::load(globals.network.as_deref()).await?;
        let secret = account_file::open(globals.account.as_deref(), globals.output())?;
        let id = stream.id()?;
        let gateway = gateway_api::address(&stream.gateway).context("the list of streams is damaged")?;
        let keys = StreamKeys::derive(&secret, id);
        let end = DeviceStreamEnd { id, issued: now() };
        streams::end(&gateway, &Signed::sign(keys.owner(), &network.file.network, end)).await?;
        let _turn = known.turn(&stream)?;
        let mut stream = known.named(&parse_path(&self.name)?)?;
        if stream.ended.is_none() {
            stream.ended = Some(now().get());
            known.keep(&stream)?;
            let facts = Facts {
                about: TrailText::cut(&format!("stream {}", stream.name)),
                link: Some(id),
                source: TrailText::cut(&stream.gateway),
                ..Facts::new(TrailWhat::LinkEnded, now())
            };
            TrailFile::open(globals, &secret, network.file.network)?.append(facts)?;
        }
        globals.output().answer(&Answer { stream })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.stream.name;
        writeln!(f, "nothing is taken for {name} any more; `headwater stream pull {name}` fetches what waits")
    }
}
