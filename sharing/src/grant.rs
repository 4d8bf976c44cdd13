//! Grants to people: files whose keys are wrapped for those who may read them, under the signature of their owner (spec §31).

mod cipher;
mod delegation;
mod error;
mod holder;
mod identity;
mod link;
mod note;
mod record;
mod sealed;
mod version;
mod wrap;

pub use delegation::{
    ChainError, DELEGATION_DEPTH_MAX, DELEGATION_SLOTS, DELEGATION_TYPE, Delegation, DelegationNote, Depth,
    Holding, NewDelegation, OpenedDelegation, SeenDelegation,
};
pub use error::{NoteError, OpenGrantError, SealGrantError};
pub use holder::{DelegationKeys, HolderSecret};
pub use identity::{Identity, IdentityError, OwnIdentity};
pub use link::{GrantKeys, GrantLink, GrantLinkError};
pub use note::{GrantNote, RECIPIENT_TEXT_LEN_MAX, SealedSource};
pub use record::{Grant, GrantedFile};
pub use sealed::{GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX, NewGrant, OpenedGrant};
pub use version::{GRANT_END, GRANT_SLOT, GrantVersion, GrantVersionError};

/// The media type of a grant.
pub const GRANT_TYPE: &str = "application/vnd.headwater.grant+cbor";
