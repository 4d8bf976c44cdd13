//! Links in `PostgreSQL`, for all gateways of a fleet: one counter of attempts wherever somebody guesses.

use async_trait::async_trait;
use database::Connection;
use proofs::canonical;
use protocol::{UnixSeconds, keys};
use sharing::{EVENTS_OF_ANSWER_MAX, LINK_KEPT_S, LinkEvent, LinkId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::link::{Link, LinkKind, LinkRoom, NewLink};
use super::store::{
    LinkStore, LinkStoreError, Noted, NumberedEvent, Placed, REFUSALS_KEPT_MAX, RoomForLinks, Taken,
    accesses_kept_max,
};

const SCHEMA: &str = "\
    CREATE TABLE IF NOT EXISTS headwater_links (id bytea PRIMARY KEY, kind smallint NOT NULL, owner bytea NOT NULL, record bytea NOT NULL, \
    attempts bigint, remaining bigint, expires bigint, ended bigint, is_guest boolean NOT NULL, \
    last bigint NOT NULL DEFAULT 0, accesses bigint NOT NULL DEFAULT 0, refusals bigint NOT NULL DEFAULT 0); \
    CREATE TABLE IF NOT EXISTS headwater_link_events (id bytea NOT NULL REFERENCES headwater_links ON DELETE CASCADE, \
    number bigint NOT NULL, access boolean NOT NULL, event bytea NOT NULL, PRIMARY KEY (id, number))";
const COUNT: &str = "SELECT count(*), count(*) FILTER (WHERE is_guest) FROM headwater_links";
const FORGET_EXPIRED_GUEST: &str = "DELETE FROM headwater_links WHERE id = \
    (SELECT id FROM headwater_links WHERE is_guest AND expires <= $1 ORDER BY expires LIMIT 1)";
const PUT: &str = "INSERT INTO headwater_links (id, kind, owner, record, attempts, remaining, expires, is_guest) \
    VALUES ($1, $2, $3, $4, $5, $5, $6, $7) ON CONFLICT DO NOTHING";
const GET: &str = "SELECT kind, owner, record, attempts, remaining, expires, ended, is_guest \
    FROM headwater_links WHERE id = $1";
const REPLACE: &str = "UPDATE headwater_links SET record = $3, expires = $4, is_guest = is_guest AND $5 \
    WHERE id = $1 AND record = $2 AND ended IS NULL";
const END: &str = "UPDATE headwater_links SET ended = coalesce(ended, $2), \
    record = CASE WHEN octet_length(record) = 32 THEN record ELSE sha256(record) END WHERE id = $1";
const TAKE: &str = "UPDATE headwater_links SET remaining = remaining - 1 WHERE id = $1 AND remaining > 0 \
    RETURNING remaining";
const GIVE_BACK: &str = "UPDATE headwater_links SET remaining = least(remaining + 1, attempts) WHERE id = $1";
/// The row of the link is locked by what counts the event, so numbers come in order.
const NOTE: &str = "WITH link AS (UPDATE headwater_links SET last = last + 1, \
    accesses = accesses + CASE WHEN $2 THEN 1 ELSE 0 END, refusals = refusals + CASE WHEN $2 THEN 0 ELSE 1 END \
    WHERE id = $1 AND CASE WHEN NOT $2 THEN refusals < $6 WHEN is_guest THEN accesses < $5 ELSE accesses < $4 END \
    RETURNING last) \
    INSERT INTO headwater_link_events SELECT $1, last, $2, $3 FROM link";
const EVENTS: &str = "SELECT number, event FROM headwater_link_events WHERE id = $1 AND number > $2 \
    ORDER BY number LIMIT $3";
const FORGET: &str = "WITH gone AS (DELETE FROM headwater_link_events WHERE id = $1 AND number <= $2 RETURNING access) \
    UPDATE headwater_links SET accesses = accesses - (SELECT count(*) FROM gone WHERE access), \
    refusals = refusals - (SELECT count(*) FROM gone WHERE NOT access) WHERE id = $1";
const FORGET_RECORDS: &str = "UPDATE headwater_links SET record = sha256(record) \
    WHERE expires <= $1 AND octet_length(record) <> 32";
const SWEEP: &str = "DELETE FROM headwater_links WHERE expires <= $1";

type Result<T> = std::result::Result<T, LinkStoreError>;

/// Links in a database.
#[derive(Debug)]
pub(super) struct PostgresLinks {
    connection: Connection,
    room: RoomForLinks,
}

impl PostgresLinks {
    /// Links over this connection; their tables are made when they are not there.
    pub(super) async fn open(connection: Connection, room: RoomForLinks) -> Result<Self> {
        connection.create(SCHEMA).await?;
        Ok(Self { connection, room })
    }

    /// Whether there is room for one more of these.
    async fn has_room(&self, id: LinkId, room: LinkRoom, now: UnixSeconds) -> Result<bool> {
        let row = self.connection.row(COUNT, &[]).await?;
        let counts: (i64, i64) = row.map_or((0, 0), |row| (row.get(0), row.get(1)));
        let (mut all, guests) = (count_of(id, counts.0)?, count_of(id, counts.1)?);
        if room == LinkRoom::Guests && guests >= self.room.guests {
            if self.connection.execute(FORGET_EXPIRED_GUEST, &[&second(now)]).await? == 0 {
                return Ok(false);
            }
            all = all.saturating_sub(1);
        }
        Ok(all < self.room.all)
    }
}

#[async_trait]
impl LinkStore for PostgresLinks {
    async fn put(&self, id: LinkId, link: NewLink, now: UnixSeconds) -> Result<Placed> {
        if let Some(known) = self.get(id).await? {
            return Ok(if link.is(&known.terms.record) { Placed::Known } else { Placed::Other });
        }
        if !self.has_room(id, link.room, now).await? {
            return Ok(Placed::Full);
        }
        let (key, kind) = (&id.as_bytes()[..], i16::from(link.kind.number()));
        let (owner, attempts) = (&link.owner.as_bytes()[..], link.attempts.map(i64::from));
        let (expires, is_guest) = (link.expires.map(second), link.room == LinkRoom::Guests);
        let values: [&(dyn ToSql + Sync); 7] =
            [&key, &kind, &owner, &link.record, &attempts, &expires, &is_guest];
        if self.connection.execute(PUT, &values).await? == 1 {
            return Ok(Placed::New);
        }
        // Another gateway was quicker.
        let known = self.get(id).await?;
        let is_same = known.is_some_and(|known| link.is(&known.terms.record));
        Ok(if is_same { Placed::Known } else { Placed::Other })
    }

    async fn get(&self, id: LinkId) -> Result<Option<Link>> {
        let row = self.connection.row(GET, &[&&id.as_bytes()[..]]).await?;
        row.map(|row| link(id, &row)).transpose()
    }

    async fn replace(&self, id: LinkId, known: &[u8], terms: NewLink) -> Result<bool> {
        let (expires, is_guest) = (terms.expires.map(second), terms.room == LinkRoom::Guests);
        let values: [&(dyn ToSql + Sync); 5] =
            [&&id.as_bytes()[..], &known, &terms.record, &expires, &is_guest];
        Ok(self.connection.execute(REPLACE, &values).await? == 1)
    }

    async fn end(&self, id: LinkId, at: UnixSeconds) -> Result<bool> {
        Ok(self.connection.execute(END, &[&&id.as_bytes()[..], &second(at)]).await? == 1)
    }

    async fn take_attempt(&self, id: LinkId) -> Result<Taken> {
        if let Some(row) = self.connection.row(TAKE, &[&&id.as_bytes()[..]]).await? {
            return Ok(Taken::Left(small(id, row.get(0))?));
        }
        let is_free = self.get(id).await?.is_some_and(|link| link.remaining.is_none());
        Ok(if is_free { Taken::Free } else { Taken::Spent })
    }

    async fn give_back(&self, id: LinkId) -> Result<()> {
        Ok(self.connection.execute(GIVE_BACK, &[&&id.as_bytes()[..]]).await.map(drop)?)
    }

    async fn note(&self, id: LinkId, event: LinkEvent) -> Result<Noted> {
        let (key, bytes) = (&id.as_bytes()[..], canonical::to_vec(&event));
        let most = |room| i64::from(accesses_kept_max(room));
        let (accesses, of_guests) = (most(LinkRoom::Own), most(LinkRoom::Guests));
        let values: [&(dyn ToSql + Sync); 6] =
            [&key, &event.what.is_access(), &bytes, &accesses, &of_guests, &i64::from(REFUSALS_KEPT_MAX)];
        Ok(if self.connection.execute(NOTE, &values).await? == 1 { Noted::Kept } else { Noted::Full })
    }

    async fn events(&self, id: LinkId, after: u64) -> Result<Vec<NumberedEvent>> {
        let limit = i64::try_from(EVENTS_OF_ANSWER_MAX).expect("it is 200");
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = self.connection.rows(EVENTS, &[&&id.as_bytes()[..], &after, &limit]).await?;
        rows.iter().map(|row| numbered(id, row)).collect()
    }

    async fn forget_events(&self, id: LinkId, upto: u64) -> Result<()> {
        let upto = i64::try_from(upto).unwrap_or(i64::MAX);
        Ok(self.connection.execute(FORGET, &[&&id.as_bytes()[..], &upto]).await.map(drop)?)
    }

    async fn sweep(&self, now: UnixSeconds) -> Result<u64> {
        self.connection.execute(FORGET_RECORDS, &[&second(now)]).await?;
        let Some(before) = now.get().checked_sub(LINK_KEPT_S) else { return Ok(0) };
        Ok(self.connection.execute(SWEEP, &[&second(UnixSeconds::new(before))]).await?)
    }
}

fn link(id: LinkId, row: &Row) -> Result<Link> {
    let kind = u8::try_from(row.get::<_, i16>(0)).ok().and_then(LinkKind::from_number);
    let owner = row.get::<_, &[u8]>(1).try_into().ok().and_then(|key| keys::from_bytes(key).ok());
    let few = |at| row.get::<_, Option<i64>>(at).map(|number| small(id, number)).transpose();
    let time = |at| row.get::<_, Option<i64>>(at).map(|number| count_of(id, number)).transpose();
    let terms = NewLink {
        kind: kind.ok_or(LinkStoreError::Damaged { id })?,
        owner: owner.ok_or(LinkStoreError::Damaged { id })?,
        record: row.get(2),
        attempts: few(3)?,
        expires: time(5)?.map(UnixSeconds::new),
        room: if row.get(7) { LinkRoom::Guests } else { LinkRoom::Own },
    };
    Ok(Link { terms, remaining: few(4)?, ended: time(6)?.map(UnixSeconds::new) })
}

fn numbered(id: LinkId, row: &Row) -> Result<NumberedEvent> {
    let event = canonical::peek(row.get(1)).map_err(|_| LinkStoreError::Damaged { id })?;
    Ok(NumberedEvent { number: count_of(id, row.get(0))?, event })
}

fn small(id: LinkId, number: i64) -> Result<u32> {
    u32::try_from(number).map_err(|_| LinkStoreError::Damaged { id })
}

fn count_of(id: LinkId, number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| LinkStoreError::Damaged { id })
}

/// What lies beyond what a column can say is for ever either way.
fn second(time: UnixSeconds) -> i64 {
    i64::try_from(time.get()).unwrap_or(i64::MAX)
}
