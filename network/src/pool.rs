//! One connection per node: dialled when first needed, shared, dialled again after it was lost.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use iroh::Endpoint;
use protocol::limits::{CLOCK_SKEW_MAX_S, NETWORK_NODES_MAX};
use protocol::{ALPN, Admission, Contact, NetworkId, NodeRecord, PublicKey, SecretKey, Signed, UnixSeconds};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::backoff::Backoff;
use crate::endpoint::address_of;
use crate::hello::{HelloError, say_hello};
use crate::peer::Peer;

/// How long dialling and hello may take together, in milliseconds.
pub const CONNECT_TIMEOUT_MS: u64 = 3000;
/// For how long an admission is written, in seconds. It is looked at once, in the hello.
const ADMISSION_LIFETIME_S: u64 = 3600 + CLOCK_SKEW_MAX_S;

/// Connections to the nodes of one network. Clones share them.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    network: NetworkId,
    payer: Option<SecretKey>,
    doors: Mutex<HashMap<PublicKey, Door>>,
}

/// What is known about one node; locked while it is dialled, so that all who wait get the same connection.
type Door = Arc<tokio::sync::Mutex<DoorState>>;

#[derive(Debug, Default)]
struct DoorState {
    peer: Option<Peer>,
    backoff: Backoff,
    last_failure: String,
    /// Where the node was dialled last.
    dialled: Option<Contact>,
}

impl Pool {
    /// A pool without connections. With `payer`, nodes are shown an admission that it signs for the endpoint.
    pub fn new(endpoint: Endpoint, network: NetworkId, payer: Option<SecretKey>) -> Self {
        Self(Arc::new(Inner { endpoint, network, payer, doors: Mutex::default() }))
    }

    /// The network to which all nodes of this pool belong.
    pub fn network(&self) -> NetworkId {
        self.0.network
    }

    /// The endpoint of all its connections.
    pub fn endpoint(&self) -> PublicKey {
        self.0.endpoint.id()
    }

    /// The key that nodes are told to charge.
    pub fn payer(&self) -> Option<PublicKey> {
        self.0.payer.as_ref().map(SecretKey::public)
    }

    /// The node, connected: at once when a connection stands, otherwise within [`CONNECT_TIMEOUT_MS`]. A node
    /// that could not be reached a moment ago fails at once. Dialling goes on when the caller gives up.
    pub async fn connect(&self, node: &Signed<NodeRecord>) -> Result<Peer, ConnectError> {
        self.dial(&Contact::from(node)).await
    }

    /// The same for a node of which no record is known yet: the connected peer has it.
    pub async fn dial(&self, node: &Contact) -> Result<Peer, ConnectError> {
        let id = node.id;
        let mut state = self.door(id)?.lock_owned().await;
        if state.dialled.as_ref() != Some(node) {
            // It is somewhere else now, and what was known of it there no longer counts.
            *state = DoorState { dialled: Some(node.clone()), ..DoorState::default() };
        }
        if let Some(peer) = state.peer.as_ref().filter(|peer| peer.is_connected()) {
            return Ok(peer.clone());
        }
        if let Some(pause) = state.backoff.pause(Instant::now()) {
            return Err(ConnectError::Pausing { id, pause, last_failure: state.last_failure.clone() });
        }
        let dialling = tokio::spawn(self.clone().dial_into(state, node.clone()));
        dialling.await.map_err(|_| ConnectError::ShuttingDown { id })?
    }

    /// Closes the connection to a node, if there is one: for a node that has stopped to answer. The next
    /// [`Self::connect`] dials anew.
    pub async fn disconnect(&self, id: &PublicKey) {
        let door = self.doors().get(id).cloned();
        if let Some(door) = door
            && let Some(peer) = door.lock().await.peer.take()
        {
            peer.disconnect();
        }
    }

    /// Closes all connections and the endpoint.
    pub async fn close(&self) {
        self.0.endpoint.close().await;
    }

    fn door(&self, id: PublicKey) -> Result<Door, ConnectError> {
        let mut doors = self.doors();
        if doors.len() >= NETWORK_NODES_MAX && !doors.contains_key(&id) {
            return Err(ConnectError::TooManyNodes { id });
        }
        Ok(doors.entry(id).or_default().clone())
    }

    fn doors(&self) -> std::sync::MutexGuard<'_, HashMap<PublicKey, Door>> {
        // Nothing is done under this lock that could leave the map half changed.
        self.0.doors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn dial_into(
        self,
        mut state: OwnedMutexGuard<DoorState>,
        node: Contact,
    ) -> Result<Peer, ConnectError> {
        let in_time = timeout(Duration::from_millis(CONNECT_TIMEOUT_MS), self.meet(&node)).await;
        let outcome = in_time.unwrap_or(Err(ConnectError::Timeout { id: node.id }));
        match &outcome {
            Ok(peer) => {
                state.backoff.succeeded();
                state.peer = Some(peer.clone());
            }
            Err(error) => {
                state.backoff.failed(Instant::now());
                state.peer = None;
                state.last_failure = error.to_string();
            }
        }
        outcome
    }

    async fn meet(&self, node: &Contact) -> Result<Peer, ConnectError> {
        let id = node.id;
        let connection = self.0.endpoint.connect(address_of(node), ALPN).await;
        let connection = connection.map_err(|error| refused(node, format!("{error:#}")))?;
        let record = say_hello(&connection, &self.0.network, self.admission().as_ref()).await;
        let record = record.map_err(|source| ConnectError::Hello { id, source })?;
        Ok(Peer::new(self.0.endpoint.clone(), connection, record))
    }

    fn admission(&self) -> Option<Signed<Admission>> {
        let expires = UnixSeconds::from(SystemTime::now()).plus(ADMISSION_LIFETIME_S);
        let admission = Admission { endpoint: self.0.endpoint.id(), expires };
        self.0.payer.as_ref().map(|payer| Signed::sign(payer, &self.0.network, admission))
    }
}

/// What an error of the handshake means: the only certificate that counts is the key of the node that was dialled.
fn refused(node: &Contact, reason: String) -> ConnectError {
    if reason.contains("UnknownIssuer") {
        return ConnectError::Another { id: node.id, addr: node.addrs.first() };
    }
    ConnectError::Dial { id: node.id, reason }
}

/// Why there is no connection to a node.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ConnectError {
    /// Nobody answered.
    #[error("node {} did not answer within {CONNECT_TIMEOUT_MS} ms", id.fmt_short())]
    Timeout { id: PublicKey },
    /// The handshake failed.
    #[error("cannot dial node {}: {reason}", id.fmt_short())]
    Dial { id: PublicKey, reason: String },
    /// Somebody answers there who has another key.
    #[error(
        "at {addr} another node answers than {}: it was given a new identity, or the address; a new ticket of it is needed",
        id.fmt_short()
    )]
    Another { id: PublicKey, addr: SocketAddr },
    /// The node does not want this client, or is not the one it seemed.
    #[error("node {}: {source}", id.fmt_short())]
    Hello { id: PublicKey, source: HelloError },
    /// It failed a moment ago and is left alone for a while.
    #[error("node {} is tried again in {} ms, after: {last_failure}", id.fmt_short(), pause.as_millis())]
    Pausing { id: PublicKey, pause: Duration, last_failure: String },
    /// The pool already knows as many nodes as a network may have.
    #[error("node {} is one more than the {NETWORK_NODES_MAX} that a network may have", id.fmt_short())]
    TooManyNodes { id: PublicKey },
    /// The program is ending.
    #[error("node {} is no longer dialled: shutting down", id.fmt_short())]
    ShuttingDown { id: PublicKey },
}
