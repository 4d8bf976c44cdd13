//! A shard that is sent to a node, to its signed lease.

use std::time::Duration;

use bytes::Bytes;
use network::Exchange;
use proofs::{Root, ShardLen};
use protocol::{Lease, PublicKey, Response, Signed, UnixSeconds};

use super::error::{WireError, Wrong};
use super::{Wire, expect, in_time, wrong};

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
    /// A shard that the node has said it will take.
    pub(super) fn begin(
        wire: Wire,
        node: PublicKey,
        exchange: Exchange,
        control: PublicKey,
        expires: UnixSeconds,
    ) -> Self {
        Self { exchange, node, wire, control, expires }
    }

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
