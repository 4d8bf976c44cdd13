//! Asking a node whom it knows, and telling it of somebody (spec §22).

use protocol::limits::NETWORK_NODES_MAX;
use protocol::{
    NetworkId, NodeRecord, PageLimit, PublicKey, RecordError, Request, Response, Signed, Unverified,
};

use crate::peer::{Peer, RequestError};

/// Some of the nodes that a node knows, verified, by ascending id.
#[derive(Debug)]
pub struct Page {
    /// Their records.
    pub records: Vec<Signed<NodeRecord>>,
    /// Whether there are further ones behind the last of these.
    pub more: bool,
}

/// Why a node's list is of no use.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It did not answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// One of its records does not verify.
    #[error("record in the list of a node: {0}")]
    Record(#[from] RecordError),
    /// Its ids do not ascend.
    #[error("list of a node is out of order at {}", .0.fmt_short())]
    Order(PublicKey),
    /// It goes on for ever.
    #[error("list of a node has more than {NETWORK_NODES_MAX} entries")]
    TooMany,
}

/// The page behind `after` in the list of a node.
pub async fn ask_page(
    peer: &Peer,
    network: &NetworkId,
    after: Option<PublicKey>,
) -> Result<Page, DirectoryError> {
    let answer = peer.ask(&Request::Members { after, limit: PageLimit::MAX }).await?;
    let Response::Members { records, more } = answer else {
        return Err(RequestError::Unexpected(answer.name()).into());
    };
    let mut last = after;
    let mut verified = Vec::with_capacity(records.len());
    for record in records.iter() {
        let record = record.verify(network)?;
        if last.is_some_and(|last| last >= record.by()) {
            return Err(DirectoryError::Order(record.by()));
        }
        last = Some(record.by());
        verified.push(record);
    }
    Ok(Page { more: more && !verified.is_empty(), records: verified })
}

/// The whole list of a node.
pub async fn ask_all(peer: &Peer, network: &NetworkId) -> Result<Vec<Signed<NodeRecord>>, DirectoryError> {
    let mut all = Vec::new();
    loop {
        let page = ask_page(peer, network, all.last().map(Signed::<NodeRecord>::by)).await?;
        all.extend(page.records);
        if all.len() > NETWORK_NODES_MAX {
            return Err(DirectoryError::TooMany);
        }
        if !page.more {
            return Ok(all);
        }
    }
}

/// Tells a node of another one, or of oneself. True when it was news to it.
pub async fn announce(peer: &Peer, record: &Signed<NodeRecord>) -> Result<bool, RequestError> {
    match peer.ask(&Request::Announce { record: Unverified::from(record) }).await? {
        Response::Announced { is_news } => Ok(is_news),
        other => Err(RequestError::Unexpected(other.name())),
    }
}
