//! Batches in the file of links.

use ::redb::{Database, ReadableDatabase as _, ReadableTable, TableDefinition};
use async_trait::async_trait;
use proofs::canonical;
use protocol::Digest;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sharing::{AppendSignature, BatchNumber, KeptBatch, LinkId, STREAM_BATCH_LEN_MAX};

use super::store::{Appended, BatchStore, Standing};
use crate::links::{LinkFile, LinkStoreError, failed};

const STREAMS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("streams");
/// Batches by stream and number.
const BATCHES: TableDefinition<'_, (&[u8; 32], u64), &[u8]> = TableDefinition::new("stream_batches");
/// Bytes of all batches that wait.
const TOTAL: TableDefinition<'_, (), u64> = TableDefinition::new("stream_bytes");
const ROW_LEN_MAX: usize = 256;
const BATCH_ROW_LEN_MAX: usize = STREAM_BATCH_LEN_MAX + 256;

type Result<T> = std::result::Result<T, LinkStoreError>;

/// Batches in one file, beside the links.
#[derive(Debug)]
pub(crate) struct RedbBatches(LinkFile);

#[derive(Serialize, Deserialize)]
struct StreamRow {
    bytes: u64,
    digest: Digest,
    last: BatchNumber,
    waiting: u64,
}

#[derive(Serialize, Deserialize)]
struct BatchRow {
    batch: ByteBuf,
    signature: AppendSignature,
}

impl RedbBatches {
    /// Batches in this file; their tables are made when they are not there.
    pub(crate) fn open(file: LinkFile) -> Result<Self> {
        let transaction = file.database().begin_write().map_err(failed)?;
        transaction.open_table(STREAMS).map_err(failed)?;
        transaction.open_table(BATCHES).map_err(failed)?;
        transaction.open_table(TOTAL).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Self(file))
    }
}

#[async_trait]
impl BatchStore for RedbBatches {
    async fn append(&self, stream: LinkId, batch: KeptBatch) -> Result<Appended> {
        self.0.blocking(move |database| append(database, stream, &batch)).await
    }

    async fn waiting(
        &self,
        stream: LinkId,
        after: Option<BatchNumber>,
        len_max: u64,
    ) -> Result<Vec<KeptBatch>> {
        let first = after.map_or(0, |after| after.get() + 1);
        self.0
            .blocking(move |database| {
                let view = database.begin_read().map_err(failed)?;
                let batches = view.open_table(BATCHES).map_err(failed)?;
                let rows = batches.range((stream.as_bytes(), first)..=(stream.as_bytes(), u64::MAX));
                let (mut found, mut len) = (Vec::new(), 0);
                for row in rows.map_err(failed)? {
                    let (key, row) = row.map_err(failed)?;
                    let BatchRow { batch, signature } = batch_row(stream, row.value())?;
                    len += batch.len() as u64;
                    if len > len_max && !found.is_empty() {
                        break;
                    }
                    let number = number(stream, key.value().1)?;
                    found.push(KeptBatch { number, signature, batch: batch.into_vec() });
                }
                Ok(found)
            })
            .await
    }

    async fn forget(&self, stream: LinkId, upto: BatchNumber) -> Result<()> {
        self.0.blocking(move |database| forget(database, stream, upto)).await
    }
}

