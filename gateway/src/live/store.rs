//! What a gateway keeps of live streams: their records, as they came.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use protocol::{NetworkId, Signed, UnixSeconds};
use redb::backends::InMemoryBackend;
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableDefinition,
};
use serde::{Deserialize, Serialize};
use sharing::{AnnouncedPrelude, LiveEnd, LiveId, LiveSegment, LiveStream};

use super::limits::{SEGMENTS_MAX, STREAMS_MAX, STREAMS_OF_CREATOR_MAX};
use crate::publications::{CatalogueError, keep_private};

/// By live id.
const STREAMS: TableDefinition<&[u8; 36], &[u8]> = TableDefinition::new("live streams");
/// Of streams that run: when something was heard of them.
const HEARD: TableDefinition<&[u8; 36], u64> = TableDefinition::new("live heard");
/// When a stream ended, and which.
const ENDED: TableDefinition<(u64, &[u8; 36]), ()> = TableDefinition::new("live ended");
/// By creator: how many streams are kept.
const CREATORS: TableDefinition<&[u8; 32], u64> = TableDefinition::new("live creators");
/// By live id, track and number.
const SEGMENTS: TableDefinition<(&[u8; 36], u8, u32), &[u8]> = TableDefinition::new("live segments");

/// Bytes of memory that the database caches.
const DATABASE_CACHE_LEN: usize = 4 << 20;

/// The durable live streams of one gateway. Its methods block for as long as a disk does.
#[derive(Debug, Clone)]
pub(super) struct LiveStore {
    database: Arc<Database>,
    network: NetworkId,
}

/// A stream as it was kept.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) announced: AnnouncedPrelude,
    pub(super) live: LiveStream,
    pub(super) end: Option<Vec<u8>>,
    pub(super) is_withdrawn: bool,
    pub(super) heard: UnixSeconds,
}

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(with = "serde_bytes")]
    creator: [u8; 32],
    #[serde(with = "serde_bytes")]
    record: Vec<u8>,
    #[serde(with = "serde_bytes")]
    prelude: Vec<u8>,
    #[serde(with = "serde_bytes")]
    end: Option<Vec<u8>>,
    #[serde(with = "serde_bytes")]
    withdrawal: Option<Vec<u8>>,
    /// When it ended, for whatever reason.
    ended: Option<u64>,
}

struct Tables<'t> {
    streams: redb::Table<'t, &'static [u8; 36], &'static [u8]>,
    heard: redb::Table<'t, &'static [u8; 36], u64>,
    ended: redb::Table<'t, (u64, &'static [u8; 36]), ()>,
    creators: redb::Table<'t, &'static [u8; 32], u64>,
    segments: redb::Table<'t, (&'static [u8; 36], u8, u32), &'static [u8]>,
}

impl LiveStore {
    /// The store in the file `path`, which is created when it is missing; without one it ends with the process.
    pub(super) fn open(path: Option<&Path>, network: NetworkId) -> Result<Self, CatalogueError> {
        let mut builder = Database::builder();
        builder.set_cache_size(DATABASE_CACHE_LEN);
        let database = match path {
            Some(path) => {
                keep_private(path).map_err(redb::Error::Io)?;
                builder.create(path)
            }
            None => builder.create_with_backend(InMemoryBackend::new()),
        };
        let store = Self { database: Arc::new(database.map_err(redb::Error::from)?), network };
        store.change(|_| Ok(()))?;
        Ok(store)
    }

    /// Keeps a stream that begins; false when there is no room for it.
    pub(super) fn begin(&self, stream: &AnnouncedPrelude, now: UnixSeconds) -> Result<bool, CatalogueError> {
        let row = Row {
            creator: *stream.prelude().creator().as_bytes(),
            record: stream.record().encode(),
            prelude: stream.prelude().encode(),
            end: None,
            withdrawal: None,
            ended: None,
        };
        self.change(|tables| {
            let streams = tables.streams.len().map_err(redb::Error::from)?;
            let segments = tables.segments.len().map_err(redb::Error::from)?;
            let of_creator = tables.of_creator(&row.creator)?;
            let is_full = streams >= STREAMS_MAX || segments >= SEGMENTS_MAX;
            if is_full || of_creator >= STREAMS_OF_CREATOR_MAX {
                return Ok(false);
            }
            tables.count_creator(&row.creator, of_creator + 1)?;
            tables.put(stream.prelude().id(), &row)?;
            tables.hear(stream.prelude().id(), now)?;
            Ok(true)
        })
    }

    /// Keeps a segment.
    pub(super) fn segment(
        &self,
        record: &Signed<LiveSegment>,
        track: u8,
        now: UnixSeconds,
    ) -> Result<(), CatalogueError> {
        let (id, n) = (record.body().live, record.body().n.get());
        self.change(|tables| {
            let place = (&key(id), track, n);
            tables.segments.insert(place, record.encode().as_slice()).map_err(redb::Error::from)?;
            tables.hear(id, now)
        })
    }

