//! SMART Health Links of the account: made, changed, revoked (spec §28). `headwater share --health` and `headwater revoke` call this.

mod book;
mod files;
mod index;
mod link;
mod qr;
mod register;
mod share;

pub(crate) use book::{Book, BookEntry};
pub(crate) use index::learn;
pub(crate) use link::{events, is_gone, known, revoke, revoke_elsewhere};
pub(crate) use share::{HealthArgs, Wish};
