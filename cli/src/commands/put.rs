//! `headwater put`: stores a file and prints its link.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use chunker::{AccountSecret, Coding, Padding, Salt};
use clap::Args;
use client::{Client, ObjectSecrets, PutAnswer, PutOptions, PutReport};
use protocol::UnixSeconds;
use serde::Serialize;
use tokio::io::AsyncRead;

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::{self, Network};
use crate::output::Output;
use crate::quantity::Duration;
use crate::until_ended::UntilEnded;
use crate::{account, gateway_api, lifetime, media_type, smaller_coding};

/// Encrypt a file, spread it over the network and print its link
///
/// The link is the only way to read the file, for you and for anybody to whom you give it: keep it. It is
/// all that stands on standard output. Exit status 1 with a link means that the file can be read, but that some
/// shards found no node; `headwater repair` adds them when there are nodes again. Exit status 1 without a
/// link means that nothing was stored.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater put film.mp4 > film.link
  headwater put film.mp4 --coding 10+4 --keep 90d --json | jq .cid
  tar c album | headwater put - --name album.tar --pad > album.link")]
pub(crate) struct Put {
    /// The file; - or nothing for standard input
    #[arg(default_value = "-", hide_default_value = true)]
    file: PathBuf,

    /// Data and parity shards: any K of K+M bring the file back
    /// [default: what suits the number of nodes, 5+3 from eight nodes on]
    #[arg(long, value_name = "K+M", env = "HEADWATER_CODING")]
    coding: Option<Coding>,

    /// How long the nodes are to keep it, such as 90d
    #[arg(long, value_name = "TIME", default_value = "365d")]
    keep: Duration,

    /// The name that readers see [default: the file's]
    #[arg(long)]
    name: Option<String>,

    /// The media type that readers see [default: by the file's ending]
    #[arg(long = "type", value_name = "TYPE/SUBTYPE")]
    media_type: Option<String>,

    /// Hide the exact length, at the cost of up to 12 % more
    #[arg(long)]
    pad: bool,
}

/// How long a put may take to release what it has stored after a signal.
const TIDY_UP_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);

/// The answer of a put.
#[derive(Serialize)]
#[serde(transparent)]
struct Answer(PutAnswer);

impl Put {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let network = Network::load(globals.network.as_deref()).await?;
        let coding = self.coding(&network)?;
        let (source, len) = self.open().await?;
        let account = account::open(globals.account.as_deref(), output)?;
        let options = self.options(coding, &account);
        let put = async |client: &Client| {
            let progress = output.progress("put", len);
            let put = client.put(UntilEnded::new(source), options, |now| progress.reached(now.read));
            let put = tokio::select! {
                put = put => put,
                () = overdue() => bail!("interrupted; nodes that did not answer may keep a part for a while"),
            };
            put.with_context(|| format!("cannot store {}", self.file.display()))
        };
        let stored = network.with_client(Some(account::payer(&account)), put).await;
        let report = stored.map_err(smaller_coding::suggest)?;
        for missing in &report.missing {
            output.note(format_args!("not stored: {}: {}", missing.part, missing.reason));
        }
        if !report.is_complete() {
            output.note(
                "it can be read, but not every shard found a node; `headwater repair` adds the rest later",
            );
        }
        let url = opened_at_gateway(&network, &report, output).await;
        let outcome = if report.is_complete() { Outcome::Complete } else { Outcome::Incomplete };
        output.answer(&Answer(report.into_answer(url)))?;
        Ok(outcome)
    }
}

impl Put {
    fn coding(&self, network: &Network) -> anyhow::Result<Coding> {
        self.coding.map_or_else(|| network.usual_coding(), Ok)
    }

    /// The bytes to put, and how many there are where that is known.
    async fn open(&self) -> anyhow::Result<(Box<dyn AsyncRead + Send + Unpin>, Option<u64>)> {
        if self.is_stdin() {
            return Ok((Box::new(tokio::io::stdin()), None));
        }
        let name = self.file.display();
        let file = tokio::fs::File::open(&self.file).await.with_context(|| format!("cannot read {name}"))?;
        let metadata = file.metadata().await?;
        if metadata.is_dir() {
            return Err(Usage::because(format!(
                "{name} is a folder; pack it first: tar c {name} | headwater put - --name {name}.tar"
            )));
        }
        Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
    }

    fn options(&self, coding: Coding, account: &AccountSecret) -> PutOptions {
        let name = self.name.clone().or_else(|| {
            let name = self.file.file_name().filter(|_| !self.is_stdin())?;
            Some(name.to_str()?.to_owned())
        });
        let guessed = || media_type::of_name(name.as_deref()?).map(str::to_owned);
        let media_type = self.media_type.clone().or_else(guessed);
        PutOptions {
            coding,
            padding: if self.pad { Padding::Padme } else { Padding::None },
            name,
            media_type,
            expires: UnixSeconds::from(SystemTime::now()).plus(self.keep.seconds()),
            secrets: ObjectSecrets::new(account, Salt::from_bytes(membership::random())),
        }
    }

    fn is_stdin(&self) -> bool {
        self.file == Path::new("-")
    }
}

/// Completes when the put should have tidied up after a signal: its source fails then, but nodes may keep it waiting.
async fn overdue() {
    if lifetime::ended(false).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(TIDY_UP_WITHIN).await;
}

/// Where the network's gateway serves the object; none where it has no gateway or the gateway does not answer.
async fn opened_at_gateway(network: &Network, report: &PutReport, output: Output) -> Option<String> {
    let gateway = network.gateway.as_ref()?;
    match gateway_api::open(gateway, &report.link).await {
        Ok(url) => Some(url),
        Err(error) => {
            output.note(format_args!("stored, but the gateway {error}"));
            None
        }
    }
}

/// For people and for shells alike: the link and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0.link())
    }
}
