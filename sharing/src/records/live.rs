//! Live: a creator says that a stream has begun, and where its prelude is.

use std::fmt;

use chunker::{ContentKey, Link};
use proofs::Cid;
use protocol::{Record, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{LiveId, exposed_key};

/// Announces a live stream and gives its prelude to read (spec §11, §21).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// When it was said.
    pub issued: UnixSeconds,
    /// The key of the object that holds the prelude.
    #[serde(with = "exposed_key")]
    pub key: ContentKey,
    /// Whether gateways may name it in their lists.
    pub listed: bool,
    /// Which stream.
    pub live: LiveId,
    /// The object that holds the prelude.
    pub object: Cid,
}

impl Record for Live {
    const TYPE: &'static str = "live";
}

impl Live {
    /// The read capability of the object that holds the prelude.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }
}

/// Without the key.
impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "live        {}", self.live)?;
        writeln!(f, "prelude in  {}", self.object)?;
        writeln!(f, "listed      {}", if self.listed { "yes" } else { "no" })?;
        write!(f, "issued      {}", self.issued)
    }
}
