//! Whole networks: what is put comes back, whatever happens to nodes in between.

mod adversary;
mod audits;
mod compliance;
mod downloads;
mod failures;
mod gateway;
mod live;
mod live_records;
mod loss;
mod lying_gateway;
mod membership;
mod names;
mod paying;
mod publications;
mod rebalancing;
mod relay;
mod repair;
mod roundtrip;
mod site;
mod standing;
mod stewardship;
mod vouchers;

use bytes::Bytes;
use chunker::Link;
use client::{Client, Object, ReadError};
use futures_util::TryStreamExt as _;

/// The bytes of a range of an object.
async fn read(object: &Object, range: std::ops::Range<u64>) -> Result<Vec<u8>, ReadError> {
    let pieces: Vec<Bytes> = object.read(range).try_collect().await?;
    Ok(pieces.concat())
}

/// All bytes behind a link.
async fn get(client: &Client, link: &Link) -> anyhow::Result<Vec<u8>> {
    let object = client.open(link).await?;
    Ok(read(&object, 0..object.len()).await?)
}
