//! Requests that change nothing.

use std::sync::PoisonError;
use std::time::Instant;

use bytes::Bytes;
use network::Sending;
use proofs::{LeafSet, Root};
use protocol::limits::{POINTER_SLOTS_MAX, STAT_ROOTS_MAX};
use protocol::{
    BoundedList, Code, HeldShard, LeaseTerms, NodeStatus, PublicKey, Refusal, Response, Unverified,
    VersionText, WholeLen,
};

use super::{Caller, Service, Unanswered};
use crate::download;
use crate::egress::WAIT_MAX;
use crate::pay::Toll;
use crate::rows::LeaseKey;
use crate::store::{Store, StoreError};

/// The program's version, as `Status` names it.
const VERSION: &str = concat!("headwater/", env!("CARGO_PKG_VERSION"));

impl Service {
    /// Sends a slice, and counts it where reads are sold.
    pub(super) async fn send_slice(
        &self,
        caller: Caller,
        sending: &mut Sending,
        mut toll: Option<Toll<'_>>,
        root: Root,
        leaves: LeafSet,
    ) -> Result<(), Unanswered> {
        let count = |bytes| {
            if let Some(toll) = &mut toll {
                toll.sent(bytes);
            }
        };
        self.send_leaves(caller, sending, (&Response::Slice, count), root, leaves).await
    }

    /// Sends the slice of challenged leaves, which is free.
    pub(super) async fn send_proof(
        &self,
        caller: Caller,
        sending: &mut Sending,
        root: Root,
        leaves: LeafSet,
    ) -> Result<(), Unanswered> {
        self.send_leaves(caller, sending, (&Response::Proof, |_| {}), root, leaves).await
    }

    /// `count` is told of all bytes that are sent behind the header.
    async fn send_leaves(
        &self,
        caller: Caller,
        sending: &mut Sending,
        (header, mut count): (&Response, impl FnMut(u64) + Send),
        root: Root,
        leaves: LeafSet,
    ) -> Result<(), Unanswered> {
        self.may_send(leaves.slice_len())?;
        let _turn = self.turns.read(caller).await?;
        let mut pieces = download::slice(self.store.clone(), root, leaves);
        // A shard that is missing or rotten from its beginning is refused properly; later the stream is reset.
        let first = pieces.recv().await.ok_or_else(failed)??;
        sending.header(header).await?;
        count(first.len() as u64);
        self.send(sending, first).await?;
        while let Some(piece) = pieces.recv().await {
            match piece {
                Ok(piece) => {
                    count(piece.len() as u64);
                    self.send(sending, piece).await?;
                }
                Err(refusal) => return Err(Unanswered::Reset(refusal.code())),
            }
        }
        Ok(())
    }

    pub(super) async fn send_whole(
        &self,
        caller: Caller,
        sending: &mut Sending,
        root: Root,
    ) -> Result<(), Unanswered> {
        let _turn = self.turns.read(caller).await?;
        let bytes = self.ask(move |store| Ok(download::whole(store, root))).await??;
        self.may_send(bytes.len() as u64)?;
        let mut toll = self.toll(caller, bytes.len() as u64).await?;
        let len = WholeLen::new(bytes.len() as u64).expect("a shard of at most 1 MiB");
        sending.header(&Response::Whole { len }).await?;
        if let Some(toll) = &mut toll {
            toll.sent(len.get());
        }
        Ok(self.send(sending, bytes).await?)
    }

    /// Refuses when the month's sum does not allow it, or the rate not within a few seconds.
    pub(super) fn may_send(&self, bytes: u64) -> Result<(), Refusal> {
        let mut month = self.egress.month.lock().unwrap_or_else(PoisonError::into_inner);
        if !month.allows(bytes, self.egress.monthly_cap, self.clock.now()) {
            return Err(Refusal::new(Code::Egress, "the node's traffic of this month is used up"));
        }
        drop(month);
        if let Some(bucket) = &self.egress.bucket {
            let wait = bucket.lock().unwrap_or_else(PoisonError::into_inner).wait_at(Instant::now());
            if wait > WAIT_MAX {
                return Err(Refusal::new(Code::Egress, "the node sends as much as it may"));
            }
        }
        Ok(())
    }

    pub(super) async fn send(&self, sending: &mut Sending, bytes: Bytes) -> Result<(), network::StreamError> {
        let len = bytes.len() as u64;
        if let Some(bucket) = &self.egress.bucket {
            let wait = bucket.lock().unwrap_or_else(PoisonError::into_inner).take(len, Instant::now());
            tokio::time::sleep(wait).await;
        }
        sending.bytes(bytes).await?;
        self.counts.sent.add(len);
        let mut month = self.egress.month.lock().unwrap_or_else(PoisonError::into_inner);
        month.add(len, self.clock.now());
        Ok(())
    }

    pub(super) async fn stat(&self, roots: Vec<Root>, control: PublicKey) -> Result<Response, Refusal> {
        let held = move |store: &Store| -> Result<Vec<_>, StoreError> {
            roots.iter().map(|root| held_shard(store, root, control)).collect()
        };
        let shards = self.ask(held).await?;
        let shards: BoundedList<_, STAT_ROOTS_MAX> =
            BoundedList::new(shards).expect("one item for each root of a bounded list");
        Ok(Response::Held { shards })
    }

    pub(super) async fn pointers(&self, owner: PublicKey) -> Result<Response, Refusal> {
        let records = self.ask(move |store| store.pointers(&owner)).await?;
        let unreadable = |_| Refusal::new(Code::Internal, "a pointer cannot be read");
        let records: Vec<_> = records
            .into_iter()
            .map(|bytes| Unverified::from_bytes(bytes).map_err(unreadable))
            .collect::<Result<_, _>>()?;
        let records: BoundedList<_, POINTER_SLOTS_MAX> =
            BoundedList::new(records).expect("no signer gets more slots");
        Ok(Response::Pointers { records })
    }

    pub(super) async fn status(&self) -> Result<Response, Refusal> {
        let shards = self.ask(Store::shard_count).await?;
        Ok(Response::Status(NodeStatus {
            shards,
            stored: self.store.stored(),
            capacity: self.capacity,
            version: VersionText::new(VERSION).expect("a short name"),
            verdicts: self.verdicts.newest(),
        }))
    }
}

fn held_shard(store: &Store, root: &Root, control: PublicKey) -> Result<Option<HeldShard>, StoreError> {
    if store.row(root)?.is_none_or(|row| !row.is_sound()) {
        return Ok(None);
    }
    let lease = store.lease(&LeaseKey { root: *root, control })?;
    Ok(lease.map(|row| {
        let LeaseTerms { len, expires, id, seq, .. } = *row.lease.terms();
        HeldShard { len, expires, id, seq }
    }))
}

fn failed() -> Refusal {
    Refusal::new(Code::Internal, "the shard could not be read")
}
