//! The accepting side: from the first packet of a client to each of its requests.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use iroh::Endpoint;
use iroh::endpoint::{Connection, Incoming, IncomingAddr, VarInt};
use protocol::{Admission, Code, PublicKey, Refusal, Request, Response, Signed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::debug;

use crate::gate::{Gate, HANDSHAKES_MAX, Knock, Verdict, network_of};
use crate::hello::accept_hello;
use crate::own_record::OwnRecord;
use crate::seats::{Seat, Seats};
use crate::stream::{Receiving, Sending, StreamError};

/// Connections that a node has at one time.
pub const CONNECTIONS_MAX: usize = 1024;
/// Connections that one client has to a node at one time.
pub const CONNECTIONS_PER_PEER_MAX: usize = 8;
/// Connections that all clients at one address (IPv4, or /64 of IPv6) have to a node at one time: keys cost nothing.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;
/// What all clients count as that come through relays, whose addresses nobody knows here.
const BEHIND_RELAYS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
/// How long a handshake may take, in milliseconds.
const HANDSHAKE_TIMEOUT_MS: u64 = 5000;

/// Accepts clients until the endpoint is closed, then waits for the visits to end. `visit` runs once for each
/// client that has said hello, and is shown `own_record` as it then is; the network is that of the record.
pub async fn serve<V, F>(endpoint: Endpoint, own_record: impl Into<OwnRecord>, visit: V)
where
    V: Fn(Visitor) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let entrance = Arc::new(Entrance::new(own_record.into()));
    let mut gate = Gate::default();
    let mut visits = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while visits.try_join_next().is_some() {}
        let Some(ticket) = entrance.admit(&mut gate, incoming) else {
            continue;
        };
        let (entrance, visit) = (entrance.clone(), visit.clone());
        visits.spawn(async move {
            if let Some(visitor) = entrance.receive(ticket).await {
                visit(visitor).await;
            }
        });
    }
    while visits.join_next().await.is_some() {}
}

/// What all connections of a node share.
#[derive(Debug)]
struct Entrance {
    own_record: OwnRecord,
    places: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    peers: Seats<PublicKey>,
    addresses: Seats<IpAddr>,
}

/// A connection that may begin its handshake.
struct Ticket {
    incoming: Incoming,
    address: IpAddr,
    place: OwnedSemaphorePermit,
    handshake: OwnedSemaphorePermit,
}

impl Entrance {
    fn new(own_record: OwnRecord) -> Self {
        Self {
            own_record,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            peers: Seats::new(CONNECTIONS_PER_PEER_MAX),
            addresses: Seats::new(CONNECTIONS_PER_ADDRESS_MAX),
        }
    }

    fn admit(&self, gate: &mut Gate, incoming: Incoming) -> Option<Ticket> {
        let (address, is_validated) = match incoming.remote_addr() {
            IncomingAddr::Ip(address) => (address.ip(), incoming.remote_addr_validated()),
            // The relay has checked who it is.
            IncomingAddr::Relay { .. } => (BEHIND_RELAYS, true),
            _ => {
                incoming.refuse();
                return None;
            }
        };
        let knock =
            Knock { address, is_validated, handshakes: HANDSHAKES_MAX - self.handshakes.available_permits() };
        let places = (self.places.clone().try_acquire_owned(), self.handshakes.clone().try_acquire_owned());
        match (gate.decide(knock, Instant::now()), places) {
            (Verdict::Accept, (Ok(place), Ok(handshake))) => {
                return Some(Ticket { incoming, address: network_of(address), place, handshake });
            }
            (Verdict::Retry, _) => {
                if let Err(error) = incoming.retry() {
                    error.into_incoming().refuse();
                }
            }
            _ => {
                debug!(%address, "connection refused");
                incoming.refuse();
            }
        }
        None
    }

    async fn receive(&self, ticket: Ticket) -> Option<Visitor> {
        let Ticket { incoming, address, place, handshake } = ticket;
        let accepting = incoming.accept().ok()?;
        let connection = timeout(Duration::from_millis(HANDSHAKE_TIMEOUT_MS), accepting).await.ok()?.ok()?;
        // Only now is the address known to be the client's own.
        let seats = (self.peers.take(connection.remote_id()), self.addresses.take(address));
        let (Some(peer), Some(at_address)) = seats else {
            connection.close(VarInt::from_u32(Code::Busy.number().into()), b"too many connections");
            return None;
        };
        let now = SystemTime::now().into();
        let own_record = self.own_record.get();
        match accept_hello(&connection, &own_record.network(), &own_record, now).await {
            Ok(admission) => {
                drop(handshake);
                Some(Visitor { connection, address, admission, _place: place, _seats: (peer, at_address) })
            }
            Err(error) => {
                debug!(client = %connection.remote_id().fmt_short(), %error, "client not let in");
                None
            }
        }
    }
}

/// A client that has said hello. The connection ends when this and all its streams are dropped.
#[derive(Debug)]
pub struct Visitor {
    connection: Connection,
    address: IpAddr,
    admission: Option<Signed<Admission>>,
    _place: OwnedSemaphorePermit,
    _seats: (Seat<PublicKey>, Seat<IpAddr>),
}

impl Visitor {
    /// The client's endpoint, as proved by the handshake.
    pub fn id(&self) -> PublicKey {
        self.connection.remote_id()
    }

    /// Where the client came from: its IPv4 address, or the /64 of its IPv6 address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Who vouched for the client; `None` for one that only reads.
    pub fn payer(&self) -> Option<PublicKey> {
        self.admission.as_ref().map(Signed::by)
    }

    /// The next request; `None` when the client has left.
    pub async fn next(&self) -> Option<Inbound> {
        let (send, receive) = self.connection.accept_bi().await.ok()?;
        Some(Inbound { sending: Sending::new(send), receiving: Receiving::new(receive) })
    }

    /// Ends the connection, with a reason.
    pub fn close(&self, code: Code, reason: &str) {
        self.connection.close(VarInt::from_u32(code.number().into()), reason.as_bytes());
    }
}

/// The stream of one request.
#[derive(Debug)]
pub struct Inbound {
    /// Towards the client.
    pub sending: Sending,
    /// From the client.
    pub receiving: Receiving,
}

impl Inbound {
    /// What the client wants.
    pub async fn request(&mut self) -> Result<Request, StreamError> {
        self.receiving.header().await
    }

    /// Answers with a header alone, and ends the stream.
    pub async fn answer(mut self, response: &Response) -> Result<(), StreamError> {
        self.sending.header(response).await?;
        self.sending.finish();
        Ok(())
    }

    /// Says no. A body that is still under way is stopped with the same code.
    pub async fn refuse(mut self, refusal: Refusal) -> Result<(), StreamError> {
        let code = refusal.code();
        self.sending.header(&Response::Refused(refusal)).await?;
        self.sending.finish();
        self.receiving.stop(code);
        Ok(())
    }
}
