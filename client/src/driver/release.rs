//! Ending the leases of an object: asking who has one, and telling each of them.

use std::collections::BTreeMap;
use std::time::Duration;

use chunker::Manifest;
use futures_util::{StreamExt as _, stream};
use proofs::Root;
use protocol::{Code, HeldShard, LeaseEnd, PublicKey, Release, SecretKey, Signed};

use crate::client::Client;
use crate::placement::{Ranked, segment_seed};
use crate::plan::SEARCH_BEYOND;
use crate::report::{NodeRelease, ReleaseReport};
use crate::wire::WireError;

/// Nodes that are asked and told at the same time.
const NODES_ABREAST: usize = 16;
/// How long a node may take to say what it holds.
const ASK_WITHIN: Duration = Duration::from_secs(4);

/// See [`Client::release`].
pub(crate) async fn release(client: &Client, manifest: &Manifest, control: &SecretKey) -> ReleaseReport {
    super::probe_suspects(client).await;
    let told = stream::iter(candidates(client, manifest)).map(|(node, roots)| async move {
        let mut ended = release_at(client, node, &roots, control).await;
        if matches!(&ended, Err(error) if error.code() == Some(Code::UnknownLease)) {
            // Another command of the same account has ended it in between: what is left is asked for once more.
            ended = release_at(client, node, &roots, control).await;
        }
        let said = match ended {
            Ok(ended) if ended.is_empty() => NodeRelease::HeldNothing,
            Ok(ended) => NodeRelease::Ended(ended),
            Err(error) => NodeRelease::Unconfirmed(error.to_string()),
        };
        (node, said)
    });
    let nodes = told.buffer_unordered(NODES_ABREAST).collect().await;
    ReleaseReport { cid: manifest.cid(), manifest: Box::new(manifest.clone()), nodes }
}

/// The nodes that may have a part of the object, each with what it may have; the manifest comes last.
fn candidates(client: &Client, manifest: &Manifest) -> BTreeMap<PublicKey, Vec<Root>> {
    let depth = usize::from(manifest.geometry().coding().total()) + SEARCH_BEYOND;
    let placement = client.placement_of(manifest);
    let mut nodes: BTreeMap<PublicKey, Vec<Root>> = BTreeMap::new();
    let mut add = |ranking: Vec<Ranked>, roots: &[Root]| {
        for node in ranking.into_iter().take(depth) {
            let known = nodes.entry(node.id).or_default();
            known.extend(roots.iter().filter(|root| !known.contains(root)).copied().collect::<Vec<_>>());
        }
    };
    for segment in manifest.geometry().all_segments() {
        let columns = segment.stored_columns();
        let roots: Vec<_> = columns.filter_map(|column| manifest.root(segment.index(), column)).collect();
        let seed = segment_seed(manifest.seed().as_bytes(), segment.index());
        add(placement.rank(&seed), &roots);
    }
    let copy = manifest.cid().root();
    add(placement.rank(copy.as_bytes()), &[copy]);
    nodes
}

async fn release_at(
    client: &Client,
    node: PublicKey,
    roots: &[Root],
    control: &SecretKey,
) -> Result<Vec<Signed<LeaseEnd>>, WireError> {
    let held = client.wire.held(node, roots, control.public(), ASK_WITHIN).await?;
    let mut ended = Vec::new();
    for (root, HeldShard { id, seq, .. }) in roots.iter().zip(held).filter_map(|(r, h)| Some((*r, h?))) {
        let release = Release { id, node, root, seq: seq.next() };
        let release = Signed::sign(control, &client.network(), release);
        ended.push(client.wire.release(node, &release).await?);
    }
    Ok(ended)
}
