//! Publication: a creator says that a bundle is theirs, and where it is.

use std::fmt;

use chunker::{ContentKey, Link};
use proofs::Cid;
use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{PublicationId, exposed_key};

/// Vouches for a bundle and gives it to read: whoever has the record may read the publication (spec §11, §17).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Which publication.
    pub bundle: PublicationId,
    /// When it was said.
    pub issued: UnixSeconds,
    /// The key of the object that holds the bundle.
    #[serde(with = "exposed_key")]
    pub key: ContentKey,
    /// Whether gateways may name it in their lists.
    pub listed: bool,
    /// The object that holds the bundle.
    pub object: Cid,
}

impl Record for Publication {
    const TYPE: &'static str = "publication";
}

impl Publication {
    /// The read capability of the object that holds the bundle.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }
}

/// Without the key.
impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "publication {}", self.bundle)?;
        writeln!(f, "bundle in   {}", self.object)?;
        writeln!(f, "listed      {}", if self.listed { "yes" } else { "no" })?;
        write!(f, "issued      {}", self.issued)
    }
}