fn append(database: &Database, stream: LinkId, batch: &KeptBatch) -> Result<Appended> {
    let transaction = database.begin_write().map_err(failed)?;
    {
        let mut streams = transaction.open_table(STREAMS).map_err(failed)?;
        let mut batches = transaction.open_table(BATCHES).map_err(failed)?;
        let mut total = transaction.open_table(TOTAL).map_err(failed)?;
        let standing = standing(&streams, stream)?;
        let key = (stream.as_bytes(), batch.number.get());
        let under = match batches.get(key).map_err(failed)? {
            Some(row) => Some(Digest::of(&batch_row(stream, row.value())?.batch)),
            None => None,
        };
        let bytes_of_all = sum(&total)?;
        let judged = standing.judge(batch, under, bytes_of_all);
        if judged != Appended::New {
            return Ok(judged);
        }
        let KeptBatch { number, signature, batch } = batch;
        let (digest, len) = (Digest::of(batch), batch.len() as u64);
        let (bytes, waiting) = (standing.bytes + len, standing.waiting + 1);
        let row = canonical::to_vec(&StreamRow { bytes, digest, last: *number, waiting });
        streams.insert(stream.as_bytes(), row.as_slice()).map_err(failed)?;
        let row =
            canonical::to_vec(&BatchRow { batch: ByteBuf::from(batch.as_slice()), signature: *signature });
        batches.insert(key, row.as_slice()).map_err(failed)?;
        total.insert((), bytes_of_all + len).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    Ok(Appended::New)
}

fn forget(database: &Database, stream: LinkId, upto: BatchNumber) -> Result<()> {
    let transaction = database.begin_write().map_err(failed)?;
    {
        let mut streams = transaction.open_table(STREAMS).map_err(failed)?;
        let Some(mut row) = stream_row(&streams, stream)? else { return Ok(()) };
        let mut batches = transaction.open_table(BATCHES).map_err(failed)?;
        let mut total = transaction.open_table(TOTAL).map_err(failed)?;
        let keys = (stream.as_bytes(), 0)..=(stream.as_bytes(), upto.get());
        let (mut gone, mut len) = (0, 0);
        for batch in batches.extract_from_if(keys, |_, _| true).map_err(failed)? {
            len += batch_row(stream, batch.map_err(failed)?.1.value())?.batch.len() as u64;
            gone += 1;
        }
        row.waiting = row.waiting.saturating_sub(gone);
        row.bytes = row.bytes.saturating_sub(len);
        streams.insert(stream.as_bytes(), canonical::to_vec(&row).as_slice()).map_err(failed)?;
        let left = sum(&total)?.saturating_sub(len);
        total.insert((), left).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn standing(
    streams: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    stream: LinkId,
) -> Result<Standing> {
    let row = stream_row(streams, stream)?;
    Ok(match row {
        None => Standing { last: None, waiting: 0, bytes: 0 },
        Some(StreamRow { bytes, digest, last, waiting }) => {
            Standing { last: Some((last, digest)), waiting, bytes }
        }
    })
}

fn stream_row(
    streams: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    stream: LinkId,
) -> Result<Option<StreamRow>> {
    let Some(bytes) = streams.get(stream.as_bytes()).map_err(failed)? else { return Ok(None) };
    let row = canonical::from_slice(bytes.value(), ROW_LEN_MAX);
    row.map(Some).map_err(|_| LinkStoreError::Damaged { id: stream })
}

fn batch_row(stream: LinkId, bytes: &[u8]) -> Result<BatchRow> {
    canonical::from_slice(bytes, BATCH_ROW_LEN_MAX).map_err(|_| LinkStoreError::Damaged { id: stream })
}

fn number(stream: LinkId, number: u64) -> Result<BatchNumber> {
    BatchNumber::try_from(number).map_err(|_| LinkStoreError::Damaged { id: stream })
}

fn sum(total: &impl ReadableTable<(), u64>) -> Result<u64> {
    Ok(total.get(()).map_err(failed)?.map_or(0, |sum| sum.value()))
}

#[cfg(test)]
mod tests {
    use super::super::STREAMS_BYTES_MAX;
    use super::*;

    fn batch(number: u64, bytes: &[u8]) -> KeptBatch {
        let number = BatchNumber::try_from(number).unwrap();
        KeptBatch { number, signature: AppendSignature::from_bytes([7; 64]), batch: bytes.to_vec() }
    }

    /// Ten bytes before all streams together have as much as is kept.
    #[tokio::test]
    async fn all_streams_together_have_so_many_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let file = LinkFile::open(&folder.path().join("links.redb")).unwrap();
        let store = RedbBatches::open(file.clone()).unwrap();
        let (one, other) = (LinkId::from_bytes([1; 32]), LinkId::from_bytes([2; 32]));
        store.append(one, batch(1, &[0; 100])).await.unwrap();
        let transaction = file.database().begin_write().unwrap();
        transaction.open_table(TOTAL).unwrap().insert((), STREAMS_BYTES_MAX - 10).unwrap();
        transaction.commit().unwrap();

        assert_eq!(store.append(other, batch(1, &[0; 11])).await.unwrap(), Appended::Full);
        assert_eq!(store.append(other, batch(1, &[0; 10])).await.unwrap(), Appended::New);
        assert_eq!(store.append(other, batch(2, &[0])).await.unwrap(), Appended::Full);
        assert_eq!(
            store.append(one, batch(1, &[0; 100])).await.unwrap(),
            Appended::Known,
            "it is kept already"
        );
        // What an owner has makes room for every stream.
        store.forget(one, BatchNumber::try_from(1).unwrap()).await.unwrap();
        assert_eq!(store.append(other, batch(2, &[0; 100])).await.unwrap(), Appended::New);
        assert_eq!(store.append(one, batch(2, &[0])).await.unwrap(), Appended::Full);
    }
}
