//! Performing what the plans decide: the only part of the client that waits.

pub(crate) mod audit;
pub(crate) mod cells;
pub(crate) mod fetch;
mod fetching;
pub(crate) mod keep;
mod ledger;
pub(crate) mod manifest;
pub(crate) mod meeting;
pub(crate) mod members;
pub(crate) mod node_audit;
mod placing;
pub(crate) mod pointers;
pub(crate) mod put;
pub(crate) mod put_sealed;
mod read_back;
mod rebuild;
pub(crate) mod release;
pub(crate) mod relocate;
pub(crate) mod repair;
pub(crate) mod sealed;
mod segment;

use std::time::Duration;

use chunker::{Column, ControlKey, Manifest};
use protocol::PublicKey;

use crate::client::Client;
use crate::health::Standing;
use crate::wire::Wire;

/// The columns of a segment that a node says it holds; `None` when it does not say.
async fn held_columns(
    wire: &Wire,
    manifest: &Manifest,
    node: PublicKey,
    segment: u32,
    within: Duration,
) -> Option<Vec<Column>> {
    let columns: Vec<_> = manifest.geometry().segment(segment)?.stored_columns().collect();
    let roots: Vec<_> = columns.iter().filter_map(|column| manifest.root(segment, *column)).collect();
    let held = wire.held(node, &roots, public_key(manifest.control()), within).await;
    match held {
        Ok(held) => {
            Some(columns.into_iter().zip(held).filter_map(|(column, held)| held.map(|_| column)).collect())
        }
        Err(error) => {
            tracing::debug!(node = %node.fmt_short(), %error, "node does not say what it holds");
            None
        }
    }
}

/// Asks nodes that were silent for a sign of life, so that they are not passed over, or asked over a dead connection,
/// after they have come back. Takes two seconds at most.
async fn probe_suspects(client: &Client) {
    let now = client.wire.now();
    let members = client.members();
    let nodes = members.iter().map(protocol::Signed::by);
    let suspects: Vec<_> = {
        let health = client.wire.health();
        nodes.filter(|node| health.standing(*node, now) == Standing::Suspect).collect()
    };
    futures_util::future::join_all(suspects.into_iter().map(|node| client.wire.probe(node))).await;
}

/// The control key of a manifest as a key that can verify.
fn public_key(control: ControlKey) -> PublicKey {
    PublicKey::from_bytes(control.as_bytes()).expect("a control key is a curve point")
}
