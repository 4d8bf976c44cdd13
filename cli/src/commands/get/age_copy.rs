//! Writing what is read as a file of age.

use std::ops::Range;

use account::{AgeRecipient, AgeSealer};
use anyhow::Context;
use client::Object;
use futures_util::TryStreamExt;
use tokio::io::AsyncWriteExt;

use super::Get;
use crate::destination::Sink;
use crate::failure::{Unread, Usage};
use crate::grants;
use crate::output::Progress;

impl Get {
    /// What encrypts to the recipients that are named, if any are.
    pub(super) fn sealer(&self) -> anyhow::Result<Option<AgeSealer>> {
        if self.age.is_empty() {
            return Ok(None);
        }
        let mut recipients = Vec::new();
        for argument in &self.age {
            for text in grants::entries(argument)? {
                let recipient = text.parse::<AgeRecipient>();
                recipients.push(recipient.map_err(|error| Usage::because(format!("--age {text}: {error}")))?);
            }
        }
        Ok(Some(AgeSealer::new(&recipients)?))
    }
}

/// These bytes as a file of age.
pub(super) fn whole(mut sealer: AgeSealer, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let begin = sealer.push(bytes)?;
    Ok([begin, sealer.finish()?].concat())
}

/// Reads a range of an object into a file of age. One that is not whole does not end as a whole one would.
pub(super) async fn copy(
    object: &Object,
    range: Range<u64>,
    mut to: Sink,
    mut sealer: AgeSealer,
    progress: &Progress,
) -> anyhow::Result<()> {
    let mut bytes = std::pin::pin!(object.read(range));
    while let Some(run) = bytes.try_next().await? {
        write(&mut to, &sealer.push(&run)?).await?;
        progress.advance(run.len() as u64);
    }
    write(&mut to, &sealer.finish()?).await?;
    to.flush().await.map_err(Unread::or).context("cannot write what was read")
}

async fn write(to: &mut Sink, bytes: &[u8]) -> anyhow::Result<()> {
    to.write_all(bytes).await.map_err(Unread::or).context("cannot write what was read")
}
