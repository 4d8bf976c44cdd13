//! `headwater stream create`: keys and a token, registered at a gateway.

use std::fmt;

use account::StreamKeys;
use anyhow::{Context, bail};
use clap::Args;
use protocol::Signed;
use serde::Serialize;
use sharing::{DeviceStream, LinkId, TrailWhat};

use crate::arguments::Globals;
use crate::commands::share::gateway_of;
use crate::failure::Outcome;
use crate::membership::{self, Network};
use crate::names::{self, Names, now, parse_path};
use crate::packs;
use crate::secrets::SecretArg;
use crate::streams::{self, KeptStream, KeptStreams};
use crate::trail::{TrailFile, facts_of_stream};

/// Make a stream, and print the file that its device needs
///
/// The file is the only way for the device to write, and for whoever has it: send it by a way that you trust. Nobody reads with it.
#[derive(Args, Debug)]
pub(super) struct Create {
    /// The folder of records to which `pull` appends; it is made when there is none
    name: String,

    /// The gateway that takes the batches [default: that of the network file]
    #[arg(long, value_name = "URL")]
    gateway: Option<String>,

    /// The gateway's upload token, preferably as @FILE: it keeps what the device sends
    #[arg(long, value_name = "TOKEN")]
    upload_token: SecretArg,
}

#[derive(Serialize)]
pub(super) struct Answer {
    #[serde(flatten)]
    stream: KeptStream,
    /// What the device needs.
    device: String,
}

impl Answer {
    pub(super) fn new(stream: KeptStream, keys: &StreamKeys) -> Self {
        let device = streams::device_file(&stream, keys).to_string();
        Self { stream, device }
    }
}

impl Create {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref()).await?;
        let gateway = gateway_of(self.gateway.as_deref(), &network)?;
        let token = self.upload_token.read()?;
        let known = KeptStreams::open(globals)?;
        let secret = self.check_name(globals, &known).await?;
        let id = LinkId::from_bytes(membership::random());
        let stream = KeptStream {
            id: id.to_string(),
            name: parse_path(&self.name)?.to_string(),
            gateway: gateway.origin().ascii_serialization(),
            made: now().get(),
            ended: None,
            pulled: 0,
        };
        let keys = StreamKeys::derive(&secret, id);
        let record =
            DeviceStream { device: keys.device_key(), id, issued: now(), token: keys.token().digest() };
        let signed = Signed::sign(keys.owner(), &network.file.network, record);
        // Written down before anybody can write to it: what nobody knows of cannot be ended.
        known.keep(&stream)?;
        if let Err(error) = streams::register(&gateway, &signed, &token).await {
            known.forget(&stream)?;
            return Err(error).context("the stream was not made");
        }
        let facts = facts_of_stream(&stream, TrailWhat::StreamMade, now());
        TrailFile::open(globals, &secret, network.file.network)?.append(facts)?;
        streams::announce(globals, &network, &stream).await;
        globals.output().answer(&Answer::new(stream, &keys))?;
        Ok(Outcome::Complete)
    }

    /// The account, when the name is free or of a folder of records.
    async fn check_name(
        &self,
        globals: &Globals,
        known: &KeptStreams,
    ) -> anyhow::Result<chunker::AccountSecret> {
        let path = parse_path(&self.name)?;
        let names = Names::open(globals).await?;
        match names.local.index().file(&path) {
            Some(file) if packs::is_folder(file) => {}
            Some(_) => bail!("{path} is a file of yours, and no folder of records"),
            None => names::check_kind(names.local.index(), &path)?,
        }
        if known.all()?.iter().any(|stream| stream.name == path.to_string() && stream.ended.is_none()) {
            bail!(
                "there is a stream {path} already: `headwater stream show {path}` prints the file of its device again; end it first, or give this one another name"
            );
        }
        Ok(names.account.secret().clone())
    }
}

/// For shells and for people alike: the file and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.device)
    }
}
