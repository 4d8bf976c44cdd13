//! Addresses, connections, and what goes wrong with them.

use std::error::Error as _;
use std::iter;
use std::net::IpAddr;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::password;
use crate::tls::{self, Wanted};

/// Where a server listens when nothing else is said.
const PORT: u16 = 5432;
const FORM: &str = "the address is not postgres://user@host:port/name";
const OPEN: &str = "a password would cross the network where others can read it: add ?sslmode=verify-full&sslrootcert=FILE, \
    or ?sslmode=disable where that network is trusted";
/// A transaction that was acknowledged is on the disk, whatever the server's default is.
const DURABLE: &str = "SET synchronous_commit = on";

/// Where a database is, and how this process and the server show who they are.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

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
    ///
    /// With `?sslmode=verify-full&sslrootcert=FILE` (or `require`, which is the same) the connection has TLS, and the server
    /// a certificate for `host` by an authority whose own is in the file, as PEM. Without TLS a password goes to this machine
    /// alone, by a loopback address or a socket file; to any other only where the address says `?sslmode=disable`.
    pub fn new(url: &str) -> Result<Self, DatabaseError> {
        let refused = |why: &str| DatabaseError::Setting(why.to_owned());
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(refused(FORM));
        }
        let (address, wanted) = tls::split(url)?;
        // The message of the parser may show what it could not read.
        let mut config: Config = address.parse().map_err(|_| refused(FORM))?;
        let is_verified = matches!(wanted, Wanted::Verified(_));
        config.ssl_mode(if is_verified { SslMode::Require } else { SslMode::Disable });
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
            if !may_have_password(&config, &wanted) {
                return Err(refused(OPEN));
            }
            config.password(password);
        }
        Ok(Self { config, tls: wanted.into_tls() })
    }

    /// A connection to a server that keeps what it has acknowledged; one that does not is refused.
    pub async fn connect(&self) -> Result<Client, DatabaseError> {
        let client = match &self.tls {
            Some(tls) => driven(self.config.connect(tls.clone()).await?),
            None => driven(self.config.connect(NoTls).await?),
        };
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

/// Whether nobody reads a password on its way who should not, or the address says that this does not matter.
fn may_have_password(config: &Config, wanted: &Wanted) -> bool {
    !matches!(wanted, Wanted::Nothing) || is_this_machine(config)
}

/// Whether nothing that is sent there leaves this machine.
fn is_this_machine(config: &Config) -> bool {
    let is_near = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|addr: IpAddr| addr.to_canonical().is_loopback())
        }
    };
    let addresses = config.get_hostaddrs();
    config.get_hosts().iter().all(is_near) && addresses.iter().all(|addr| addr.to_canonical().is_loopback())
}

fn driven<T>((client, connection): (Client, Connection<Socket, T>)) -> Client
where
    T: TlsStream + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(%error, "the connection to the database has ended");
        }
    });
    client
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

/// The message of the server, or what went wrong on the way to it and why.
impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(reason) = error.as_db_error() {
            return Self::Server(reason.message().to_owned());
        }
        let causes = iter::successors(error.source(), |cause| (*cause).source());
        Self::Server(causes.fold(error.to_string(), |all, cause| format!("{all}: {cause}")))
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
        assert_eq!(
            Address::new("postgres://ledger@127.0.0.1/books").unwrap().config.get_user(),
            Some("ledger")
        );
    }

    #[test]
    fn without_tls_a_password_stays_on_this_machine() {
        let may = |url: &str| {
            let (address, wanted) = tls::split(url).unwrap();
            may_have_password(&address.parse().unwrap(), &wanted)
        };
        for host in ["localhost", "127.0.0.1", "127.8.0.1:5433", "[::1]", "%2Frun%2Fpostgresql"] {
            assert!(may(&format!("postgres://a@{host}/b")), "{host}");
        }
        for host in ["10.0.0.1", "db.example", "localhost.example", "127.0.0.1,db.example", "[::]"] {
            assert!(!may(&format!("postgres://a@{host}/b")), "{host}");
            assert!(may(&format!("postgres://a@{host}/b?sslmode=disable")), "{host}: it is said so");
        }
        assert!(!may("postgres://a@localhost/b?hostaddr=10.0.0.1"));
    }
}
