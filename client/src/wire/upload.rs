//! A shard on its way to a node: offered, sent, leased.

use std::time::Duration;

use bytes::Bytes;
use network::Exchange;
use proofs::{Root, ShardLen};
use protocol::{Lease, Mandate, PublicKey, Request, Response, Signed, UnixSeconds, Unverified};

use super::error::Wrong;
use super::{Wire, WireError, expect, in_time, wrong};

/// How long a node may take to receive what is under way, make the shard durable and sign a lease.
const LEASE_WITHIN: Duration = Duration::from_mins(1);
/// How long a node that is uploaded to may take no bytes at all.
const SEND_WITHIN: Duration = Duration::from_secs(5);

/// A shard on its way to a node. Dropped before its end, the node keeps nothing.
#[derive(Debug)]
pub(crate) struct Upload {
    exchange: Exchange,
    node: PublicKey,
    wire: Wire,
    control: PublicKey,
    expires: UnixSeconds,
}

impl Upload {
    pub(crate) fn node(&self) -> PublicKey {
        self.node
    }

    /// Sends the next bytes, as fast as the node takes them.
    pub(crate) async fn send(&mut self, bytes: Bytes) -> Result<(), WireError> {
        Ok(in_time(SEND_WITHIN, self.exchange.sending.bytes(bytes)).await??)
    }

    /// Ends the shard and waits for the lease, which must be for what was sent.
    pub(crate) async fn finish(mut self, root: Root, len: ShardLen) -> Result<Signed<Lease>, WireError> {
        self.exchange.sending.finish();
        // What is still under way has to arrive first, over whatever line there is.
        self.exchange.receiving.wait_up_to(LEASE_WITHIN);
        let response = in_time(LEASE_WITHIN, self.exchange.response()).await??;
        self.wire.heard(self.node);
        let lease =
            expect(response, |r| if let Response::Leased { lease } = r { Some(lease) } else { None })?;
        let lease = lease.verify(&self.wire.pool.network()).map_err(wrong)?;
        let body = lease.body();
        let is_right = lease.by() == self.node
            && body.root() == root
            && body.len() == len
            && body.control() == self.control
            && body.terms().expires >= self.expires;
        if is_right { Ok(lease) } else { Err(wrong(Wrong::Lease)) }
    }
}

impl Wire {
    /// Asks a node to take a shard; once it says go, the bytes may follow.
    pub(crate) async fn offer(
        &self,
        node: PublicKey,
        max_len: ShardLen,
        expires: UnixSeconds,
        mandate: &Signed<Mandate>,
        within: Duration,
    ) -> Result<Upload, WireError> {
        let request = Request::Put { max_len, expires, mandate: Unverified::from(mandate) };
        let exchange = self.paying(node, || self.offer_once(node, &request, within)).await?;
        self.heard(node);
        Ok(Upload { exchange, node, wire: self.clone(), control: mandate.by(), expires })
    }

    async fn offer_once(
        &self,
        node: PublicKey,
        request: &Request,
        within: Duration,
    ) -> Result<Exchange, WireError> {
        let all = async {
            let mut exchange = self.request(node, request).await?;
            expect(exchange.response().await?, |r| matches!(r, Response::Go).then_some(()))?;
            Ok::<_, WireError>(exchange)
        };
        in_time(within, all).await?
    }
}
