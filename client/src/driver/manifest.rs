//! Copies of a manifest: putting them, and seeing where they are.

use bytes::Bytes;
use chunker::Coding;
use proofs::Cid;
use protocol::{Lease, Signed};

use super::placing::{Leave, Placing, Step};
use super::segment::PutContext;
use crate::client::Client;
use crate::error::PutError;
use crate::placement::Ranked;
use crate::plan::upload::{PartIndex, Parts, Spread};
use crate::report::{MissingPart, Part};
use crate::wire::{Upload, WireError, hash};

/// Puts all copies of a new manifest. Returns those that found no place.
pub(crate) async fn put(context: &PutContext, cid: Cid, bytes: &Bytes) -> Result<Vec<MissingPart>, PutError> {
    let coding = context.coding;
    let needed = needed(coding);
    let parts = Parts { count: copies(coding), needed, sources: 0, spread: Spread::Nodes, taken: Vec::new() };
    let homes = context.client.homes_of_copies(cid, &context.required);
    context.check_compliance(needed, homes.len())?;
    let placed = place(&context.client, &homes, bytes, parts, &context.leave, |_, lease| {
        context.entry.enter(lease.clone());
    });
    placed.await.map_err(|shortfall| PutError::TooFewLeases {
        what: "the manifest".to_owned(),
        leased: shortfall.placed,
        wanted: copies(coding),
        needed,
        reason: shortfall.reason,
    })
}

/// Too few copies found a place.
#[derive(Debug)]
pub(crate) struct Shortfall {
    pub(crate) placed: usize,
    pub(crate) reason: String,
}

/// Puts copies of a manifest on the first of these nodes that take one. Returns those that found no place.
pub(crate) async fn place(
    client: &Client,
    homes: &[Ranked],
    bytes: &Bytes,
    parts: Parts,
    leave: &Leave,
    mut note: impl FnMut(PartIndex, &Signed<Lease>),
) -> Result<Vec<MissingPart>, Shortfall> {
    let (_, len) = hash(bytes);
    let lens = vec![len; parts.count];
    let mut placing = Placing::new(client.wire.clone(), parts, homes, lens, leave.clone());
    loop {
        match placing.next().await {
            Step::Send(uploads) => {
                let sends = uploads
                    .into_iter()
                    .map(|(part, upload)| async move { (part, send(upload, bytes).await) });
                for (part, lease) in futures_util::future::join_all(sends).await {
                    match lease {
                        Ok(signed) => {
                            note(part, &signed);
                            placing.leased(part);
                        }
                        Err(error) => placing.broken(part, error.failure(), error.to_string()),
                    }
                }
            }
            Step::Finish(missing) => {
                let missing = missing.into_iter().map(|part| MissingPart {
                    part: Part::Manifest(number(part)),
                    reason: placing.reason(part),
                });
                return Ok(missing.collect());
            }
            Step::GiveUp { placed } => return Err(Shortfall { placed, reason: placing.any_reason() }),
        }
    }
}

/// How many copies of a manifest there should be.
pub(crate) fn copies(coding: Coding) -> usize {
    usize::from(coding.total())
}

/// How many copies a put needs at least.
pub(crate) fn needed(coding: Coding) -> usize {
    usize::from(coding.data()) + usize::from(coding.parity()).div_ceil(2)
}

fn number(part: PartIndex) -> u8 {
    u8::try_from(part.0).expect("there are at most 255 copies")
}

async fn send(mut upload: Upload, bytes: &Bytes) -> Result<Signed<Lease>, WireError> {
    upload.send(bytes.clone()).await?;
    let (root, len) = hash(bytes);
    upload.finish(root, len).await
}