    /// The record of a segment, as it came.
    pub(super) fn segment_record(
        &self,
        id: LiveId,
        track: u8,
        n: u32,
    ) -> Result<Option<Vec<u8>>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let segments = view.open_table(SEGMENTS).map_err(redb::Error::from)?;
        let record = segments.get((&key(id), track, n)).map_err(redb::Error::from)?;
        Ok(record.map(|record| record.value().to_vec()))
    }

    /// Keeps the end of a stream; without a record when nothing more was heard of it.
    pub(super) fn end(
        &self,
        id: LiveId,
        end: Option<Vec<u8>>,
        now: UnixSeconds,
    ) -> Result<(), CatalogueError> {
        self.close(id, now, |row| {
            row.end = end;
        })
    }

    /// Keeps the withdrawal of a stream.
    pub(super) fn withdraw(
        &self,
        id: LiveId,
        withdrawal: Vec<u8>,
        now: UnixSeconds,
    ) -> Result<(), CatalogueError> {
        self.close(id, now, |row| {
            row.withdrawal = Some(withdrawal);
        })
    }

    /// Whether a stream that this creator has withdrawn has a segment in one of these objects.
    pub(super) fn has_withdrawn(
        &self,
        creator: &[u8; 32],
        objects: &HashSet<[u8; 36]>,
    ) -> Result<bool, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let streams = view.open_table(STREAMS).map_err(redb::Error::from)?;
        let segments = view.open_table(SEGMENTS).map_err(redb::Error::from)?;
        for stream in streams.iter().map_err(redb::Error::from)? {
            let (key, row) = stream.map_err(redb::Error::from)?;
            let (key, id) = (*key.value(), live_id(key.value())?);
            let row: Row =
                serde_ipld_dagcbor::from_slice(row.value()).map_err(|error| damaged(id, &error))?;
            if row.creator != *creator || row.withdrawal.is_none() {
                continue;
            }
            let all = (&key, 0, 0)..=(&key, u8::MAX, u32::MAX);
            for segment in segments.range(all).map_err(redb::Error::from)? {
                let (_, record) = segment.map_err(redb::Error::from)?;
                let record = Signed::<LiveSegment>::decode(record.value(), &self.network);
                let record = record.map_err(|error| damaged(id, &error))?;
                if objects.contains(&record.body().object.to_bytes()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn close(
        &self,
        id: LiveId,
        now: UnixSeconds,
        change: impl FnOnce(&mut Row),
    ) -> Result<(), CatalogueError> {
        self.change(|tables| {
            let mut row = tables.row(id)?.ok_or_else(|| damaged(id, &"it is not there"))?;
            change(&mut row);
            let ended = *row.ended.get_or_insert(now.get());
            tables.put(id, &row)?;
            tables.heard.remove(&key(id)).map_err(redb::Error::from)?;
            tables.ended.insert((ended, &key(id)), ()).map_err(redb::Error::from)?;
            Ok(())
        })
    }

    /// Up to `limit` streams that ended before `before`.
    pub(super) fn ended_before(
        &self,
        before: UnixSeconds,
        limit: usize,
    ) -> Result<Vec<LiveId>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let ended = view.open_table(ENDED).map_err(redb::Error::from)?;
        let rows = ended.range(..(before.get(), &[0; 36])).map_err(redb::Error::from)?.take(limit);
        rows.map(|row| live_id(row.map_err(redb::Error::from)?.0.value().1)).collect()
    }

    /// Removes streams that have ended.
    pub(super) fn remove(&self, streams: &[LiveId]) -> Result<(), CatalogueError> {
        self.change(|tables| {
            for id in streams {
                let Some(row) = tables.row(*id)? else { continue };
                let left = tables.of_creator(&row.creator)?.saturating_sub(1);
                tables.count_creator(&row.creator, left)?;
                let key = key(*id);
                if let Some(ended) = row.ended {
                    tables.ended.remove((ended, &key)).map_err(redb::Error::from)?;
                }
                tables.streams.remove(&key).map_err(redb::Error::from)?;
                let all = (&key, 0, 0)..=(&key, u8::MAX, u32::MAX);
                tables.segments.retain_in(all, |_, _| false).map_err(redb::Error::from)?;
            }
            Ok(())
        })
    }

    /// The streams that run.
    pub(super) fn running(&self) -> Result<Vec<LiveId>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let heard = view.open_table(HEARD).map_err(redb::Error::from)?;
        let mut all = Vec::new();
        for row in heard.iter().map_err(redb::Error::from)? {
            let (id, _) = row.map_err(redb::Error::from)?;
            all.push(live_id(id.value())?);
        }
        Ok(all)
    }

    /// A stream with all of its segments.
    pub(super) fn load(&self, id: LiveId) -> Result<Option<Loaded>, CatalogueError> {
        let view = self.database.begin_read().map_err(redb::Error::from)?;
        let streams = view.open_table(STREAMS).map_err(redb::Error::from)?;
        let Some(row) = streams.get(&key(id)).map_err(redb::Error::from)? else { return Ok(None) };
        let row: Row = serde_ipld_dagcbor::from_slice(row.value()).map_err(|error| damaged(id, &error))?;
        let record = Signed::decode(&row.record, &self.network).map_err(|error| damaged(id, &error))?;
        let announced = AnnouncedPrelude::new(record, &row.prelude).map_err(|error| damaged(id, &error))?;
        let mut live = LiveStream::new(announced.prelude().clone());
        let segments = view.open_table(SEGMENTS).map_err(redb::Error::from)?;
        let key = key(id);
        let all = (&key, 0, 0)..=(&key, u8::MAX, u32::MAX);
        for segment in segments.range(all).map_err(redb::Error::from)? {
            let (_, record) = segment.map_err(redb::Error::from)?;
            let record = Signed::<LiveSegment>::decode(record.value(), &self.network);
            let record = record.map_err(|error| damaged(id, &error))?;
            live.push(record.body()).map_err(|error| damaged(id, &error))?;
        }
        if let Some(end) = &row.end {
            let end = Signed::<LiveEnd>::decode(end, &self.network).map_err(|error| damaged(id, &error))?;
            live.finish(end.body()).map_err(|error| damaged(id, &error))?;
        } else if row.ended.is_some() {
            live.close();
        }
        let heard = view.open_table(HEARD).map_err(redb::Error::from)?;
        let heard = heard.get(&key).map_err(redb::Error::from)?.map_or(0, |heard| heard.value());
        let (is_withdrawn, heard) = (row.withdrawal.is_some(), UnixSeconds::new(heard));
        Ok(Some(Loaded { announced, live, end: row.end, is_withdrawn, heard }))
    }

    /// One durable transaction.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, CatalogueError>,
    ) -> Result<T, CatalogueError> {
        let transaction = self.database.begin_write().map_err(redb::Error::from)?;
        let result = {
            let mut tables = Tables {
                streams: transaction.open_table(STREAMS).map_err(redb::Error::from)?,
                heard: transaction.open_table(HEARD).map_err(redb::Error::from)?,
                ended: transaction.open_table(ENDED).map_err(redb::Error::from)?,
                creators: transaction.open_table(CREATORS).map_err(redb::Error::from)?,
                segments: transaction.open_table(SEGMENTS).map_err(redb::Error::from)?,
            };
            change(&mut tables)?
        };
        transaction.commit().map_err(redb::Error::from)?;
        Ok(result)
    }
}

