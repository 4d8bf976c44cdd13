//! What this account has shared by links, on this machine: written down before a link is printed, so that it can be taken back.
//!
//! No secret lies here: what stands in a link follows from the account secret and the id of the share.

mod api;
mod folder;
mod kept;
mod owner;

pub(crate) use api::{end, hand_out, id_in, manifest, open, register, sealed_cells};
pub(crate) use folder::{FolderSource, unreadable};
pub(crate) use kept::{KeptFile, KeptShare, KeptShares, secret, share_key};
pub(crate) use owner::{OwnedObject, OwnerFile};
