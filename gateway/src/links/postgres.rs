//! Links in `PostgreSQL`, for all gateways of a fleet: one counter of attempts wherever somebody guesses.

use async_trait::async_trait;
use database::Connection;
use proofs::canonical;
use protocol::{UnixSeconds, keys};
use sharing::{EVENTS_OF_ANSWER_MAX, LINK_KEPT_S, LinkEvent, LinkId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::link::{Link, LinkKind, NewLink};
use super::store::{
    ACCESSES_KEPT_MAX, LINKS_MAX, LinkStore, LinkStoreError, Noted, NumberedEvent, Placed, REFUSALS_KEPT_MAX,
    Taken,
};

const SCHEMA: &str = "\
    CREATE TABLE IF NOT EXISTS headwater_links (id bytea PRIMARY KEY, kind smallint NOT NULL, owner bytea NOT NULL, record bytea NOT NULL, \
    attempts bigint, remaining bigint, expires bigint, ended bigint, \
    last bigint NOT NULL DEFAULT 0, accesses bigint NOT NULL DEFAULT 0, refusals bigint NOT NULL DEFAULT 0); \
    CREATE TABLE IF NOT EXISTS headwater_link_events (id bytea NOT NULL REFERENCES headwater_links ON DELETE CASCADE, \
    number bigint NOT NULL, access boolean NOT NULL, event bytea NOT NULL, PRIMARY KEY (id, number))";
const COUNT: &str = "SELECT count(*) FROM headwater_links";
const PUT: &str = "INSERT INTO headwater_links (id, kind, owner, record, attempts, remaining, expires) \
    VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT DO NOTHING";
const GET: &str =
    "SELECT kind, owner, record, attempts, remaining, expires, ended FROM headwater_links WHERE id = $1";
const REPLACE: &str = "UPDATE headwater_links SET record = $3, expires = $4 \
    WHERE id = $1 AND record = $2 AND ended IS NULL";
const END: &str = "UPDATE headwater_links SET ended = coalesce(ended, $2), \
    record = CASE WHEN octet_length(record) = 32 THEN record ELSE sha256(record) END WHERE id = $1";
const TAKE: &str = "UPDATE headwater_links SET remaining = remaining - 1 WHERE id = $1 AND remaining > 0 \
    RETURNING remaining";
const GIVE_BACK: &str = "UPDATE headwater_links SET remaining = least(remaining + 1, attempts) WHERE id = $1";
/// The row of the link is locked by what counts the event, so numbers come in order.
const NOTE: &str = "WITH link AS (UPDATE headwater_links SET last = last + 1, \
    accesses = accesses + CASE WHEN $2 THEN 1 ELSE 0 END, refusals = refusals + CASE WHEN $2 THEN 0 ELSE 1 END \
    WHERE id = $1 AND CASE WHEN $2 THEN accesses < $4 ELSE refusals < $5 END RETURNING last) \
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
pub(super) struct PostgresLinks(Connection);

impl PostgresLinks {
    /// Links over this connection; their tables are made when they are not there.
    pub(super) async fn open(connection: Connection) -> Result<Self> {
        connection.create(SCHEMA).await?;
        Ok(Self(connection))
    }
}

#[async_trait]
impl LinkStore for PostgresLinks {
    async fn put(&self, id: LinkId, link: NewLink) -> Result<Placed> {
        if let Some(known) = self.get(id).await? {
            return Ok(if link.is(&known.terms.record) { Placed::Known } else { Placed::Other });
        }
        let kept: i64 = self.0.row(COUNT, &[]).await?.map_or(0, |row| row.get(0));
        if count_of(id, kept)? >= LINKS_MAX {
            return Ok(Placed::Full);
        }
        let (key, kind) = (&id.as_bytes()[..], i16::from(link.kind.number()));
        let (owner, attempts) = (&link.owner.as_bytes()[..], link.attempts.map(i64::from));
        let expires = link.expires.map(second);
        let put = self.0.execute(PUT, &[&key, &kind, &owner, &link.record, &attempts, &expires]).await?;
        if put == 1 {
            return Ok(Placed::New);
        }
        // Another gateway was quicker.
        let known = self.get(id).await?;
        let is_same = known.is_some_and(|known| link.is(&known.terms.record));
        Ok(if is_same { Placed::Known } else { Placed::Other })
    }

    async fn get(&self, id: LinkId) -> Result<Option<Link>> {
        let row = self.0.row(GET, &[&&id.as_bytes()[..]]).await?;
        row.map(|row| link(id, &row)).transpose()
    }

    async fn replace(&self, id: LinkId, known: &[u8], terms: NewLink) -> Result<bool> {
        let expires = terms.expires.map(second);
        Ok(self.0.execute(REPLACE, &[&&id.as_bytes()[..], &known, &terms.record, &expires]).await? == 1)
    }

    async fn end(&self, id: LinkId, at: UnixSeconds) -> Result<bool> {
        Ok(self.0.execute(END, &[&&id.as_bytes()[..], &second(at)]).await? == 1)
    }

    async fn take_attempt(&self, id: LinkId) -> Result<Taken> {
        if let Some(row) = self.0.row(TAKE, &[&&id.as_bytes()[..]]).await? {
            return Ok(Taken::Left(small(id, row.get(0))?));
        }
        let is_free = self.get(id).await?.is_some_and(|link| link.remaining.is_none());
        Ok(if is_free { Taken::Free } else { Taken::Spent })
    }

    async fn give_back(&self, id: LinkId) -> Result<()> {
        Ok(self.0.execute(GIVE_BACK, &[&&id.as_bytes()[..]]).await.map(drop)?)
    }

    async fn note(&self, id: LinkId, event: LinkEvent) -> Result<Noted> {
        let (key, bytes) = (&id.as_bytes()[..], canonical::to_vec(&event));
        let (accesses, refusals) = (i64::from(ACCESSES_KEPT_MAX), i64::from(REFUSALS_KEPT_MAX));
        let values: [&(dyn ToSql + Sync); 5] = [&key, &event.what.is_access(), &bytes, &accesses, &refusals];
        Ok(if self.0.execute(NOTE, &values).await? == 1 { Noted::Kept } else { Noted::Full })
    }

    async fn events(&self, id: LinkId, after: u64) -> Result<Vec<NumberedEvent>> {
        let limit = i64::try_from(EVENTS_OF_ANSWER_MAX).expect("it is 200");
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = self.0.rows(EVENTS, &[&&id.as_bytes()[..], &after, &limit]).await?;
        rows.iter().map(|row| numbered(id, row)).collect()
    }

    async fn forget_events(&self, id: LinkId, upto: u64) -> Result<()> {
        let upto = i64::try_from(upto).unwrap_or(i64::MAX);
        Ok(self.0.execute(FORGET, &[&&id.as_bytes()[..], &upto]).await.map(drop)?)
    }

    async fn sweep(&self, now: UnixSeconds) -> Result<u64> {
        self.0.execute(FORGET_RECORDS, &[&second(now)]).await?;
        let Some(before) = now.get().checked_sub(LINK_KEPT_S) else { return Ok(0) };
        Ok(self.0.execute(SWEEP, &[&second(UnixSeconds::new(before))]).await?)
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
