//! Reading the index's objects from the network.

use bytes::BytesMut;
use client::{Client, FetchError, Object, OpenObjectError, ReadError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use proofs::Cid;
use sharing::{
    AccountIndex, ContentHash, Entry, INDEX_LEN_MAX, INDEX_PAGE_LEN_MAX, INDEX_ROOT_LEN_MAX, IndexError,
    IndexRoot, PageError, PointerContents, PublishingIndex, RootError, StoredPublishingIndex,
};

use crate::keys::Account;

/// Pages that are read at the same time.
const PAGES_ABREAST: usize = 8;

/// Why an index cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FetchIndexError {
    /// It is not there, or not now.
    #[error(transparent)]
    Open(#[from] OpenObjectError),
    /// Its bytes do not come.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is longer than it may be.
    #[error("object {object} has {len} bytes, at most {max} are expected")]
    TooLong {
        /// Which.
        object: Cid,
        /// Its length.
        len: u64,
        /// What is allowed.
        max: usize,
    },
    /// The root is none.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A page is none.
    #[error("page {number}: {source}")]
    Page {
        /// Which.
        number: usize,
        /// What is wrong.
        source: PageError,
    },
    /// A creator's index is none.
    #[error(transparent)]
    Publishing(#[from] IndexError),
    /// It is something else than the entry says.
    #[error("object {0} does not hold what its entry says")]
    Hash(Cid),
}

impl From<FetchError> for FetchIndexError {
    fn from(error: FetchError) -> Self {
        Self::Open(error.into())
    }
}

/// The index that a pointer names, without the pages that `is_known` says are here already.
pub(crate) async fn fetch_index(
    client: &Client,
    account: &Account,
    contents: &PointerContents,
    is_known: impl Fn(&ContentHash) -> bool,
) -> Result<AccountIndex, FetchIndexError> {
    let root = IndexRoot::decode(&fetch(client, account, contents.root, INDEX_ROOT_LEN_MAX).await?)?;
    let unknown = root.pages().iter().enumerate().filter(|(_, page)| !is_known(&page.hash));
    let pages = unknown.map(|(number, page)| async move {
        let bytes = fetch(client, account, page.object, INDEX_PAGE_LEN_MAX).await?;
        page.open(&bytes).map_err(|source| FetchIndexError::Page { number, source })
    });
    let pages: Vec<Vec<Entry>> =
        stream::iter(pages.collect::<Vec<_>>()).buffer_unordered(PAGES_ABREAST).try_collect().await?;
    Ok(AccountIndex::new(pages.into_iter().flatten(), contents.seen.clone()))
}

/// A device's creator's index.
pub async fn fetch_publishing(
    client: &Client,
    account: &Account,
    stored: &StoredPublishingIndex,
) -> Result<PublishingIndex, FetchIndexError> {
    let bytes = fetch(client, account, stored.object, INDEX_LEN_MAX).await?;
    if ContentHash::of(&bytes) != stored.hash {
        return Err(FetchIndexError::Hash(stored.object));
    }
    Ok(PublishingIndex::decode(&bytes)?)
}

/// All bytes of an object whose key follows from the account secret.
async fn fetch(
    client: &Client,
    account: &Account,
    object: Cid,
    max: usize,
) -> Result<BytesMut, FetchIndexError> {
    let manifest = client.manifest(&object).await?;
    let key = account.secret().content_key(&manifest.salt());
    let opened = Object::open(client.clone(), manifest, &key).map_err(OpenObjectError::from)?;
    let len = opened.len();
    if len > max as u64 {
        return Err(FetchIndexError::TooLong { object, len, max });
    }
    let mut bytes = BytesMut::new();
    let mut pieces = opened.read(0..len);
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}
