//! Links in a file, in an embedded database that one process has open.

use async_trait::async_trait;
use proofs::canonical;
use protocol::{PublicKey, UnixSeconds};
use redb::{
    ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, Table, TableDefinition,
    WriteTransaction,
};
use serde::{Deserialize, Serialize};
use sharing::{EVENTS_OF_ANSWER_MAX, LINK_KEPT_S, LinkEvent, LinkId};

use super::file::{LinkFile, failed};
use super::link::{Link, LinkKind, NewLink, RecordHash};
use super::store::{
    ACCESSES_KEPT_MAX, LINKS_MAX, LinkStore, LinkStoreError, Noted, NumberedEvent, Placed, REFUSALS_KEPT_MAX,
    Taken,
};

const LINKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("links");
/// Events by link and number.
const EVENTS: TableDefinition<'_, (&[u8; 32], u64), &[u8]> = TableDefinition::new("events");
/// The longest row: a record with all its fields.
const ROW_LEN_MAX: usize = 64 << 10;

type Result<T> = std::result::Result<T, LinkStoreError>;

/// Links in one file.
#[derive(Debug, Clone)]
pub(super) struct RedbLinks(LinkFile);

/// What a row says of a link.
#[derive(Serialize, Deserialize)]
struct Row {
    /// Accesses and refusals that are kept.
    accesses: u32,
    refusals: u32,
    attempts: Option<u32>,
    ended: Option<UnixSeconds>,
    expires: Option<UnixSeconds>,
    kind: u8,
    /// The number of the last event.
    last: u64,
    #[serde(with = "protocol::keys")]
    owner: PublicKey,
    #[serde(with = "serde_bytes")]
    record: Vec<u8>,
    remaining: Option<u32>,
}

impl RedbLinks {
    /// Links in this file; their tables are made when they are not there.
    pub(super) fn open(file: LinkFile) -> Result<Self> {
        let transaction = file.database().begin_write().map_err(failed)?;
        transaction.open_table(LINKS).map_err(failed)?;
        transaction.open_table(EVENTS).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Self(file))
    }

    /// Changes the row of a link, where there is one; what is returned is durable.
    async fn change<T: Send + 'static>(
        &self,
        id: LinkId,
        change: impl FnOnce(&WriteTransaction, &mut Row) -> Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        self.0
            .blocking(move |database| {
                let transaction = database.begin_write().map_err(failed)?;
                let changed = {
                    let mut links = transaction.open_table(LINKS).map_err(failed)?;
                    let Some(mut row) = row(&links, id)? else { return Ok(None) };
                    let changed = change(&transaction, &mut row)?;
                    insert(&mut links, id, &row)?;
                    changed
                };
                transaction.commit().map_err(failed)?;
                Ok(Some(changed))
            })
            .await
    }
}

#[async_trait]
impl LinkStore for RedbLinks {
    async fn put(&self, id: LinkId, link: NewLink) -> Result<Placed> {
        self.0
            .blocking(move |database| {
                let transaction = database.begin_write().map_err(failed)?;
                {
                    let mut links = transaction.open_table(LINKS).map_err(failed)?;
                    if let Some(known) = row(&links, id)? {
                        return Ok(if link.is(&known.record) { Placed::Known } else { Placed::Other });
                    }
                    if links.len().map_err(failed)? >= LINKS_MAX {
                        return Ok(Placed::Full);
                    }
                    insert(&mut links, id, &Row::of(link))?;
                }
                transaction.commit().map_err(failed)?;
                Ok(Placed::New)
            })
            .await
    }

    async fn get(&self, id: LinkId) -> Result<Option<Link>> {
        self.0
            .blocking(move |database| {
                let view = database.begin_read().map_err(failed)?;
                let links = view.open_table(LINKS).map_err(failed)?;
                row(&links, id)?.map(|row| row.link(id)).transpose()
            })
            .await
    }

    async fn replace(&self, id: LinkId, known: &[u8], terms: NewLink) -> Result<bool> {
        let known = known.to_vec();
        let replaced = self.change(id, move |_, row| {
            let fits = row.record == known && row.ended.is_none();
            if fits {
                (row.record, row.expires) = (terms.record, terms.expires);
            }
            Ok(fits)
        });
        Ok(replaced.await?.unwrap_or(false))
    }

    async fn end(&self, id: LinkId, at: UnixSeconds) -> Result<bool> {
        let ended = self.change(id, move |_, row| {
            row.ended.get_or_insert(at);
            row.forget_record();
            Ok(())
        });
        Ok(ended.await?.is_some())
    }

    async fn take_attempt(&self, id: LinkId) -> Result<Taken> {
        let taken = self.change(id, |_, row| {
            Ok(match row.remaining {
                None => Taken::Free,
                Some(0) => Taken::Spent,
                Some(left) => {
                    row.remaining = Some(left - 1);
                    Taken::Left(left - 1)
                }
            })
        });
        Ok(taken.await?.unwrap_or(Taken::Spent))
    }

    async fn give_back(&self, id: LinkId) -> Result<()> {
        let given = self.change(id, |_, row| {
            row.remaining = row.remaining.map(|left| left + 1).min(row.attempts);
            Ok(())
        });
        given.await.map(drop)
    }

