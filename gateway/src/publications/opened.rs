//! Publications and their objects that were opened lately, so that a segment costs no look-up in the network.

use std::sync::Arc;

use bytes::BytesMut;
use chunker::Link;
use client::{Client, Object, OpenObjectError, ReadError};
use futures_util::StreamExt as _;
use proofs::Cid;
use protocol::Signed;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sharing::{BUNDLE_LEN_MAX, Publication, PublicationId, PublishedBundle, PublishedBundleError};

/// Bytes of memory that bundles take.
const BUNDLES_LEN_MAX: u64 = 32 << 20;
/// Bytes of memory that the manifests of objects take.
const OBJECTS_LEN_MAX: u64 = 32 << 20;
/// What an entry takes besides bundle or roots: names, keys, tables.
const ENTRY_LEN: u64 = 2048;
/// What a decoded bundle takes for every byte of its encoding.
const BUNDLE_FACTOR: u64 = 2;

/// The opened publications and objects of one gateway.
#[derive(Debug)]
pub(crate) struct Opened {
    client: Client,
    bundles: Cache<PublicationId, (Arc<PublishedBundle>, u64), ByLen>,
    objects: Cache<ObjectKey, Object, ByLen>,
}

/// An object is found by its link, not by its address alone: a bundle with a wrong key must not profit from one with the right one.
type ObjectKey = (Cid, [u8; 32]);

/// Why a publication cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenBundleError {
    #[error(transparent)]
    Object(#[from] OpenObjectError),
    #[error("bundle of {len} bytes, at most {BUNDLE_LEN_MAX} are allowed")]
    TooLong { len: u64 },
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Bundle(#[from] PublishedBundleError),
}

#[derive(Debug, Clone, Copy)]
struct ByLen;

impl Weighter<PublicationId, (Arc<PublishedBundle>, u64)> for ByLen {
    fn weight(&self, _: &PublicationId, (_, len): &(Arc<PublishedBundle>, u64)) -> u64 {
        BUNDLE_FACTOR * len + ENTRY_LEN
    }
}

impl Weighter<ObjectKey, Object> for ByLen {
    fn weight(&self, _: &ObjectKey, object: &Object) -> u64 {
        ENTRY_LEN + 32 * object.manifest().roots().len() as u64
    }
}

impl Opened {
    pub(crate) fn new(client: Client) -> Self {
        let entries = |len: u64| usize::try_from(len / (4 * ENTRY_LEN)).unwrap_or(usize::MAX);
        Self {
            client,
            bundles: Cache::with_weighter(entries(BUNDLES_LEN_MAX), BUNDLES_LEN_MAX, ByLen),
            objects: Cache::with_weighter(entries(OBJECTS_LEN_MAX), OBJECTS_LEN_MAX, ByLen),
        }
    }

    /// The bundle that a record vouches for. Many who ask at once share one fetch.
    pub(crate) async fn bundle(
        &self,
        record: &Signed<Publication>,
    ) -> Result<Arc<PublishedBundle>, OpenBundleError> {
        let fetch = async {
            let bytes = self.read_bundle(&record.body().link()).await?;
            let bundle = PublishedBundle::new(record.clone(), &bytes)?;
            Ok::<_, OpenBundleError>((Arc::new(bundle), bytes.len() as u64))
        };
        let (bundle, _) = self.bundles.get_or_insert_async(&record.body().bundle, fetch).await?;
        Ok(bundle)
    }

    /// The object behind a link of a bundle, its key checked.
    pub(crate) async fn object(&self, link: &Link) -> Result<Object, OpenObjectError> {
        let key = (link.cid(), *blake3::hash(link.key().expose()).as_bytes());
        self.objects.get_or_insert_async(&key, self.client.open(link)).await
    }

    /// A bundle that is here.
    pub(crate) fn known(&self, id: PublicationId) -> Option<Arc<PublishedBundle>> {
        self.bundles.get(&id).map(|(bundle, _)| bundle)
    }

    /// Forgets a publication or an object that may no longer be served.
    pub(crate) fn forget(&self, target: Cid) {
        self.bundles.retain(|id, (bundle, _)| id.cid() != target && bundle.record().body().object != target);
        self.objects.retain(|(cid, _), _| *cid != target);
    }

    async fn read_bundle(&self, link: &Link) -> Result<BytesMut, OpenBundleError> {
        let object = self.client.open(link).await?;
        let len = usize::try_from(object.len()).unwrap_or(usize::MAX);
        if len > BUNDLE_LEN_MAX {
            return Err(OpenBundleError::TooLong { len: object.len() });
        }
        let mut bytes = BytesMut::with_capacity(len);
        let mut pieces = object.read(0..object.len());
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
    }
}
