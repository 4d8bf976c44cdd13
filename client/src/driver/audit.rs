//! Performing an audit: challenges go out, proofs come back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use chunker::{Column, Manifest};
use proofs::{Challenge, Cid, Root, ShardLen};
use protocol::PublicKey;
use tokio::task::JoinSet;

use super::manifest::copies;
use crate::client::Client;
use crate::error::FetchError;
use crate::plan::audit::{Action, Audit, Event, Finding, PROVE_WITHIN, Verdict};
use crate::plan::{Failure, RequestId, SEARCH_BEYOND, SEARCH_NODES_MAX};
use crate::report::{AuditReport, Part, PartReport, PartState};
use crate::wire::WireError;

/// Random leaves in a challenge that has room for the last leaf too.
const LEAVES_MAX: u32 = proofs::CHALLENGE_LEAVES_MAX - 1;
/// Copies of a manifest that are challenged at the same time.
const COPIES_ABREAST: usize = 32;

/// Where parts are believed to be: these nodes are asked first.
pub(crate) type Believed = HashMap<Part, PublicKey>;

/// See [`Client::audit`].
pub(crate) async fn audit(client: &Client, cid: &Cid, leaves: u32) -> Result<AuditReport, FetchError> {
    let (manifest, bytes) = client.manifest_bytes(cid).await?;
    let len = ShardLen::new(bytes.len() as u64).expect("a manifest has 1 byte to 1 MiB");
    Ok(audit_manifest(client, &manifest, len, leaves, &Believed::new()).await)
}

/// The state of the shards of some segments.
pub(crate) async fn audit_segments(
    client: &Client,
    manifest: &Manifest,
    segments: Range<u32>,
    leaves: u32,
    believed: &Believed,
) -> Vec<PartReport> {
    super::probe_suspects(client).await;
    audit_shards(client, manifest, segments, (leaves, rand::random()), believed).await
}

/// The length of a manifest's copies.
pub(crate) fn encoded_len(manifest: &Manifest) -> ShardLen {
    ShardLen::new(manifest.encode().len() as u64).expect("a manifest has 1 byte to 1 MiB")
}

/// The state of all parts of the object with this manifest, of this encoded length.
pub(crate) async fn audit_manifest(
    client: &Client,
    manifest: &Manifest,
    len: ShardLen,
    leaves: u32,
    believed: &Believed,
) -> AuditReport {
    super::probe_suspects(client).await;
    let seed = rand::random();
    let all = 0..manifest.geometry().segments();
    let (mut parts, copies) = tokio::join!(
        audit_shards(client, manifest, all, (leaves, seed), believed),
        audit_copies(client, manifest, len, seed, believed)
    );
    parts.extend(copies);
    let (coding, required) = (manifest.geometry().coding(), manifest.required().clone());
    AuditReport { cid: manifest.cid(), coding, required, parts }
}

enum Done {
    Proof(RequestId, Result<(), WireError>),
    Told(PublicKey, u32, Option<Vec<Column>>),
}

async fn audit_shards(
    client: &Client,
    manifest: &Manifest,
    segments: Range<u32>,
    (leaves, seed): (u32, [u8; 32]),
    believed: &Believed,
) -> Vec<PartReport> {
    let wire = &client.wire;
    let (geometry, seed_of_places) = (*manifest.geometry(), manifest.seed());
    let placement = client.placement_of(manifest);
    let mut plan = Audit::of_segments(geometry, segments, seed_of_places.as_bytes(), &placement);
    for (part, node) in believed {
        if let Part::Shard { segment, column } = *part {
            plan.believe(segment, column, *node);
        }
    }
    let mut tasks = JoinSet::new();
    let mut event = Event::Begin;
    loop {
        plan.handle(wire.now(), event, &mut wire.health());
        while let Some(action) = plan.next_action() {
            match action {
                Action::Prove { request, node, segment, column, within } => {
                    let (client, challenge) =
                        (client.clone(), challenge(manifest, segment, column, seed, leaves));
                    tasks.spawn(async move {
                        Done::Proof(request, prove(&client, node, &challenge, within).await)
                    });
                }
                Action::Ask { node, segment, within } => {
                    let (wire, manifest) = (wire.clone(), manifest.clone());
                    tasks.spawn(async move {
                        let held = super::held_columns(&wire, &manifest, node, segment, within).await;
                        Done::Told(node, segment, held)
                    });
                }
                Action::Finish(findings) => {
                    let found = findings.iter();
                    return found.map(|finding| report(client, manifest, finding, leaves, seed)).collect();
                }
            }
        }
        let done = tasks.join_next().await.expect("the plan waits for an answer");
        event = match done.expect("asking does not panic and is not cancelled") {
            Done::Proof(request, Ok(())) => Event::Proved(request),
            Done::Proof(request, Err(error)) => {
                tracing::debug!(%error, "no proof");
                Event::Failed(request, error.failure())
            }
            Done::Told(node, segment, held) => Event::Told { node, segment, held },
        };
    }
}

/// Has a node prove some leaves, as soon as the rate of this client allows it.
async fn prove(
    client: &Client,
    node: PublicKey,
    challenge: &Challenge,
    within: Duration,
) -> Result<(), WireError> {
    client.throttle.pass(challenge.leaf_set().slice_len()).await;
    client.wire.prove(node, challenge, within).await.map(drop)
}

