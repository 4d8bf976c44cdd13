//! Batches in `PostgreSQL`, for all gateways of a fleet: a device may come to any of them.

use async_trait::async_trait;
use database::Connection;
use protocol::Digest;
use sharing::{AppendSignature, BatchNumber, KeptBatch, LinkId, STREAM_BATCHES_MAX, STREAM_BYTES_MAX};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::store::{Appended, BatchStore, Standing};
use crate::links::LinkStoreError;

const SCHEMA: &str = "\
    CREATE TABLE IF NOT EXISTS headwater_streams (id bytea PRIMARY KEY, last bigint NOT NULL, digest bytea NOT NULL, \
    waiting bigint NOT NULL, bytes bigint NOT NULL); \
    CREATE TABLE IF NOT EXISTS headwater_stream_batches (id bytea NOT NULL REFERENCES headwater_streams ON DELETE CASCADE, \
    number bigint NOT NULL, digest bytea NOT NULL, signature bytea NOT NULL, batch bytea NOT NULL, PRIMARY KEY (id, number))";
const STANDING: &str = "SELECT last, digest, waiting, bytes FROM headwater_streams WHERE id = $1";
const UNDER: &str = "SELECT digest FROM headwater_stream_batches WHERE id = $1 AND number = $2";
const TOTAL: &str = "SELECT coalesce(sum(bytes), 0)::bigint FROM headwater_streams";
/// The row of the stream is locked by what counts the batch: of two gateways one comes first, and the other finds its number taken.
const APPEND: &str = "WITH room AS (INSERT INTO headwater_streams AS stream VALUES ($1, $2, $3, 1, $4) \
    ON CONFLICT (id) DO UPDATE SET last = $2, digest = $3, waiting = stream.waiting + 1, bytes = stream.bytes + $4 \
    WHERE stream.last < $2 AND stream.waiting < $5 AND stream.bytes + $4 <= $6 RETURNING id) \
    INSERT INTO headwater_stream_batches SELECT id, $2, $3, $7, $8 FROM room";
/// Whole batches as long as they fit; the first one always does.
const WAITING: &str = "SELECT number, signature, batch FROM (SELECT number, signature, batch, \
    sum(length(batch)) OVER (ORDER BY number) AS total, row_number() OVER (ORDER BY number) AS place \
    FROM headwater_stream_batches WHERE id = $1 AND number > $2) AS waiting \
    WHERE total <= $3 OR place = 1 ORDER BY number";
const FORGET: &str = "WITH gone AS (DELETE FROM headwater_stream_batches WHERE id = $1 AND number <= $2 RETURNING length(batch) AS len) \
    UPDATE headwater_streams SET waiting = waiting - (SELECT count(*) FROM gone), \
    bytes = bytes - (SELECT coalesce(sum(len), 0) FROM gone)::bigint WHERE id = $1";

type Result<T> = std::result::Result<T, LinkStoreError>;

/// Batches in a database.
#[derive(Debug)]
pub(crate) struct PostgresBatches(Connection);

impl PostgresBatches {
    /// Batches over this connection; their tables are made when they are not there.
    pub(crate) async fn open(connection: Connection) -> Result<Self> {
        connection.create(SCHEMA).await?;
        Ok(Self(connection))
    }

    async fn judge(&self, stream: LinkId, batch: &KeptBatch) -> Result<Appended> {
        let id = &stream.as_bytes()[..];
        let standing = match self.0.rows(STANDING, &[&id]).await?.first() {
            None => Standing { last: None, waiting: 0, bytes: 0 },
            Some(row) => Standing {
                last: Some((number(stream, row.get(0))?, digest(stream, row.get(1))?)),
                waiting: count(stream, row.get(2))?,
                bytes: count(stream, row.get(3))?,
            },
        };
        let under = self.0.rows(UNDER, &[&id, &signed(batch.number.get())]).await?;
        let under = under.first().map(|row| digest(stream, row.get(0))).transpose()?;
        let total = self.0.rows(TOTAL, &[]).await?.first().map_or(0, |row| row.get(0));
        Ok(standing.judge(batch, under, count(stream, total)?))
    }
}

#[async_trait]
impl BatchStore for PostgresBatches {
    async fn append(&self, stream: LinkId, batch: KeptBatch) -> Result<Appended> {
        let judged = self.judge(stream, &batch).await?;
        if judged != Appended::New {
            return Ok(judged);
        }
        let (id, digest) = (&stream.as_bytes()[..], Digest::of(&batch.batch));
        let (digest, signature) = (&digest.as_bytes()[..], &batch.signature.as_bytes()[..]);
        let (number, len) = (signed(batch.number.get()), signed(batch.batch.len() as u64));
        let (most, bytes) = (signed(STREAM_BATCHES_MAX as u64), signed(STREAM_BYTES_MAX));
        let values: [&(dyn ToSql + Sync); 8] =
            [&id, &number, &digest, &len, &most, &bytes, &signature, &batch.batch];
        if self.0.execute(APPEND, &values).await? == 1 {
            return Ok(Appended::New);
        }
        // Another gateway was quicker; where it was not with the same, there is room no more.
        match self.judge(stream, &batch).await? {
            Appended::New => Ok(Appended::StreamFull),
            judged => Ok(judged),
        }
    }

    async fn waiting(
        &self,
        stream: LinkId,
        after: Option<BatchNumber>,
        len_max: u64,
    ) -> Result<Vec<KeptBatch>> {
        let after = signed(after.map_or(0, BatchNumber::get));
        let rows = self.0.rows(WAITING, &[&&stream.as_bytes()[..], &after, &signed(len_max)]).await?;
        let of = |row: &Row| {
            let signature: [u8; 64] = row.get::<_, &[u8]>(1).try_into().map_err(|_| damaged(stream))?;
            let signature = AppendSignature::from_bytes(signature);
            Ok(KeptBatch { number: number(stream, row.get(0))?, signature, batch: row.get(2) })
        };
        rows.iter().map(of).collect()
    }

    async fn forget(&self, stream: LinkId, upto: BatchNumber) -> Result<()> {
        Ok(self.0.execute(FORGET, &[&&stream.as_bytes()[..], &signed(upto.get())]).await.map(drop)?)
    }
}

fn number(stream: LinkId, number: i64) -> Result<BatchNumber> {
    BatchNumber::try_from(count(stream, number)?).map_err(|_| damaged(stream))
}

fn count(stream: LinkId, number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| damaged(stream))
}

fn digest(stream: LinkId, bytes: &[u8]) -> Result<Digest> {
    bytes.try_into().map(Digest::from_bytes).map_err(|_| damaged(stream))
}

/// As a column says it. Numbers of batches and lengths are far below what one can say.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const fn damaged(id: LinkId) -> LinkStoreError {
    LinkStoreError::Damaged { id }
}
