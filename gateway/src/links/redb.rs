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
use super::link::{Link, LinkKind, LinkRoom, NewLink, RecordHash};
use super::store::{
    LinkStore, LinkStoreError, Noted, NumberedEvent, Placed, REFUSALS_KEPT_MAX, RoomForLinks, Taken,
    accesses_kept_max,
};

const LINKS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("links");
/// Events by link and number.
const EVENTS: TableDefinition<'_, (&[u8; 32], u64), &[u8]> = TableDefinition::new("events");
/// Links of guests, by when they end.
const GUESTS: TableDefinition<'_, (u64, &[u8; 32]), ()> = TableDefinition::new("links_of_guests");
/// The longest row: a record with all its fields.
const ROW_LEN_MAX: usize = 64 << 10;

type Result<T> = std::result::Result<T, LinkStoreError>;

/// Links in one file.
#[derive(Debug, Clone)]
pub(super) struct RedbLinks {
    file: LinkFile,
    room: RoomForLinks,
}

/// What a row says of a link.
#[derive(Serialize, Deserialize)]
struct Row {
    /// Accesses and refusals that are kept.
    accesses: u32,
    refusals: u32,
    attempts: Option<u32>,
    ended: Option<UnixSeconds>,
    expires: Option<UnixSeconds>,
    is_guest: bool,
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
    pub(super) fn open(file: LinkFile, room: RoomForLinks) -> Result<Self> {
        let transaction = file.database().begin_write().map_err(failed)?;
        transaction.open_table(LINKS).map_err(failed)?;
        transaction.open_table(EVENTS).map_err(failed)?;
        transaction.open_table(GUESTS).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Self { file, room })
    }

    /// Changes the row of a link, where there is one; what is returned is durable.
    async fn change<T: Send + 'static>(
        &self,
        id: LinkId,
        change: impl FnOnce(&WriteTransaction, &mut Row) -> Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        self.file
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
    async fn put(&self, id: LinkId, link: NewLink, now: UnixSeconds) -> Result<Placed> {
        let room = self.room;
        self.file
            .blocking(move |database| {
                let transaction = database.begin_write().map_err(failed)?;
                {
                    let mut links = transaction.open_table(LINKS).map_err(failed)?;
                    if let Some(known) = row(&links, id)? {
                        return Ok(if link.is(&known.record) { Placed::Known } else { Placed::Other });
                    }
                    let mut guests = transaction.open_table(GUESTS).map_err(failed)?;
                    let new = Row::of(link);
                    if new.is_guest && guests.len().map_err(failed)? >= room.guests {
                        let Some(gone) = take_expired(&mut guests, now)? else { return Ok(Placed::Full) };
                        forget_link(&transaction, &mut links, gone)?;
                    }
                    if links.len().map_err(failed)? >= room.all {
                        return Ok(Placed::Full);
                    }
                    enter_guest(&mut guests, id, &new)?;
                    insert(&mut links, id, &new)?;
                }
                transaction.commit().map_err(failed)?;
                Ok(Placed::New)
            })
            .await
    }

    async fn get(&self, id: LinkId) -> Result<Option<Link>> {
        self.file
            .blocking(move |database| {
                let view = database.begin_read().map_err(failed)?;
                let links = view.open_table(LINKS).map_err(failed)?;
                row(&links, id)?.map(|row| row.link(id)).transpose()
            })
            .await
    }

    async fn replace(&self, id: LinkId, known: &[u8], terms: NewLink) -> Result<bool> {
        let known = known.to_vec();
        let replaced = self.change(id, move |transaction, row| {
            let fits = row.record == known && row.ended.is_none();
            if fits {
                let mut guests = transaction.open_table(GUESTS).map_err(failed)?;
                guests.remove((end_of_guest(row), id.as_bytes())).map_err(failed)?;
                row.is_guest &= terms.room == LinkRoom::Guests;
                (row.record, row.expires) = (terms.record, terms.expires);
                enter_guest(&mut guests, id, row)?;
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
            let accesses_max = accesses_kept_max(row.room());
            let (kept, most) = if event.what.is_access() {
                (&mut row.accesses, accesses_max)
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
        self.file
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
        self.file
            .blocking(move |database| {
                let transaction = database.begin_write().map_err(failed)?;
                let mut gone = Vec::new();
                {
                    let mut links = transaction.open_table(LINKS).map_err(failed)?;
                    let is_over = |row: &[u8]| {
                        let row: Option<Row> = canonical::peek(row).ok();
                        let expires = row.and_then(|row| row.expires);
                        expires.is_some_and(|at| at.plus(LINK_KEPT_S).has_passed(now))
                    };
                    for link in links.iter().map_err(failed)? {
                        let (id, row) = link.map_err(failed)?;
                        if is_over(row.value()) {
                            gone.push(LinkId::from_bytes(*id.value()));
                        }
                    }
                    for id in &gone {
                        let mut guests = transaction.open_table(GUESTS).map_err(failed)?;
                        if let Some(row) = row(&links, *id)? {
                            guests.remove((end_of_guest(&row), id.as_bytes())).map_err(failed)?;
                        }
                        forget_link(&transaction, &mut links, *id)?;
                    }
                    forget_expired_records(&mut links, now)?;
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
        let NewLink { kind, owner, record, attempts, expires, room } = link;
        Self {
            accesses: 0,
            refusals: 0,
            attempts,
            ended: None,
            expires,
            is_guest: room == LinkRoom::Guests,
            kind: kind.number(),
            last: 0,
            owner,
            record,
            remaining: attempts,
        }
    }

    fn link(self, id: LinkId) -> Result<Link> {
        let kind = LinkKind::from_number(self.kind).ok_or(LinkStoreError::Damaged { id })?;
        let room = self.room();
        let Self { owner, record, attempts, expires, remaining, ended, .. } = self;
        Ok(Link { terms: NewLink { kind, owner, record, attempts, expires, room }, remaining, ended })
    }

    const fn room(&self) -> LinkRoom {
        if self.is_guest { LinkRoom::Guests } else { LinkRoom::Own }
    }
}

/// Where a link of a guest stands among theirs; one without an end, which none of them has, behind all others.
fn end_of_guest(row: &Row) -> u64 {
    row.expires.map_or(u64::MAX, UnixSeconds::get)
}

fn enter_guest(guests: &mut Table<'_, (u64, &'static [u8; 32]), ()>, id: LinkId, row: &Row) -> Result<()> {
    if row.is_guest {
        guests.insert((end_of_guest(row), id.as_bytes()), ()).map_err(failed)?;
    }
    Ok(())
}

/// Takes the link of a guest out of theirs that has expired first; none where none has.
fn take_expired(
    guests: &mut Table<'_, (u64, &'static [u8; 32]), ()>,
    now: UnixSeconds,
) -> Result<Option<LinkId>> {
    let first = match guests.first().map_err(failed)? {
        Some((key, _)) => (key.value().0, *key.value().1),
        None => return Ok(None),
    };
    let (end, id) = first;
    if !UnixSeconds::new(end).has_passed(now) {
        return Ok(None);
    }
    guests.remove((end, &id)).map_err(failed)?;
    Ok(Some(LinkId::from_bytes(id)))
}

/// Forgets a link with its events.
fn forget_link(
    transaction: &WriteTransaction,
    links: &mut Table<'_, &'static [u8; 32], &'static [u8]>,
    id: LinkId,
) -> Result<()> {
    links.remove(id.as_bytes()).map_err(failed)?;
    let mut events = transaction.open_table(EVENTS).map_err(failed)?;
    events.retain_in((id.as_bytes(), 0)..=(id.as_bytes(), u64::MAX), |_, _| false).map_err(failed)
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
