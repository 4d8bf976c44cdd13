//! A bundle or a prelude brought back from the network: the one way in which anybody reads one.

use bytes::BytesMut;
use chunker::Link;
use client::{Client, OpenObjectError, ReadError};
use futures_util::StreamExt as _;
use protocol::Signed;
use sharing::{
    AnnouncedPrelude, AnnouncedPreludeError, BUNDLE_LEN_MAX, Live, PRELUDE_LEN_MAX, Publication,
    PublishedBundle, PublishedBundleError,
};

/// Why the bundle of a record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchBundleError {
    /// Its object does not open.
    #[error(transparent)]
    Open(#[from] OpenObjectError),
    /// Its object is longer than any bundle.
    #[error("bundle of {len} bytes, at most {BUNDLE_LEN_MAX} are allowed")]
    TooLong {
        /// Length of the object in bytes.
        len: u64,
    },
    /// Its object does not read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The record does not vouch for what is there.
    #[error(transparent)]
    Bundle(#[from] PublishedBundleError),
}

impl FetchBundleError {
    /// True when waiting does not help: no node holds it, or it is something else.
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Open(OpenObjectError::Fetch(error)) => error.is_definite(),
            Self::Read(ReadError::Unavailable { .. }) => false,
            Self::Open(OpenObjectError::Manifest(_))
            | Self::Read(_)
            | Self::TooLong { .. }
            | Self::Bundle(_) => true,
        }
    }
}

/// Why the prelude of a record cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchPreludeError {
    /// Its object does not open.
    #[error(transparent)]
    Open(#[from] OpenObjectError),
    /// Its object is longer than any prelude.
    #[error("prelude of {len} bytes, at most {PRELUDE_LEN_MAX} are allowed")]
    TooLong {
        /// Length of the object in bytes.
        len: u64,
    },
    /// Its object does not read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The record does not announce what is there.
    #[error(transparent)]
    Prelude(#[from] AnnouncedPreludeError),
}

/// The bundle that a record vouches for, fetched by that very record.
pub async fn fetch_bundle(
    client: &Client,
    record: &Signed<Publication>,
) -> Result<PublishedBundle, FetchBundleError> {
    let link = record.body().link();
    let bytes = read(client, &link, BUNDLE_LEN_MAX, |len| FetchBundleError::TooLong { len }).await?;
    Ok(PublishedBundle::new(record.clone(), &bytes)?)
}

/// The prelude that a record announces, fetched by that very record.
pub async fn fetch_prelude(
    client: &Client,
    record: &Signed<Live>,
) -> Result<AnnouncedPrelude, FetchPreludeError> {
    let link = record.body().link();
    let bytes = read(client, &link, PRELUDE_LEN_MAX, |len| FetchPreludeError::TooLong { len }).await?;
    Ok(AnnouncedPrelude::new(record.clone(), &bytes)?)
}

/// All bytes of an object of at most `len_max`.
async fn read<E: From<OpenObjectError> + From<ReadError>>(
    client: &Client,
    link: &Link,
    len_max: usize,
    too_long: impl FnOnce(u64) -> E,
) -> Result<BytesMut, E> {
    let object = client.open(link).await?;
    let len = usize::try_from(object.len()).unwrap_or(usize::MAX);
    if len > len_max {
        return Err(too_long(object.len()));
    }
    let mut bytes = BytesMut::with_capacity(len);
    let mut pieces = object.read(0..object.len());
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}
