//! The journal in `PostgreSQL`, for several services. Rows are only ever inserted: of two writers at one place, the primary
//! key lets one in.

use ledger::{Head, Terms};
use proofs::canonical;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls};

use super::{AppendError, READ_ENTRIES_MAX, Store, StoreError, password};

/// Where a server listens when nothing else is said.
const PORT: u16 = 5432;
const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS headwater_journal \
    (number bigint PRIMARY KEY, hash bytea NOT NULL, entry bytea NOT NULL)";
/// A transaction that was acknowledged is on the disk, whatever the server's default is.
const DURABLE: &str = "SET synchronous_commit = on";
const HASH_AT: &str = "SELECT hash FROM headwater_journal WHERE number = $1";
const INSERT: &str = "INSERT INTO headwater_journal (number, hash, entry) SELECT * FROM UNNEST($1, $2, $3)";
const READ: &str = "SELECT number, entry FROM headwater_journal WHERE number > $1 ORDER BY number LIMIT $2";

/// A journal in a database: row 0 is the terms, row `n` the entry with which there are `n`, with the hash after it.
pub struct PostgresStore {
    config: Config,
    client: Client,
}

impl PostgresStore {
    /// The journal with these terms in the database at `postgres://user@host:port/name`; its table is made when it is not
    /// there. A password is taken from `PGPASSWORD`, or from the file that `PGPASSFILE` names, or `~/.pgpass`.
    pub async fn open(url: &str, terms: &Terms) -> Result<Self, StoreError> {
        let config = config(url)?;
        let client = connect(&config).await?;
        let mut store = Self { config, client };
        store.begin(terms).await?;
        Ok(store)
    }

    async fn begin(&mut self, terms: &Terms) -> Result<(), StoreError> {
        let fsync: String = self.client.query_one("SHOW fsync", &[]).await.map_err(failed)?.get(0);
        if fsync != "on" {
            return Err(StoreError::Setting(format!(
                "its setting fsync is {fsync}, so it does not keep what it has acknowledged"
            )));
        }
        create(&self.client).await?;
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
            self.client = connect(&self.config).await?;
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

/// The settings of a connection, with the password where there is one.
fn config(url: &str) -> Result<Config, StoreError> {
    let refused = |why: &str| StoreError::Setting(why.to_owned());
    // The message of the parser may show what it could not read.
    let mut config: Config =
        url.parse().map_err(|_| refused("the address is not postgres://user@host:port/name"))?;
    if config.get_password().is_some() {
        return Err(refused(
            "the address has a password in it, which others can see: put it into PGPASSWORD or ~/.pgpass",
        ));
    }
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host,
        _ => "localhost",
    };
    let port = config.get_ports().first().copied().unwrap_or(PORT);
    let user = config.get_user().unwrap_or_default();
    if let Some(password) = password::of(host, port, config.get_dbname().unwrap_or(user), user) {
        config.password(password);
    }
    Ok(config)
}

async fn connect(config: &Config) -> Result<Client, StoreError> {
    let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "the connection to the database has ended");
        }
    });
    client.batch_execute(DURABLE).await.map_err(failed)?;
    Ok(client)
}

/// Two services that start at once may both want to make the table: the one that is late finds it.
async fn create(client: &Client) -> Result<(), StoreError> {
    match client.batch_execute(SCHEMA).await {
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            client.batch_execute(SCHEMA).await.map_err(failed)
        }
        other => other.map_err(failed),
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).expect("no journal has 2^63 entries")
}

/// The message of the server, without the address that may have a password in it.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands on")]
fn failed(error: tokio_postgres::Error) -> StoreError {
    let reason = match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => error.to_string(),
    };
    StoreError::Postgres { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        for url in
            ["postgres://ledger:hush@127.0.0.1/ledger", "host=127.0.0.1 password=hush", "postgres://:hush@["]
        {
            let error = config(url).unwrap_err().to_string();
            assert!(error.contains("the address") && !error.contains("hush"), "{error}");
        }
        assert_eq!(config("postgres://ledger@127.0.0.1/books").unwrap().get_user(), Some("ledger"));
    }
}
