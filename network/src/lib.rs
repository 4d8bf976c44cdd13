//! Connections between clients and nodes, over iroh (QUIC).
//!
//! * [`bind`] makes an endpoint; every setting of iroh and QUIC stands in that one file.
//! * A client has a [`NetworkFile`], the [`Members`] in it, and a [`Pool`]: connecting gives a [`Peer`], a
//!   request on it an [`Exchange`].
//! * A node answers with [`serve`]: each client that passed the gate, the handshake and the hello is a
//!   [`Visitor`], each of its requests an [`Inbound`].
//! * [`ask_all`] and [`announce`] are how lists of nodes are exchanged; [`Gossip`] decides who is told what.
//! * [`Discovery`] finds nodes on the local network, where that is wanted.
//! * [`Sending`] and [`Receiving`] carry headers and raw bytes for both sides.
//!
//! The crate knows no shard: which node is asked, what is stored and what bytes are worth is decided by its
//! users. It verifies who the peer is and which network it belongs to, nothing else.

mod backoff;
mod congestion;
mod directory;
mod discovery;
mod endpoint;
mod gate;
mod gossip;
mod hello;
mod members;
mod network_file;
mod own_record;
mod peer;
mod pool;
mod seats;
mod serve;
mod stream;

pub use directory::{DirectoryError, Page, announce, ask_all, ask_page};
pub use discovery::{DiscoverError, Discovery};
pub use endpoint::{
    BindEndpointError, EndpointOptions, EndpointRole, IDLE_TIMEOUT_MS, KEEP_ALIVE_MS, STREAM_RECEIVE_WINDOW,
    STREAMS_PER_CONNECTION_MAX, bind, bind_relayed, bind_with, quic_settings,
};
pub use gossip::{Gossip, Round};
pub use hello::{AcceptHelloError, HELLO_TIMEOUT_MS, HelloError, accept_hello};
pub use iroh::Endpoint;
pub use members::{Members, NotTakenIn};
pub use network_file::{LoadNetworkError, NETWORK_FILE_LEN_MAX, NetworkFile, NetworkFileError};
pub use own_record::OwnRecord;
pub use peer::{Exchange, Peer, REQUESTS_PER_PEER_MAX, RequestError};
pub use pool::{CONNECT_TIMEOUT_MS, ConnectError, Pool};
pub use serve::{
    CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, CONNECTIONS_PER_PEER_MAX, Inbound, Visitor, serve,
};
pub use stream::{Receiving, STALL_TIMEOUT_MS, Sending, StreamError};
