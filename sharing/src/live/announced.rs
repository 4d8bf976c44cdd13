//! A prelude together with the record that announces it.

use protocol::{PublicKey, Signed};

use crate::{Live, LiveId, Prelude, PreludeError};

/// A prelude that its creator announced: the record names it and is signed by its `creator`.
#[derive(Clone, PartialEq, Debug)]
pub struct AnnouncedPrelude {
    record: Signed<Live>,
    prelude: Prelude,
}

/// Why bytes are not the prelude that a record announces.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnnouncedPreludeError {
    /// Another prelude, or a damaged one.
    #[error("the record is about the live stream {expected}, these bytes are {found}")]
    OtherPrelude {
        /// What the record names.
        expected: LiveId,
        /// What the bytes are.
        found: LiveId,
    },
    /// What was announced is no prelude.
    #[error(transparent)]
    Prelude(#[from] PreludeError),
    /// Somebody else's stream.
    #[error("the live stream is by {creator}, but its record by {signer}")]
    OtherCreator {
        /// Whom the prelude names.
        creator: PublicKey,
        /// Who signed the record.
        signer: PublicKey,
    },
}

impl AnnouncedPrelude {
    /// The prelude in `bytes`, when it is the one that the record is about and the record's signer made it.
    pub fn new(record: Signed<Live>, bytes: &[u8]) -> Result<Self, AnnouncedPreludeError> {
        let (expected, found) = (record.body().live, LiveId::of(bytes));
        if found != expected {
            return Err(AnnouncedPreludeError::OtherPrelude { expected, found });
        }
        let prelude = Prelude::decode(bytes)?;
        let (creator, signer) = (prelude.creator(), record.by());
        if creator != signer {
            return Err(AnnouncedPreludeError::OtherCreator { creator, signer });
        }
        Ok(Self { record, prelude })
    }

    /// The record.
    pub const fn record(&self) -> &Signed<Live> {
        &self.record
    }

    /// The prelude.
    pub const fn prelude(&self) -> &Prelude {
        &self.prelude
    }
}