    async fn note(&self, id: LinkId, event: LinkEvent) -> Result<Noted> {
        let noted = self.change(id, move |transaction, row| {
            let (kept, most) = if event.what.is_access() {
                (&mut row.accesses, ACCESSES_KEPT_MAX)
            } else {
                (&mut row.refusals, REFUSALS_KEPT_MAX)
            };
            if *kept >= most {
                return Ok(Noted::Full);
            }
            *kept += 1;
            row.last += 1;
            let mut events = transaction.open_table(EVENTS).map_err(failed)?;
            let key = (id.as_bytes(), row.last);
            events.insert(key, canonical::to_vec(&event).as_slice()).map_err(failed)?;
            Ok(Noted::Kept)
        });
        Ok(noted.await?.unwrap_or(Noted::Full))
    }

    async fn events(&self, id: LinkId, after: u64) -> Result<Vec<NumberedEvent>> {
        self.0
            .blocking(move |database| {
                let view = database.begin_read().map_err(failed)?;
                let events = view.open_table(EVENTS).map_err(failed)?;
                let first = (id.as_bytes(), after.saturating_add(1));
                let rows = events.range(first..=(id.as_bytes(), u64::MAX)).map_err(failed)?;
                rows.take(EVENTS_OF_ANSWER_MAX)
                    .map(|row| {
                        let (key, event) = row.map_err(failed)?;
                        Ok(NumberedEvent { number: key.value().1, event: event_of(id, event.value())? })
                    })
                    .collect()
            })
            .await
    }

    async fn forget_events(&self, id: LinkId, upto: u64) -> Result<()> {
        let forgotten = self.change(id, move |transaction, row| {
            let mut events = transaction.open_table(EVENTS).map_err(failed)?;
            let keys = (id.as_bytes(), 0)..=(id.as_bytes(), upto);
            for gone in events.extract_from_if(keys, |_, _| true).map_err(failed)? {
                let (_, event) = gone.map_err(failed)?;
                let is_access = event_of(id, event.value())?.what.is_access();
                let kept = if is_access { &mut row.accesses } else { &mut row.refusals };
                *kept = kept.saturating_sub(1);
            }
            Ok(())
        });
        forgotten.await.map(drop)
    }

    async fn sweep(&self, now: UnixSeconds) -> Result<u64> {
        self.0
            .blocking(move |database| {
                let transaction = database.begin_write().map_err(failed)?;
                let mut gone = Vec::new();
                {
                    let mut links = transaction.open_table(LINKS).map_err(failed)?;
                    let is_over = |_: &[u8; 32], row: &[u8]| {
                        let row: Option<Row> = canonical::peek(row).ok();
                        let expires = row.and_then(|row| row.expires);
                        expires.is_some_and(|at| at.plus(LINK_KEPT_S).has_passed(now))
                    };
                    for link in links.extract_if(is_over).map_err(failed)? {
                        gone.push(*link.map_err(failed)?.0.value());
                    }
                    forget_expired_records(&mut links, now)?;
                    let mut events = transaction.open_table(EVENTS).map_err(failed)?;
                    for id in &gone {
                        events.retain_in((id, 0)..=(id, u64::MAX), |_, _| false).map_err(failed)?;
                    }
                }
                transaction.commit().map_err(failed)?;
                Ok(gone.len() as u64)
            })
            .await
    }
}

impl Row {
    /// What opened the link goes; what happened to it stays.
    fn forget_record(&mut self) {
        if !RecordHash::is_all(&self.record) {
            self.record = RecordHash::of(&self.record).as_bytes().to_vec();
        }
    }

    fn of(link: NewLink) -> Self {
        let NewLink { kind, owner, record, attempts, expires } = link;
        Self {
            accesses: 0,
            refusals: 0,
            attempts,
            ended: None,
            expires,
            kind: kind.number(),
            last: 0,
            owner,
            record,
            remaining: attempts,
        }
    }

    fn link(self, id: LinkId) -> Result<Link> {
        let kind = LinkKind::from_number(self.kind).ok_or(LinkStoreError::Damaged { id })?;
        let Self { owner, record, attempts, expires, remaining, ended, .. } = self;
        Ok(Link { terms: NewLink { kind, owner, record, attempts, expires }, remaining, ended })
    }
}

fn forget_expired_records(
    links: &mut Table<'_, &'static [u8; 32], &'static [u8]>,
    now: UnixSeconds,
) -> Result<()> {
    let mut over = Vec::new();
    for link in links.iter().map_err(failed)? {
        let (id, _) = link.map_err(failed)?;
        let id = LinkId::from_bytes(*id.value());
        let is_over =
            |row: &Row| row.expires.is_some_and(|at| at.has_passed(now)) && !RecordHash::is_all(&row.record);
        over.extend(row(&*links, id)?.filter(is_over).map(|row| (id, row)));
    }
    for (id, mut row) in over {
        row.forget_record();
        insert(links, id, &row)?;
    }
    Ok(())
}

fn row(
    links: &impl redb::ReadableTable<&'static [u8; 32], &'static [u8]>,
    id: LinkId,
) -> Result<Option<Row>> {
    let Some(bytes) = links.get(id.as_bytes()).map_err(failed)? else { return Ok(None) };
    let row = canonical::from_slice(bytes.value(), ROW_LEN_MAX);
    row.map(Some).map_err(|_| LinkStoreError::Damaged { id })
}

fn insert(links: &mut Table<'_, &'static [u8; 32], &'static [u8]>, id: LinkId, row: &Row) -> Result<()> {
    links.insert(id.as_bytes(), canonical::to_vec(row).as_slice()).map_err(failed)?;
    Ok(())
}

fn event_of(id: LinkId, bytes: &[u8]) -> Result<LinkEvent> {
    canonical::from_slice(bytes, ROW_LEN_MAX).map_err(|_| LinkStoreError::Damaged { id })
}
