//! What is asked of a store of links.

use async_trait::async_trait;
use database::DatabaseError;
use protocol::UnixSeconds;
use sharing::{LinkEvent, LinkId};

use super::link::{Link, LinkRoom, NewLink};

/// Links that a gateway keeps.
pub const LINKS_MAX: u64 = 100_000;
/// Links of guests among them. One of theirs that has expired makes room for the next.
pub const GUEST_LINKS_MAX: u64 = 50_000;
/// Accesses to one link that are kept until its owner has fetched them; after so many it opens no more until then.
pub const ACCESSES_KEPT_MAX: u32 = 100_000;
/// The same for a link of a guest.
pub const GUEST_ACCESSES_KEPT_MAX: u32 = 1000;
/// Other events of one link that are kept until then. Anybody can cause them: later ones are not kept.
pub const REFUSALS_KEPT_MAX: u32 = 200;

/// Links that last. What a method has done is durable when it returns.
#[async_trait]
pub trait LinkStore: std::fmt::Debug + Send + Sync {
    /// Keeps a new link. Where the room of guests is full, one of theirs that has expired `now` is forgotten for it.
    async fn put(&self, id: LinkId, link: NewLink, now: UnixSeconds) -> Result<Placed, LinkStoreError>;

    /// The link with this id.
    async fn get(&self, id: LinkId) -> Result<Option<Link>, LinkStoreError>;

    /// Puts other terms in the place of those that say `known`; attempts that were used stay used, and what has its room among others
    /// than guests keeps it. False where the link says
    /// something else by now, was revoked, or is unknown.
    async fn replace(&self, id: LinkId, known: &[u8], terms: NewLink) -> Result<bool, LinkStoreError>;

    /// Revokes a link, for ever. The first time counts. Of its record no more than the hash stays. False where the link is unknown.
    async fn end(&self, id: LinkId, at: UnixSeconds) -> Result<bool, LinkStoreError>;

    /// Takes one attempt, before anything is compared: of many at once no more are given than there are.
    async fn take_attempt(&self, id: LinkId) -> Result<Taken, LinkStoreError>;

    /// Gives an attempt back that was right.
    async fn give_back(&self, id: LinkId) -> Result<(), LinkStoreError>;

    /// Keeps an event.
    async fn note(&self, id: LinkId, event: LinkEvent) -> Result<Noted, LinkStoreError>;

    /// Events of a link with a number above `after`, in order, at most [`EVENTS_OF_ANSWER_MAX`](sharing::EVENTS_OF_ANSWER_MAX).
    async fn events(&self, id: LinkId, after: u64) -> Result<Vec<NumberedEvent>, LinkStoreError>;

    /// Forgets the events up to this number: its owner keeps them.
    async fn forget_events(&self, id: LinkId, upto: u64) -> Result<(), LinkStoreError>;

    /// Forgets links that expired long ago, with their events, and the records of those that have expired. How many are gone.
    async fn sweep(&self, now: UnixSeconds) -> Result<u64, LinkStoreError>;
}

/// What became of a new link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is kept.
    New,
    /// It was kept before, and says the same.
    Known,
    /// There is another one under this id.
    Other,
    /// As many links are kept as there is room for.
    Full,
}

/// How many links there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoomForLinks {
    pub(super) all: u64,
    /// Among them, those of guests.
    pub(super) guests: u64,
}

impl Default for RoomForLinks {
    fn default() -> Self {
        Self { all: LINKS_MAX, guests: GUEST_LINKS_MAX }
    }
}

/// How many accesses to a link are kept.
pub(super) const fn accesses_kept_max(room: LinkRoom) -> u32 {
    match room {
        LinkRoom::Own => ACCESSES_KEPT_MAX,
        LinkRoom::Guests => GUEST_ACCESSES_KEPT_MAX,
    }
}

/// Whether an attempt was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was; so many are left besides.
    Left(u32),
    /// There is nothing to guess, and nothing was counted.
    Free,
    /// None is left, or there is no such link.
    Spent,
}

/// Whether an event was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It was.
    Kept,
    /// There are as many of its kind as are kept, or there is no such link.
    Full,
}

/// An event, and its number among those of its link, from 1 on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedEvent {
    /// The number.
    pub number: u64,
    /// What happened.
    pub event: LinkEvent,
}

/// Why a store does not answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum LinkStoreError {
    #[error("another program has the file of links open")]
    InUse,
    #[error("the file of links: {0}")]
    Redb(Box<::redb::Error>),
    #[error("the database of links: {0}")]
    Postgres(#[from] DatabaseError),
    #[error("what is kept of link {id:?} is damaged")]
    Damaged { id: LinkId },
}