/// The copies of a manifest that nodes prove to have, as many as there should be; then the nodes that should have the rest.
pub(crate) async fn audit_copies(
    client: &Client,
    manifest: &Manifest,
    len: ShardLen,
    seed: [u8; 32],
    believed: &Believed,
) -> Vec<PartReport> {
    let root = manifest.cid().root();
    let wanted = copies(manifest.geometry().coding());
    let challenge = with_last_leaf(root, len, seed, 1);
    let ranking = keepers_of_copies(client, manifest, wanted, believed);
    let (first, beyond) = ranking.split_at(wanted.min(ranking.len()));
    let beyond = &beyond[..SEARCH_NODES_MAX.min(beyond.len())];
    let mut proved = Vec::new();
    let mut lost = VecDeque::new();
    let mut answered = 0;
    for nodes in first.chunks(COPIES_ABREAST).chain(beyond.chunks(COPIES_ABREAST)) {
        // Nodes that are gone do not count: their copies may be anywhere behind them.
        if proved.len() >= wanted || answered >= wanted + SEARCH_BEYOND {
            break;
        }
        let proofs = nodes.iter().map(|node| prove(client, *node, &challenge, PROVE_WITHIN));
        for (node, proof) in nodes.iter().zip(futures_util::future::join_all(proofs).await) {
            let state = proof.map_or_else(|error| state(error.failure()), |()| PartState::Proved);
            answered += usize::from(state != PartState::Unavailable);
            match state {
                PartState::Proved => proved.push(*node),
                other => lost.push_back((*node, other)),
            }
        }
    }
    let leaves = challenge.leaf_set().leaf_count();
    proved.truncate(wanted);
    let mut places = numbered(client, wanted, believed, proved);
    (0..wanted)
        .map(|copy| {
            let part = Part::Manifest(u8::try_from(copy).expect("there are at most 255 copies"));
            if let Some(node) = places[copy].take() {
                return PartReport { part, root, node: Some(node), state: PartState::Proved, leaves };
            }
            let (node, state) = lost.pop_front().map_or((None, PartState::Gone), |(n, s)| (Some(n), s));
            PartReport { part, root, node, state, leaves: 0 }
        })
        .collect()
}

/// Which copy each node has: the one that it is believed to have, or else the first that nobody has.
fn numbered(
    client: &Client,
    wanted: usize,
    believed: &Believed,
    mut proved: Vec<PublicKey>,
) -> Vec<Option<PublicKey>> {
    let members = client.members();
    let mut places = vec![None; wanted];
    for (part, node) in believed {
        let Part::Manifest(copy) = part else { continue };
        let node = members.resolve(node).unwrap_or(*node);
        let found = proved.iter().position(|other| *other == node);
        if let (Some(place), Some(at)) = (places.get_mut(usize::from(*copy)), found) {
            *place = Some(proved.remove(at));
        }
    }
    let mut others = proved.into_iter();
    for place in places.iter_mut().filter(|place| place.is_none()) {
        *place = others.next();
    }
    places
}

/// The nodes that may have a copy of a manifest, each once under its present identity: those that are believed to have one
/// come first, and those that take nothing new last, since a copy elsewhere is worth more.
fn keepers_of_copies(
    client: &Client,
    manifest: &Manifest,
    wanted: usize,
    believed: &Believed,
) -> Vec<PublicKey> {
    let (members, placement) = (client.members(), client.placement_of(manifest));
    let mut ranking = placement.rank(manifest.cid().root().as_bytes());
    let usual = (wanted + SEARCH_BEYOND).min(ranking.len());
    ranking[..usual].sort_by_key(|node| placement.is_closed(&node.id));
    let copies = believed.iter().filter(|(part, _)| matches!(part, Part::Manifest(_)));
    let nodes = copies.map(|(_, node)| *node).chain(ranking.into_iter().map(|node| node.id));
    let mut seen = HashSet::new();
    let now = nodes.map(|node| members.resolve(&node).unwrap_or(node));
    now.filter(|node| seen.insert(*node)).collect()
}

fn state(failure: Failure) -> PartState {
    match failure {
        Failure::NotHeld => PartState::Gone,
        Failure::Corrupt | Failure::Wrong => PartState::Damaged,
        Failure::Refused | Failure::Unreachable | Failure::Late | Failure::Slow => PartState::Unavailable,
    }
}

/// A node is named by the identity that it has today.
fn report(
    client: &Client,
    manifest: &Manifest,
    finding: &Finding,
    leaves: u32,
    seed: [u8; 32],
) -> PartReport {
    let Finding { segment, column, node, verdict } = *finding;
    let node = node.map(|node| client.members().resolve(&node).unwrap_or(node));
    let state = match verdict {
        Verdict::Proved => PartState::Proved,
        Verdict::Gone => PartState::Gone,
        Verdict::Damaged => PartState::Damaged,
        Verdict::Unavailable => PartState::Unavailable,
    };
    let challenge = challenge(manifest, segment, column, seed, leaves);
    let leaves = if state == PartState::Proved { challenge.leaf_set().leaf_count() } else { 0 };
    PartReport { part: Part::Shard { segment, column }, root: challenge.root(), node, state, leaves }
}

fn challenge(manifest: &Manifest, segment: u32, column: Column, seed: [u8; 32], leaves: u32) -> Challenge {
    let root = manifest.root(segment, column).expect("plans name stored shards");
    let shard = manifest.geometry().segment(segment).and_then(|segment| segment.shard_len(column));
    with_last_leaf(root, shard.expect("plans name stored shards"), seed, leaves)
}

/// Leaves drawn from a seed, and the last one, which proves the length.
fn with_last_leaf(root: Root, len: ShardLen, seed: [u8; 32], leaves: u32) -> Challenge {
    let drawn = Challenge::draw(root, len, seed, leaves.clamp(1, LEAVES_MAX)).expect("1 to 63 leaves");
    let mut leaves: Vec<u32> = drawn.leaves().collect();
    if leaves.last() != Some(&(len.leaves() - 1)) {
        leaves.push(len.leaves() - 1);
    }
    Challenge::new(root, len, &leaves).expect("ascending leaves of this shard, at most 64")
}
