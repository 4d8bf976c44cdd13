//! One connection for all that a process keeps in a database.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use crate::{Address, DatabaseError, create};

/// What statements are sent over: one connection, and a new one where the last has ended. Cheap to clone; all clones are the same.
///
/// One statement is one transaction. Those of several callers are on their way at the same time.
#[derive(Debug, Clone)]
pub struct Connection {
    address: Address,
    client: Arc<Mutex<Arc<Client>>>,
}

impl Connection {
    /// A connection to the database at `postgres://user@host:port/name`, as [`Address::new`] reads it.
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        let address = Address::new(url)?;
        let client = Arc::new(address.connect().await?);
        Ok(Self { address, client: Arc::new(Mutex::new(client)) })
    }

    /// Makes tables that may be there.
    pub async fn create(&self, schema: &str) -> Result<(), DatabaseError> {
        create(&*self.client().await?, schema).await
    }

    /// How many rows a statement changed.
    pub async fn execute(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, DatabaseError> {
        Ok(self.client().await?.execute(statement, values).await?)
    }

    /// The rows that a statement gives.
    pub async fn rows(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DatabaseError> {
        Ok(self.client().await?.query(statement, values).await?)
    }

    /// The row that a statement gives, which is one at the most.
    pub async fn row(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(self.client().await?.query_opt(statement, values).await?)
    }

    async fn client(&self) -> Result<Arc<Client>, DatabaseError> {
        let mut client = self.client.lock().await;
        if client.is_closed() {
            *client = Arc::new(self.address.connect().await?);
        }
        Ok(Arc::clone(&client))
    }
}
