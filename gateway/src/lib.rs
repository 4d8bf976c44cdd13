//! HTTP in front of a Headwater network, for players, browsers and `curl`.
//!
//! ```text
//! POST /open            a link in the body → a random handle that expires, and its URL
//! GET, HEAD /b/{handle} the object: conditions, ranges and several ranges after RFC 9110
//! POST /blob            an upload, with a bearer token → its link
//! /api/shares, /sealed  sealed shares: cells with their proofs, for readers who have keys that the gateway has not
//! GET /watch/{id}/…     a publication: bundle, playlists, segments, pictures; the same for ever
//! GET /live/{id}/…      a stream that is still being made: prelude, playlists that grow, segments, records
//! /api/live             what runs; takes signed records
//! /api/publications     the catalogue; takes signed records. GET /api/openapi.json describes it, GET /api/ shows that
//! /api/ledger, /api/sessions   how titles are paid that are not free: grants in, receipts in
//! POST /append/{id}     readings of a device, kept unread until its owner fetches them (/api/streams)
//! POST, GET /shl/{id}   a SMART Health Link: its manifest, or its one file
//! POST /api/links/{id}/events   what happened to a link, for its owner
//! /api/nodes, /api/audits   how the nodes are. GET /api/care: what is looked after, for operators
//! GET /health           it runs; GET /health/ready: and it can read objects
//! GET /metrics          counters in the text format of Prometheus
//! ```
//!
//! [`router`] is the whole service, [`serve`] runs it with limits on connections, headers and time. Every refusal is a problem document
//! (RFC 9457) with a stable code. What RFC 9110 decides before a byte is read is decided without input or output, in `rfc9110`.
//!
//! A gateway sees what it serves; it does not decide who may read: whoever has a link may. It keeps nothing but its catalogue and its links, which are made of
//! signed records: handles and cache are in memory and may be lost at any time. It does not speak TLS or HTTP/2: a reverse proxy in front of it does.

mod body;
mod cache;
mod cells;
mod client_address;
mod config;
mod connection;
mod disposition;
mod fetches;
mod films;
mod flights;
mod gateway;
mod handles;
mod health;
mod limits;
mod links;
mod live;
mod metrics;
mod object;
mod observe;
mod page;
mod pay;
mod polls;
mod problem;
mod publications;
mod reach;
mod representation;
mod rfc9110;
mod routes;
mod sealed;
mod server;
mod streams;
mod survey;
mod trouble;

pub use config::{
    BearerToken, BearerTokenError, Creators, FilmUploads, GatewayConfig, PublishingConfig, UploadConfig,
};
pub use gateway::{Gateway, StartError};
pub use handles::HandleLimits;
pub use limits::ClientLimit;
pub use links::{
    ACCESSES_KEPT_MAX, GUEST_ACCESSES_KEPT_MAX, GUEST_LINKS_MAX, Guess, LINKS_MAX, Link, LinkKind, LinkRoom,
    LinkState, LinkStore, LinkStoreError, Links, NewLink, Noted, NumberedEvent, Placed, REFUSALS_KEPT_MAX,
    Taken,
};
pub use pay::{NodePayments, PayConfig, Till, TillError};
pub use publications::CatalogueError;
pub use routes::router;
pub use server::serve;
pub use streams::{Appended, BatchStore, STREAMS_BYTES_MAX};
