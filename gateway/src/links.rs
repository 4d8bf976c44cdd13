//! The life of links at a gateway, durably (spec §27): what its owner signed, how many wrong attempts are left, whether it was
//! revoked, and what happened to it. Sealed links and health links are kept alike.

mod file;
mod guess;
mod kept;
mod link;
mod postgres;
/// A server of `PostgreSQL` for tests.
#[cfg(test)]
#[path = "../../ledger/service/tests/postgres/mod.rs"]
pub(crate) mod postgres_for_tests;
mod redb;
mod registrations;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use file::{LinkFile, failed};
pub use guess::Guess;
pub use kept::Links;
pub use link::{Link, LinkKind, LinkRoom, LinkState, NewLink};
use postgres::PostgresLinks;
use redb::RedbLinks;
pub(crate) use registrations::Registrations;
pub use store::{
    ACCESSES_KEPT_MAX, GUEST_ACCESSES_KEPT_MAX, GUEST_LINKS_MAX, LINKS_MAX, LinkStore, LinkStoreError, Noted,
    NumberedEvent, Placed, REFUSALS_KEPT_MAX, Taken,
};
