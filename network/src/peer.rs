//! A node to which a connection stands, and the requests on it.

use std::sync::Arc;

use iroh::Endpoint;
use iroh::endpoint::{Connection, VarInt};
use protocol::{NodeRecord, PublicKey, Refusal, Request, Response, Signed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::stream::{Receiving, Sending, StreamError};

/// Requests that one client has under way at one node; further ones wait.
pub const REQUESTS_PER_PEER_MAX: usize = 64;

/// A node that has said welcome. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Peer {
    connection: Connection,
    /// Held because its connections end with an endpoint.
    endpoint: Endpoint,
    record: Arc<Signed<NodeRecord>>,
    places: Arc<Semaphore>,
}

impl Peer {
    pub(crate) fn new(endpoint: Endpoint, connection: Connection, record: Signed<NodeRecord>) -> Self {
        let places = Arc::new(Semaphore::new(REQUESTS_PER_PEER_MAX));
        Self { connection, endpoint, record: Arc::new(record), places }
    }

    /// The node.
    pub fn id(&self) -> PublicKey {
        self.record.by()
    }

    /// What the node said about itself in its welcome.
    pub fn record(&self) -> &Signed<NodeRecord> {
        &self.record
    }

    /// False once the connection is known to be lost.
    pub fn is_connected(&self) -> bool {
        self.connection.close_reason().is_none()
    }

    /// Sends a request on a stream of its own. Our side of the stream is ended unless a body follows.
    pub async fn request(&self, request: &Request) -> Result<Exchange, RequestError> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.expect("the places of a peer are never closed");
        let (send, receive) = self.connection.open_bi().await.map_err(StreamError::from)?;
        let (mut sending, receiving) = (Sending::new(send), Receiving::new(receive));
        sending.header(request).await?;
        if !request.has_body() {
            sending.finish();
        }
        Ok(Exchange { sending, receiving, _endpoint: self.endpoint.clone(), _place: place })
    }

    /// Sends a request whose answer is a header alone.
    pub async fn ask(&self, request: &Request) -> Result<Response, RequestError> {
        let mut exchange = self.request(request).await?;
        let response = exchange.response().await?;
        exchange.receiving.end().await?;
        Ok(response)
    }

    pub(crate) fn disconnect(&self) {
        self.connection.close(VarInt::from_u32(0), b"given up");
    }
}

/// A request under way. Dropped early, both directions are given up.
#[derive(Debug)]
pub struct Exchange {
    /// Towards the node.
    pub sending: Sending,
    /// From the node.
    pub receiving: Receiving,
    _endpoint: Endpoint,
    _place: OwnedSemaphorePermit,
}

impl Exchange {
    /// The next header of the answer; a refusal is an error.
    pub async fn response(&mut self) -> Result<Response, RequestError> {
        match self.receiving.header().await? {
            Response::Refused(refusal) => Err(RequestError::Refused(refusal)),
            response => Ok(response),
        }
    }
}

/// Why a request was not granted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RequestError {
    /// The node said no.
    #[error(transparent)]
    Refused(Refusal),
    /// The answer belongs to another request.
    #[error("node answered with {0}")]
    Unexpected(&'static str),
    /// The stream or the connection under it broke.
    #[error(transparent)]
    Stream(StreamError),
}

impl From<StreamError> for RequestError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Refused(code) => Self::Refused(Refusal::new(code, "given up by the node")),
            other => Self::Stream(other),
        }
    }
}
