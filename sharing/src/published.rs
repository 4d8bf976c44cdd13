//! A bundle together with the record that vouches for it.

use protocol::{PublicKey, Signed};

use crate::{Bundle, BundleError, Publication, PublicationId, Withdrawal};

/// A bundle that its creator published: the record names it and is signed by its `creator`.
#[derive(Clone, PartialEq, Debug)]
pub struct PublishedBundle {
    record: Signed<Publication>,
    bundle: Bundle,
}

/// Why bytes are not the bundle that a record vouches for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PublishedBundleError {
    /// Another bundle, or a damaged one.
    #[error("the record is about publication {expected}, these bytes are {found}")]
    OtherBundle {
        /// What the record names.
        expected: PublicationId,
        /// What the bytes are.
        found: PublicationId,
    },
    /// What was published is no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Somebody else's bundle.
    #[error("the bundle is by {creator}, but its record by {signer}")]
    OtherCreator {
        /// Whom the bundle names.
        creator: PublicKey,
        /// Who signed the record.
        signer: PublicKey,
    },
}

impl PublishedBundle {
    /// The bundle in `bytes`, when it is the one that the record is about and the record's signer made it.
    pub fn new(record: Signed<Publication>, bytes: &[u8]) -> Result<Self, PublishedBundleError> {
        let (expected, found) = (record.body().bundle, PublicationId::of(bytes));
        if found != expected {
            return Err(PublishedBundleError::OtherBundle { expected, found });
        }
        let bundle = Bundle::decode(bytes)?;
        let (creator, signer) = (bundle.creator(), record.by());
        if creator != signer {
            return Err(PublishedBundleError::OtherCreator { creator, signer });
        }
        Ok(Self { record, bundle })
    }

    /// The record.
    pub const fn record(&self) -> &Signed<Publication> {
        &self.record
    }

    /// The bundle.
    pub const fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The bundle, without what vouches for it.
    pub fn into_bundle(self) -> Bundle {
        self.bundle
    }

    /// Whether this withdrawal counts: it names this publication, and its creator signed it for the same network.
    pub fn is_withdrawn_by(&self, withdrawal: &Signed<Withdrawal>) -> bool {
        withdrawal.body().bundle == self.bundle.id()
            && withdrawal.by() == self.bundle.creator()
            && withdrawal.network() == self.record.network()
    }
}
