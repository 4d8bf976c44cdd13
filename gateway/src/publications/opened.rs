//! Publications and their objects that were opened lately, so that a segment costs no look-up in the network.

use std::hash::Hash;
use std::sync::Arc;

use chunker::Link;
use client::{Client, Object, OpenObjectError};
use proofs::Cid;
use protocol::Signed;
use publishing::{FetchBundleError, fetch_bundle};
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use sharing::{Bundle, Publication, PublicationId, PublishedBundle};

use super::encoded::{BUNDLE_TYPE, Encoded};

/// Bytes of memory that bundles take.
const BUNDLES_LEN_MAX: u64 = 64 << 20;
/// Bytes of memory that the manifests of objects take.
const OBJECTS_LEN_MAX: u64 = 32 << 20;
/// What an entry takes besides bundle or roots: names, keys, tables.
pub(super) const ENTRY_LEN: u64 = 2048;
/// What a bundle takes for every byte of its encoding, which is kept beside it.
const BUNDLE_FACTOR: u64 = 3;

/// The opened publications and objects of one gateway.
#[derive(Debug)]
pub(crate) struct Opened {
    client: Client,
    bundles: Cache<PublicationId, Arc<OpenedBundle>, ByLen>,
    objects: Cache<ObjectKey, Object, ByLen>,
}

/// An object is found by its link, not by its address alone: a bundle with a wrong key must not profit from one with the right one.
type ObjectKey = (Cid, [u8; 32]);

/// A bundle with its bytes, so that giving it out costs no encoding.
#[derive(Debug)]
pub(crate) struct OpenedBundle {
    published: PublishedBundle,
    encoded: Encoded,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ByLen;

impl Weighter<PublicationId, Arc<OpenedBundle>> for ByLen {
    fn weight(&self, _: &PublicationId, bundle: &Arc<OpenedBundle>) -> u64 {
        BUNDLE_FACTOR * bundle.encoded.len() + ENTRY_LEN
    }
}

impl Weighter<ObjectKey, Object> for ByLen {
    fn weight(&self, _: &ObjectKey, object: &Object) -> u64 {
        ENTRY_LEN + 32 * object.manifest().roots().len() as u64
    }
}

/// A cache in one piece: the pieces of a usual one are smaller than the largest bundle, which they would never hold.
pub(super) fn unsharded<K: Eq + Hash, V: Clone>(len: u64) -> Cache<K, V, ByLen>
where
    ByLen: Weighter<K, V>,
{
    let options = OptionsBuilder::new()
        .shards(1)
        .estimated_items_capacity(usize::try_from(len / (4 * ENTRY_LEN)).unwrap_or(usize::MAX))
        .weight_capacity(len)
        .build()
        .expect("capacities are all it asks for");
    Cache::with_options(options, ByLen, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

impl OpenedBundle {
    fn new(published: PublishedBundle) -> Self {
        Self { encoded: Encoded::new(BUNDLE_TYPE, published.bundle().encode()), published }
    }

    pub(crate) const fn bundle(&self) -> &Bundle {
        self.published.bundle()
    }

    pub(crate) const fn record(&self) -> &Signed<Publication> {
        self.published.record()
    }

    pub(crate) const fn encoded(&self) -> &Encoded {
        &self.encoded
    }
}

impl Opened {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, bundles: unsharded(BUNDLES_LEN_MAX), objects: unsharded(OBJECTS_LEN_MAX) }
    }

    /// The bundle of a record out of the catalogue. Many who ask at once share one fetch.
    pub(crate) async fn bundle(
        &self,
        record: &Signed<Publication>,
    ) -> Result<Arc<OpenedBundle>, FetchBundleError> {
        let fetch = async { Ok(Arc::new(OpenedBundle::new(self.offered(record).await?))) };
        self.bundles.get_or_insert_async(&record.body().bundle, fetch).await
    }

    /// The bundle that a record vouches for which somebody offers. It is fetched by that very record, and not kept: whoever signs a record
    /// must not profit from a bundle that is here because of another one.
    pub(crate) async fn offered(
        &self,
        record: &Signed<Publication>,
    ) -> Result<PublishedBundle, FetchBundleError> {
        fetch_bundle(&self.client, record).await
    }

    /// The object behind a link of a bundle, its key checked.
    pub(crate) async fn object(&self, link: &Link) -> Result<Object, OpenObjectError> {
        let key = (link.cid(), *blake3::hash(link.key().expose()).as_bytes());
        self.objects.get_or_insert_async(&key, self.client.open(link)).await
    }

    /// A bundle that is here.
    pub(crate) fn known(&self, id: PublicationId) -> Option<Arc<OpenedBundle>> {
        self.bundles.get(&id)
    }

    /// Forgets a publication or an object that may no longer be served.
    pub(crate) fn forget(&self, target: Cid) {
        self.bundles.retain(|id, bundle| id.cid() != target && bundle.record().body().object != target);
        self.objects.retain(|(cid, _), _| *cid != target);
    }
}
