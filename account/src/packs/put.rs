//! Putting records: one pack after the other, in one pass and with memory for one record.

use std::io;
use std::pin::Pin;

use chunker::{Coding, Padding, RequiredTags};
use client::{Client, MissingPart, ObjectSecrets, PutError, PutOptions, PutReport};
use futures_util::stream::Peekable;
use futures_util::{Stream, StreamExt as _};
use protocol::UnixSeconds;
use sharing::{
    CATALOGUE_TYPE, Catalogue, CatalogueError, IndexPath, PACK_TYPE, PackKey, PackRef, PackSummary,
    PackWriter, PushRecordError,
};

use super::feed::Feed;
use crate::keys::Account;

/// Why a record could not be had.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How packs are put.
#[derive(Debug)]
pub struct PackPut<'a> {
    /// By whom.
    pub client: &'a Client,
    /// Whose they are.
    pub account: &'a Account,
    /// Data and parity columns.
    pub coding: Coding,
    /// Tags that nodes must have to be given a part.
    pub required: RequiredTags,
    /// Until when nodes are to keep them.
    pub until: UnixSeconds,
}

/// What was put.
#[derive(Debug, Default)]
pub struct Packed {
    /// The packs, in the order of their records.
    pub packs: Vec<PackRef>,
    /// Parts that found no node.
    pub missing: Vec<MissingPart>,
    /// Bytes that nodes were paid for.
    pub stored_bytes: u64,
}

/// Why records could not be put. Whatever was put before is in the [`Packed`] that was handed in.
#[derive(Debug, thiserror::Error)]
pub enum PutPacksError {
    /// The nodes did not take it.
    #[error(transparent)]
    Put(#[from] PutError),
    /// It cannot be a record.
    #[error(transparent)]
    Record(#[from] PushRecordError),
    /// It could not be had.
    #[error("{0}")]
    Source(BoxError),
    /// There is no room for it in a catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl PackPut<'_> {
    /// Puts records in packs, as many as it takes, and enters these into `packed` one by one.
    ///
    /// `progress` is told of the bytes of every record.
    pub async fn put(
        &self,
        records: impl Stream<Item = Result<(IndexPath, Vec<u8>), BoxError>> + Send,
        packed: &mut Packed,
        progress: impl Fn(u64) + Send + Sync,
    ) -> Result<(), PutPacksError> {
        let mut records = std::pin::pin!(records.peekable());
        while records.as_mut().peek().await.is_some() {
            let (summary, report) = self.put_pack(records.as_mut(), &progress).await?;
            packed.packs.push(PackRef::new(summary, report.cid, self.until));
            packed.missing.extend(report.missing);
            packed.stored_bytes += report.stored_bytes;
        }
        Ok(())
    }

    /// Puts a catalogue under these keys and this name.
    pub async fn put_catalogue(
        &self,
        catalogue: &Catalogue,
        name: Option<&str>,
        secrets: ObjectSecrets,
    ) -> Result<PutReport, PutPacksError> {
        let bytes = catalogue.encode()?;
        let options = self.options(CATALOGUE_TYPE, name, secrets);
        Ok(self.client.put(bytes.as_slice(), options, |_| {}).await?)
    }

    async fn put_pack<S>(
        &self,
        records: Pin<&mut Peekable<S>>,
        progress: &(impl Fn(u64) + Send + Sync),
    ) -> Result<(PackSummary, PutReport), PutPacksError>
    where
        S: Stream<Item = Result<(IndexPath, Vec<u8>), BoxError>> + Send,
    {
        let key = PackKey::from_bytes(rand::random());
        let secrets = ObjectSecrets { content_key: key.content_key(), ..self.account.new_secrets() };
        let (feed, reader) = Feed::new();
        let put = self.client.put(reader, self.options(PACK_TYPE, None, secrets), |_| {});
        let (filled, put) = tokio::join!(fill(feed, PackWriter::new(key), records, progress), put);
        match (filled, put) {
            (Ok(Some(summary)), Ok(report)) => Ok((summary, report)),
            (Err(error), _) => Err(error),
            (Ok(_), Err(error)) => Err(error.into()),
            (Ok(None), Ok(_)) => unreachable!("a put that has succeeded has read the pack to its end"),
        }
    }

    fn options(&self, media_type: &str, name: Option<&str>, secrets: ObjectSecrets) -> PutOptions {
        PutOptions {
            coding: self.coding,
            padding: Padding::None,
            name: name.map(str::to_owned),
            media_type: Some(media_type.to_owned()),
            expires: self.until,
            required: self.required.clone(),
            secrets,
        }
    }
}

/// Fills a pack until it is full or no record is left. None when nobody has read it to its end.
async fn fill<S>(
    mut feed: Feed,
    mut writer: PackWriter,
    mut records: Pin<&mut Peekable<S>>,
    progress: &(impl Fn(u64) + Send + Sync),
) -> Result<Option<PackSummary>, PutPacksError>
where
    S: Stream<Item = Result<(IndexPath, Vec<u8>), BoxError>> + Send,
{
    loop {
        let next = records.as_mut().next_if(|next| match next {
            Ok((name, record)) => writer.check_room(name, record.len()).is_ok(),
            Err(_) => true,
        });
        let (name, mut record) = match next.await {
            None => break,
            Some(Ok(next)) => next,
            Some(Err(error)) => {
                feed.fail(io::Error::other("a record could not be had")).await;
                return Err(PutPacksError::Source(error));
            }
        };
        let len = record.len() as u64;
        if let Err(error) = writer.push(name, &mut record) {
            feed.fail(io::Error::other("a record cannot be one")).await;
            return Err(error.into());
        }
        progress(len);
        if feed.push(&record).await.is_err() {
            return Ok(None);
        }
    }
    let ending = writer.finish().expect("the first record is always taken");
    let is_read = feed.push(&ending.bytes).await.is_ok() && feed.finish().await.is_ok();
    Ok(is_read.then_some(ending.summary))
}
