//! Addresses, connections, and what goes wrong with them.

use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::password;

/// Where a server listens when nothing else is said.
const PORT: u16 = 5432;
/// A transaction that was acknowledged is on the disk, whatever the server's default is.
const DURABLE: &str = "SET synchronous_commit = on";

/// Where a database is, and how this process shows who it is.
#[derive(Clone)]
pub struct Address(Config);

/// Why a database does not answer, or is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum DatabaseError {
    #[error("{0}")]
    Setting(String),
    #[error("{0}")]
    Server(String),
}

impl Address {
    /// The database at `postgres://user@host:port/name`. A password is taken from `PGPASSWORD`, or from the file that
    /// `PGPASSFILE` names, or `~/.pgpass`, and never from the address.
    pub fn new(url: &str) -> Result<Self, DatabaseError> {
        let refused = |why: &str| DatabaseError::Setting(why.to_owned());
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
        Ok(Self(config))
    }

    /// A connection to a server that keeps what it has acknowledged; one that does not is refused.
    pub async fn connect(&self) -> Result<Client, DatabaseError> {
        let (client, connection) = self.0.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the connection to the database has ended");
            }
        });
        client.batch_execute(DURABLE).await?;
        let fsync: String = client.query_one("SHOW fsync", &[]).await?.get(0);
        if fsync == "on" {
            return Ok(client);
        }
        Err(DatabaseError::Setting(format!(
            "its setting fsync is {fsync}, so it does not keep what it has acknowledged"
        )))
    }
}

/// Makes tables that may be there. Of two that start at once, the one that is late finds them.
pub async fn create(client: &Client, schema: &str) -> Result<(), DatabaseError> {
    match client.batch_execute(schema).await {
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            Ok(client.batch_execute(schema).await?)
        }
        other => Ok(other?),
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

/// The message of the server, without the address that may have a password in it.
impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        let reason = error.as_db_error().map(|error| error.message().to_owned());
        Self::Server(reason.unwrap_or_else(|| error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        for url in
            ["postgres://ledger:hush@127.0.0.1/ledger", "host=127.0.0.1 password=hush", "postgres://:hush@["]
        {
            let error = Address::new(url).unwrap_err().to_string();
            assert!(error.contains("the address") && !error.contains("hush"), "{error}");
        }
        assert_eq!(Address::new("postgres://ledger@127.0.0.1/books").unwrap().0.get_user(), Some("ledger"));
    }
}
