//! Copying one part from the node that has it to another: read, verified, sent, leased, and read back.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chunker::{Column, Manifest, Segment};
use proofs::{Root, ShardLen};
use protocol::{HeldShard, PublicKey, UnixSeconds};

use super::audit::encoded_len;
use super::{public_key, read_back, repair};
use crate::client::Client;
use crate::error::RelocateError;
use crate::options::Move;
use crate::plan::repair::WINDOW_ROWS;
use crate::plan::upload::OFFER_WITHIN;
use crate::plan::{ASK_WITHIN, READ_WITHIN};
use crate::report::Part;
use crate::wire::{Upload, WireError};

/// How long a node may take to give a copy of a manifest back.
const FETCH_BACK_WITHIN: Duration = Duration::from_secs(10);
/// A copy that is there already must be leased for so many seconds, unless less is wished for: time for its carer to renew it.
const LEASE_LEFT_MIN: u64 = 30 * 86_400;

/// See [`Client::relocate`].
pub(crate) async fn relocate(
    client: &Client,
    manifest: &Manifest,
    wish: Move<'_>,
) -> Result<(), RelocateError> {
    repair::check(client, manifest, wish.authority)
        .map_err(|error| RelocateError::Forbidden(error.to_string()))?;
    if !client.complies(wish.to, manifest.required()) {
        let census = client.census(manifest.required());
        return Err(RelocateError::Forbidden(format!("node {}: {census}", wish.to.fmt_short())));
    }
    let copy = Copy { client, manifest, wish };
    match wish.part {
        Part::Shard { segment, column } => {
            let segment = manifest.geometry().segment(segment).expect("parts are those of this manifest");
            copy.shard(segment, column).await
        }
        Part::Manifest(_) => copy.manifest().await,
    }
}

struct Copy<'a> {
    client: &'a Client,
    manifest: &'a Manifest,
    wish: Move<'a>,
}

impl Copy<'_> {
    async fn shard(&self, segment: Segment, column: Column) -> Result<(), RelocateError> {
        let (wire, throttle) = (&self.client.wire, &self.client.throttle);
        let root = self.manifest.root(segment.index(), column).expect("parts are those of this manifest");
        let len = segment.shard_len(column).expect("a stored column has a length");
        // Another carer may have been here, or this one before it was ended.
        if !self.is_there(root).await? {
            let mut upload = self.offer(len).await?;
            let rows = segment.column_rows(column);
            for first in (0..rows).step_by(WINDOW_ROWS as usize) {
                let leaves = read_back::leaves(&segment, column, first..(first + WINDOW_ROWS).min(rows));
                throttle.pass(leaves.data_len()).await;
                let read = wire.read_cells(self.wish.from, root, leaves, segment.cell_size(), READ_WITHIN);
                for cell in read.await.map_err(source)?.1.cells {
                    throttle.pass(cell.as_bytes().len() as u64).await;
                    upload.send(cell.as_bytes().clone()).await.map_err(target)?;
                }
            }
            upload.finish(root, len).await.map_err(target)?;
        }
        read_back::column(wire, throttle, &segment, column, root, self.wish.to).await.map_err(target)
    }

    /// The manifest is at hand: nobody needs to be asked for it.
    async fn manifest(&self) -> Result<(), RelocateError> {
        let root = self.manifest.cid().root();
        if !self.is_there(root).await? {
            let len = encoded_len(self.manifest);
            let mut upload = self.offer(len).await?;
            self.client.throttle.pass(len.get()).await;
            upload.send(Bytes::from(self.manifest.encode())).await.map_err(target)?;
            upload.finish(root, len).await.map_err(target)?;
        }
        self.client.throttle.pass(encoded_len(self.manifest).get()).await;
        let back = self.client.wire.fetch(self.wish.to, root, FETCH_BACK_WITHIN).await;
        back.map(drop).map_err(target)
    }

    /// Whether the node that is to have it says that it has it, under a lease of this owner that lasts. One that ends soon is
    /// prolonged by putting the part again.
    async fn is_there(&self, root: Root) -> Result<bool, RelocateError> {
        let control: PublicKey = public_key(self.manifest.control());
        let held = self.client.wire.held(self.wish.to, &[root], control, ASK_WITHIN).await;
        let (now, wished) = (SystemTime::now().into(), self.wish.authority.expires);
        Ok(held.map_err(target)?.iter().flatten().any(|held| lasts(held, wished, now)))
    }

    async fn offer(&self, len: ShardLen) -> Result<Upload, RelocateError> {
        let (to, authority) = (self.wish.to, self.wish.authority);
        let offer =
            self.client.wire.offer(to, len, authority.expires, &authority.mandate, OFFER_WITHIN).await;
        offer.map_err(target)
    }
}

fn lasts(held: &HeldShard, wished: UnixSeconds, now: UnixSeconds) -> bool {
    held.expires >= wished.min(now.plus(LEASE_LEFT_MIN))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
fn source(error: WireError) -> RelocateError {
    RelocateError::Source(error.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
fn target(error: WireError) -> RelocateError {
    RelocateError::Target(error.to_string())
}

#[cfg(test)]
mod tests {
    use protocol::{LeaseId, Sequence};

    use super::*;

    #[test]
    fn an_old_copy_counts_only_under_a_lease_that_lasts() {
        const DAY: u64 = 86_400;
        let now = UnixSeconds::new(1000 * DAY);
        let counts = |days_left: u64, wished: u64| {
            let (len, expires) = (ShardLen::new(1).unwrap(), now.plus(days_left * DAY));
            let held = HeldShard { len, expires, id: LeaseId::from_bytes([1; 16]), seq: Sequence::FIRST };
            lasts(&held, now.plus(wished * DAY), now)
        };
        assert!(counts(30, 180) && counts(5, 5) && !counts(29, 180) && !counts(0, 180) && !counts(4, 5));
    }
}