impl Tables<'_> {
    fn row(&self, id: LiveId) -> Result<Option<Row>, CatalogueError> {
        let row = self.streams.get(&key(id)).map_err(redb::Error::from)?;
        let row = row.map(|row| serde_ipld_dagcbor::from_slice(row.value()));
        row.transpose().map_err(|error| damaged(id, &error))
    }

    fn put(&mut self, id: LiveId, row: &Row) -> Result<(), CatalogueError> {
        let bytes = serde_ipld_dagcbor::to_vec(row).expect("numbers and bytes are CBOR");
        self.streams.insert(&key(id), bytes.as_slice()).map_err(redb::Error::from)?;
        Ok(())
    }

    fn of_creator(&self, creator: &[u8; 32]) -> Result<u64, CatalogueError> {
        let count = self.creators.get(creator).map_err(redb::Error::from)?;
        Ok(count.map_or(0, |count| count.value()))
    }

    fn count_creator(&mut self, creator: &[u8; 32], count: u64) -> Result<(), CatalogueError> {
        if count == 0 {
            self.creators.remove(creator).map_err(redb::Error::from)?;
        } else {
            self.creators.insert(creator, count).map_err(redb::Error::from)?;
        }
        Ok(())
    }

    fn hear(&mut self, id: LiveId, now: UnixSeconds) -> Result<(), CatalogueError> {
        self.heard.insert(&key(id), now.get()).map_err(redb::Error::from)?;
        Ok(())
    }
}

fn damaged(id: LiveId, reason: &dyn std::fmt::Display) -> CatalogueError {
    CatalogueError::Row { id: id.to_string(), reason: reason.to_string() }
}

fn key(id: LiveId) -> [u8; 36] {
    id.cid().to_bytes()
}

fn live_id(bytes: &[u8; 36]) -> Result<LiveId, CatalogueError> {
    let damaged = |error: proofs::CidError| CatalogueError::Row {
        id: "a live stream".to_owned(),
        reason: error.to_string(),
    };
    proofs::Cid::from_bytes(bytes).map(LiveId::from_cid).map_err(damaged)
}
