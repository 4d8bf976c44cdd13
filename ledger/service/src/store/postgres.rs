//! The journal in `PostgreSQL`, for several services. Rows are only ever inserted: of two writers at one place, the primary
//! key lets one in.

use database::{Address, DatabaseError};
use ledger::{Head, Terms};
use proofs::canonical;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::{AppendError, READ_ENTRIES_MAX, Store, StoreError};

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS headwater_journal \
    (number bigint PRIMARY KEY, hash bytea NOT NULL, entry bytea NOT NULL)";
const HASH_AT: &str = "SELECT hash FROM headwater_journal WHERE number = $1";
const INSERT: &str = "INSERT INTO headwater_journal (number, hash, entry) SELECT * FROM UNNEST($1, $2, $3)";
const READ: &str = "SELECT number, entry FROM headwater_journal WHERE number > $1 ORDER BY number LIMIT $2";

/// A journal in a database: row 0 is the terms, row `n` the entry with which there are `n`, with the hash after it.
pub struct PostgresStore {
    address: Address,
    client: Client,
}

impl PostgresStore {
    /// The journal with these terms in the database at `postgres://user@host:port/name`; its table is made when it is not
    /// there. A password is taken from `PGPASSWORD`, or from the file that `PGPASSFILE` names, or `~/.pgpass`.
    pub async fn open(url: &str, terms: &Terms) -> Result<Self, StoreError> {
        let address = Address::new(url)?;
        let client = address.connect().await?;
        let mut store = Self { address, client };
        store.begin(terms).await?;
        Ok(store)
    }

    async fn begin(&mut self, terms: &Terms) -> Result<(), StoreError> {
        database::create(&self.client, SCHEMA).await?;
        let head = Head::of(terms);
        match self.insert(0, head, &[canonical::to_vec(terms)]).await {
            Ok(()) | Err(AppendError::NotAtHead { .. }) => {}
            Err(AppendError::Store(error)) => return Err(error),
        }
        let is_ours = self.hash_at(0).await?.is_some_and(|hash| hash == head.hash.as_bytes());
        if is_ours { Ok(()) } else { Err(StoreError::OtherTerms) }
    }

    async fn hash_at(&self, number: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.client.query_opt(HASH_AT, &[&number]).await.map_err(failed)?;
        Ok(row.map(|row| row.get(0)))
    }

    /// Inserts rows from `first` on; `after` is the head after the first of them.
    async fn insert(&self, first: u64, after: Head, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        let mut head = after;
        let mut hashes = vec![after.hash.as_bytes().to_vec()];
        for entry in entries.iter().skip(1) {
            head = head.after(entry);
            hashes.push(head.hash.as_bytes().to_vec());
        }
        let last = first + entries.len() as u64;
        let numbers: Vec<i64> = (first..last).map(number).collect();
        let types = [Type::INT8_ARRAY, Type::BYTEA_ARRAY, Type::BYTEA_ARRAY];
        let statement = self.client.prepare_typed(INSERT, &types).await.map_err(failed)?;
        match self.client.execute(&statement, &[&numbers, &hashes, &entries]).await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                Err(AppendError::NotAtHead { expected: after })
            }
            Err(error) => Err(failed(error).into()),
        }
    }

    async fn connected(&mut self) -> Result<(), StoreError> {
        if self.client.is_closed() {
            self.client = self.address.connect().await?;
        }
        Ok(())
    }
}

impl Store for PostgresStore {
    async fn append_if(&mut self, head: Head, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        self.connected().await?;
        let Some(first) = entries.first() else { return Ok(()) };
        // Rows are never changed, so what was read of this one stays true.
        let hash = self.hash_at(number(head.count)).await?;
        if hash.as_deref() != Some(head.hash.as_bytes()) {
            return Err(AppendError::NotAtHead { expected: head });
        }
        // One statement is one transaction: all rows or none.
        let inserted = self.insert(head.count + 1, head.after(first), entries).await;
        inserted.map_err(|error| match error {
            AppendError::NotAtHead { .. } => AppendError::NotAtHead { expected: head },
            other @ AppendError::Store(_) => other,
        })
    }

    async fn read(&mut self, from: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        self.connected().await?;
        let (after, limit) = (number(from), number(READ_ENTRIES_MAX));
        let rows = self.client.query(READ, &[&after, &limit]).await.map_err(failed)?;
        let mut entries = Vec::new();
        for row in rows {
            let expected = from + entries.len() as u64;
            if row.get::<_, i64>(0) != number(expected + 1) {
                return Err(StoreError::Broken { number: expected });
            }
            entries.push(row.get(1));
        }
        Ok(entries)
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresStore(…)")
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).expect("no journal has 2^63 entries")
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    DatabaseError::from(error).into()
}
