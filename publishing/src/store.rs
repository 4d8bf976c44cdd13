//! Putting the objects of a publication.

use std::time::{Duration, SystemTime};

use chunker::{Coding, ContentKey, Padding, RequiredTags};
use client::{Client, PutError, PutOptions};
use proofs::Cid;
use protocol::UnixSeconds;
use tokio::io::AsyncRead;

use crate::Creator;

/// How the objects of a publication are stored.
#[derive(Debug, Clone)]
pub struct Storing {
    /// Through what.
    pub client: Client,
    /// Data and parity columns.
    pub coding: Coding,
    /// For how long.
    pub keep: Duration,
}

/// An object that is stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) object: Cid,
    pub(crate) key: ContentKey,
    pub(crate) len: u64,
}

/// Why an object was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The network did not take it.
    #[error(transparent)]
    Put(#[from] PutError),
    /// It can be read, but not every part found a node: a publication is not begun short of parts.
    #[error("{missing} of its parts found no node: {reason}")]
    Incomplete {
        /// How many.
        missing: usize,
        /// Why the first of them did not.
        reason: String,
    },
}

impl Storing {
    /// Stores what `reader` gives, under keys of its own.
    pub(crate) async fn put(
        &self,
        creator: &Creator,
        reader: impl AsyncRead + Send + Unpin,
        media_type: &str,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Stored, StoreError> {
        let options = PutOptions {
            coding: self.coding,
            padding: Padding::None,
            name: None,
            media_type: Some(media_type.to_owned()),
            expires: UnixSeconds::from(SystemTime::now()).plus(self.keep.as_secs()),
            required: RequiredTags::default(),
            secrets: creator.new_secrets(),
        };
        let report = self.client.put(reader, options, |now| progress(now.read)).await?;
        if let Some(first) = report.missing.first() {
            let (missing, reason) = (report.missing.len(), format!("{}: {}", first.part, first.reason));
            return Err(StoreError::Incomplete { missing, reason });
        }
        Ok(Stored { object: report.cid, key: report.link.key().clone(), len: report.size })
    }
}
