//! What was published of a file before: its bundle, brought back from the network.

use bytes::BytesMut;
use client::{Client, FetchError, OpenObjectError, ReadError};
use futures_util::StreamExt as _;
use sharing::{BUNDLE_LEN_MAX, Bundle, BundleError, BundleParts, Publication};

/// Why an earlier bundle cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KnownBundleError {
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenObjectError),
    /// It does not read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is none.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Another one than was remembered.
    #[error("it is not the bundle that was remembered")]
    Other,
}

impl KnownBundleError {
    /// Whether it may be had at another time: that no node holds it, or that it is something else, stays so.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Open(OpenObjectError::Fetch(FetchError::Unavailable { .. } | FetchError::NoNodes))
                | Self::Read(ReadError::Unavailable { .. })
        )
    }
}

/// The bundle of an earlier publication.
pub(crate) async fn fetch(client: &Client, publication: &Publication) -> Result<Bundle, KnownBundleError> {
    let object = client.open(&publication.link()).await?;
    let mut bytes = BytesMut::new();
    let mut pieces = object.read(0..object.len().min(BUNDLE_LEN_MAX as u64));
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
    }
    let bundle = Bundle::decode(&bytes)?;
    if bundle.id() == publication.bundle { Ok(bundle) } else { Err(KnownBundleError::Other) }
}

/// Whether both say the same, whenever they were made.
pub(crate) fn is_same(known: &Bundle, parts: &BundleParts) -> bool {
    let mut known = known.parts().clone();
    known.created = parts.created;
    known == *parts
}
