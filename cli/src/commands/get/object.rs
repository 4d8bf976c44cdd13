//! Reading the object behind a link from the nodes.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use account::RecordFolder;
use anyhow::{Context, bail};
use chunker::Link;
use client::{Client, Object};
use futures_util::TryStreamExt;
use serde::Serialize;
use sharing::IndexPath;
use tokio::io::AsyncWriteExt;

use super::{Get, age_copy};
use crate::arguments::Globals;
use crate::destination::{Destination, Sink, unless_ended};
use crate::failure::{Outcome, Unread, Usage};
use crate::grants;
use crate::membership::Network;
use crate::output::{Output, Progress};

/// What was read. People see it in the file; where the data is on standard output, programs find this on standard error.
#[derive(Serialize)]
struct Answer {
    cid: String,
    name: Option<String>,
    #[serde(rename = "type")]
    media_type: Option<String>,
    size: u64,
    /// The first byte that was read.
    start: u64,
    /// Bytes read.
    len: u64,
    file: Option<PathBuf>,
}

impl Get {
    /// Reads the object behind `link`, the range of it that is wanted, or what is wanted of it when it is a folder of records.
    pub(super) async fn object(
        &self,
        link: &Link,
        inside: Option<&IndexPath>,
        globals: &Globals,
    ) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let read = async |client: &Client| {
            let object = client.open(link).await.context("cannot open the link")?;
            if grants::is_one(&object) {
                return self.granted(client, &object, inside, globals).await;
            }
            self.opened(client, &object, inside, output).await
        };
        let get = async |client: &Client| self.pay.with(client, read).await;
        Network::load(globals.network.as_deref()).await?.with_client(None, get).await
    }

    /// Reads a file, or what is wanted of a folder of records.
    pub(super) async fn opened(
        &self,
        client: &Client,
        object: &Object,
        inside: Option<&IndexPath>,
        output: Output,
    ) -> anyhow::Result<Outcome> {
        if RecordFolder::is_one(object) {
            return self.records(client, object, inside, output).await;
        }
        if inside.is_some() || self.link {
            bail!("this is a file, and no folder of records");
        }
        self.whole(object, output).await
    }

    async fn whole(&self, object: &Object, output: Output) -> anyhow::Result<Outcome> {
        let range = match self.range {
            Some(range) => range.within(object.len())?,
            None => 0..object.len(),
        };
        let sealer = self.sealer()?;
        let name = || name_of(object).map(|name| if sealer.is_some() { format!("{name}.age") } else { name });
        let destination = Destination::choose(self.output.as_deref(), name)?;
        let answer = Answer::new(object, &range, &destination);
        let progress = output.progress("get", Some(range.end - range.start));
        let write = async |to: Sink| match sealer {
            Some(sealer) => age_copy::copy(object, range, to, sealer, &progress).await,
            None => copy(object, range, to, &progress).await,
        };
        unless_ended(destination.fill(write)).await?;
        drop(progress);
        if answer.file.is_some() {
            output.answer(&answer)?;
        } else {
            output.answer_beside_data(&answer)?;
        }
        Ok(Outcome::Complete)
    }
}

/// The name that the uploader chose: not the place to create .profile or what reads like an option.
fn name_of(object: &Object) -> anyhow::Result<String> {
    let name = object.name().ok_or_else(|| Usage::because("the link knows no name; say -o FILE"))?;
    if name.starts_with(['.', '-']) {
        return Err(Usage::because(format!("the object calls itself {name:?}; say -o FILE")));
    }
    Ok(name.to_owned())
}

async fn copy(object: &Object, range: Range<u64>, mut to: Sink, progress: &Progress) -> anyhow::Result<()> {
    let mut bytes = std::pin::pin!(object.read(range));
    while let Some(run) = bytes.try_next().await? {
        to.write_all(&run).await.map_err(Unread::or).context("cannot write what was read")?;
        progress.advance(run.len() as u64);
    }
    to.flush().await.map_err(Unread::or).context("cannot write what was read")
}

impl Answer {
    fn new(object: &Object, range: &Range<u64>, destination: &Destination) -> Self {
        Self {
            cid: object.cid().to_string(),
            name: object.name().map(str::to_owned),
            media_type: object.media_type().map(str::to_owned),
            size: object.len(),
            start: range.start,
            len: range.end - range.start,
            file: destination.path().map(Path::to_owned),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
