//! Grants to people: files whose keys are wrapped for those who may read them, under the signature of their owner (spec §31).

mod error;
mod identity;
mod record;
mod sealed;
mod wrap;

pub use error::{OpenGrantError, SealGrantError};
pub use identity::{Identity, IdentityError, OwnIdentity};
pub use record::{Grant, GrantedFile};
pub use sealed::{GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX, NewGrant, OpenedGrant};

/// The media type of a grant.
pub const GRANT_TYPE: &str = "application/vnd.headwater.grant+cbor";
