//! Having the leases of an object hold until later: asking who has one, and renewing each that ends too early.

use std::collections::BTreeMap;

use chunker::Manifest;
use futures_util::{StreamExt as _, stream};
use proofs::Root;
use protocol::{HeldShard, PublicKey, Renewal, SecretKey, Signed, UnixSeconds};

use super::manifest::copies;
use crate::client::Client;
use crate::placement::segment_seed;
use crate::plan::{ASK_WITHIN, SEARCH_BEYOND};
use crate::report::{KeepReport, MissingPart, Part};

/// Nodes that are asked, and have their leases renewed, at the same time.
const NODES_ABREAST: usize = 16;

/// See [`Client::keep`].
pub(crate) async fn keep(
    client: &Client,
    manifest: &Manifest,
    control: &SecretKey,
    until: UnixSeconds,
) -> KeepReport {
    super::probe_suspects(client).await;
    let asked = stream::iter(candidates(client, manifest)).map(async |(node, roots)| {
        let ends = keep_at(client, node, &roots, control, until).await;
        ends.map_err(|reason| format!("node {}: {reason}", node.fmt_short()))
    });
    let mut kept = Kept::default();
    let mut answers = asked.buffer_unordered(NODES_ABREAST);
    while let Some(answer) = answers.next().await {
        kept.enter(answer);
    }
    drop(answers);
    kept.report(manifest)
}

/// The nodes that may have a part of the object, each with what it may have.
fn candidates(client: &Client, manifest: &Manifest) -> BTreeMap<PublicKey, Vec<Root>> {
    let depth = copies(manifest.geometry().coding()) + SEARCH_BEYOND;
    let mut nodes: BTreeMap<PublicKey, Vec<Root>> = BTreeMap::new();
    let placement = client.placement_of(manifest);
    let mut add = |seed: &[u8; 32], mut roots: Vec<Root>| {
        roots.sort_unstable_by_key(|root| *root.as_bytes());
        roots.dedup();
        for node in placement.rank(seed).into_iter().take(depth) {
            nodes.entry(node.id).or_default().extend(&roots);
        }
    };
    for segment in manifest.geometry().all_segments() {
        let columns = segment.stored_columns();
        let roots = columns.filter_map(|column| manifest.root(segment.index(), column)).collect();
        add(&segment_seed(manifest.seed().as_bytes(), segment.index()), roots);
    }
    let copy = manifest.cid().root();
    add(copy.as_bytes(), vec![copy]);
    nodes
}

/// What a node holds of these shards, and until when from now on; and why it would not hold one any longer.
async fn keep_at(
    client: &Client,
    node: PublicKey,
    roots: &[Root],
    control: &SecretKey,
    until: UnixSeconds,
) -> Result<Vec<(Root, UnixSeconds, Option<String>)>, String> {
    let held = client.wire.held(node, roots, control.public(), ASK_WITHIN).await;
    let held = held.map_err(|error| error.to_string())?;
    let mut ends = Vec::new();
    for (root, HeldShard { id, seq, expires, .. }) in
        roots.iter().zip(held).filter_map(|(root, held)| Some((*root, held?)))
    {
        if expires >= until {
            ends.push((root, expires, None));
            continue;
        }
        let renewal = Renewal { control: control.public(), expires: until, id, node, root, seq: seq.next() };
        let renewed = client.wire.renew(node, &Signed::sign(control, &client.network(), renewal), None).await;
        ends.push(match renewed {
            Ok(lease) => (root, lease.body().expires(), None),
            Err(error) => (root, expires, Some(error.to_string())),
        });
    }
    Ok(ends)
}

/// What the nodes said.
#[derive(Debug, Default)]
struct Kept {
    /// The ends of the leases over each shard, one for every node that holds it.
    ends: BTreeMap<[u8; 32], Vec<UnixSeconds>>,
    /// Why something is not kept as long as it should be, or it is unknown: the last that was heard.
    reason: Option<String>,
}

impl Kept {
    fn enter(&mut self, answer: Result<Vec<(Root, UnixSeconds, Option<String>)>, String>) {
        match answer {
            Ok(ends) => {
                for (root, end, reason) in ends {
                    self.ends.entry(*root.as_bytes()).or_default().push(end);
                    self.reason = reason.or(self.reason.take());
                }
            }
            Err(reason) => self.reason = Some(reason),
        }
    }

    /// Every part has the longest lease that is left for it; a node counts once for each shard.
    fn report(mut self, manifest: &Manifest) -> KeepReport {
        self.ends.values_mut().for_each(|ends| ends.sort_unstable());
        let mut report = KeepReport { cid: manifest.cid(), until: None, missing: Vec::new() };
        for (part, root) in parts(manifest) {
            if let Some(end) = self.ends.get_mut(root.as_bytes()).and_then(Vec::pop) {
                report.until = Some(report.until.map_or(end, |until| until.min(end)));
            } else {
                let reason = self.reason.clone().unwrap_or_else(|| "no node has it".to_owned());
                report.missing.push(MissingPart { part, reason });
            }
        }
        report
    }
}

/// All parts of an object.
fn parts(manifest: &Manifest) -> impl Iterator<Item = (Part, Root)> {
    let shards = manifest.geometry().all_segments().flat_map(move |segment| {
        segment.stored_columns().filter_map(move |column| {
            let part = Part::Shard { segment: segment.index(), column };
            Some((part, manifest.root(segment.index(), column)?))
        })
    });
    let copies = u8::try_from(copies(manifest.geometry().coding())).expect("there are at most 255 copies");
    shards.chain((0..copies).map(|copy| (Part::Manifest(copy), manifest.cid().root())))
}
