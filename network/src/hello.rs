//! The first stream of every connection: which network, who pays, and what the node says about itself.

use std::time::Duration;

use iroh::endpoint::{Connection, ConnectionError, VarInt};
use protocol::{
    Admission, Code, NetworkId, NodeRecord, RecordError, Refusal, Request, Response, Signed, UnixSeconds,
    Unverified,
};
use tokio::time::timeout;

use crate::stream::{Receiving, Sending, StreamError};

/// How long both sides wait for the hello, in milliseconds.
pub const HELLO_TIMEOUT_MS: u64 = 3000;

/// Says hello as a client; gives the node's verified record.
pub(crate) async fn say_hello(
    connection: &Connection,
    network: &NetworkId,
    admission: Option<&Signed<Admission>>,
) -> Result<Signed<NodeRecord>, HelloError> {
    let hello = Request::Hello { network: *network, admission: admission.map(Unverified::from) };
    let (send, receive) = connection.open_bi().await.map_err(StreamError::from)?;
    let (mut sending, mut receiving) = (Sending::new(send), Receiving::new(receive));
    sending.header(&hello).await?;
    sending.finish();
    match receiving.header::<Response>().await? {
        Response::Welcome { node_record } => {
            let record = node_record.verify(network)?;
            if record.by() == connection.remote_id() { Ok(record) } else { Err(HelloError::OtherRecord) }
        }
        Response::Refused(refusal) => Err(HelloError::Refused(refusal)),
        other => Err(HelloError::Unexpected(other.name())),
    }
}

/// Why a node did not say welcome.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// It refused.
    #[error("node refused the hello: {0}")]
    Refused(Refusal),
    /// It answered something else.
    #[error("node answered the hello with {0}")]
    Unexpected(&'static str),
    /// Its record does not verify.
    #[error("record of the node: {0}")]
    Record(#[from] RecordError),
    /// It showed the record of another node.
    #[error("node showed the record of another node")]
    OtherRecord,
    /// The stream broke.
    #[error("hello: {0}")]
    Stream(StreamError),
}

impl From<StreamError> for HelloError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Refused(code) => Self::Refused(Refusal::new(code, "connection closed")),
            other => Self::Stream(other),
        }
    }
}

/// Answers the hello as a node; gives the verified admission of the client, when it has one. Any other client
/// is told why, and its connection closed.
pub async fn accept_hello(
    connection: &Connection,
    network: &NetworkId,
    node_record: &Signed<NodeRecord>,
    now: UnixSeconds,
) -> Result<Option<Signed<Admission>>, AcceptHelloError> {
    let hello = answer_hello(connection, network, node_record, now);
    let outcome = timeout(Duration::from_millis(HELLO_TIMEOUT_MS), hello).await;
    let outcome = outcome.unwrap_or(Err(AcceptHelloError::Silent));
    if let Err(error) = &outcome {
        connection.close(VarInt::from_u32(error.code().number().into()), error.to_string().as_bytes());
    }
    outcome
}

async fn answer_hello(
    connection: &Connection,
    network: &NetworkId,
    node_record: &Signed<NodeRecord>,
    now: UnixSeconds,
) -> Result<Option<Signed<Admission>>, AcceptHelloError> {
    let (send, receive) = connection.accept_bi().await?;
    let (mut sending, mut receiving) = (Sending::new(send), Receiving::new(receive));
    let checked = match receiving.header::<Request>().await {
        Ok(request) => check_hello(connection, network, now, &request),
        Err(error) => Err(error.into()),
    };
    let answer = match &checked {
        Ok(_) => Response::Welcome { node_record: node_record.into() },
        Err(error) => Response::Refused(Refusal::new(error.code(), error.to_string())),
    };
    sending.header(&answer).await?;
    if checked.is_err() {
        // The connection is closed next, which would overtake an answer still under way.
        sending.deliver().await?;
    } else {
        sending.finish();
    }
    checked
}

fn check_hello(
    connection: &Connection,
    network: &NetworkId,
    now: UnixSeconds,
    request: &Request,
) -> Result<Option<Signed<Admission>>, AcceptHelloError> {
    let Request::Hello { network: named, admission } = request else {
        return Err(AcceptHelloError::NoHello(request.name()));
    };
    if named != network {
        return Err(AcceptHelloError::WrongNetwork { named: *named });
    }
    let Some(admission) = admission else {
        return Ok(None);
    };
    let admission = admission.verify(network)?;
    admission.body().admits(&connection.remote_id(), now)?;
    Ok(Some(admission))
}

/// Why a client was not let in.
#[derive(Debug, thiserror::Error)]
pub enum AcceptHelloError {
    /// No hello came in time.
    #[error("no hello within {HELLO_TIMEOUT_MS} ms")]
    Silent,
    /// Its first request was another one.
    #[error("first request is {0}, not hello")]
    NoHello(&'static str),
    /// It looks for another network.
    #[error("this node is not part of network {named}")]
    WrongNetwork {
        /// The network that the client means.
        named: NetworkId,
    },
    /// Its admission does not verify.
    #[error("admission: {0}")]
    Record(#[from] RecordError),
    /// Its admission is for somebody else, or too old.
    #[error(transparent)]
    Admission(#[from] protocol::AdmissionError),
    /// Its first stream is no request, or broke.
    #[error("hello: {0}")]
    Stream(#[from] StreamError),
}

impl From<ConnectionError> for AcceptHelloError {
    fn from(error: ConnectionError) -> Self {
        Self::Stream(error.into())
    }
}

impl AcceptHelloError {
    /// The code with which the client was refused.
    pub fn code(&self) -> Code {
        match self {
            Self::Silent => Code::Timeout,
            Self::NoHello(_) => Code::BadRequest,
            Self::WrongNetwork { .. } => Code::WrongNetwork,
            Self::Record(error) => error.code(),
            Self::Admission(error) => error.code(),
            Self::Stream(error) => error.code(),
        }
    }
}
