//! From a seed to picks, and the check that picks follow from a seed.

use std::collections::BTreeMap;

use proofs::{AuditedSet, AuditedShard, Challenge, Root, SetCommitment, SetPath, SetPathError, leaf_at};

use super::commitment::Draws;

/// A shard that was drawn, the way to it, and the leaves that were drawn of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Selected {
    pub(super) shard: AuditedShard,
    pub(super) path: SetPath,
    pub(super) challenge: Challenge,
}

/// What these draws from a seed select, ascending by root.
pub(super) fn select(set: &AuditedSet, seed: &[u8; 32], draws: Draws) -> Vec<Selected> {
    let mut by_root: BTreeMap<Root, (AuditedShard, SetPath, Vec<u32>)> = BTreeMap::new();
    for position in set.commitment().positions(seed, draws.get().into()) {
        let selection = set.select(position).expect("positions are below the total");
        let shard = selection.shard;
        let entry = by_root.entry(shard.root).or_insert_with(|| (shard, selection.path, Vec::new()));
        entry.2.push(selection.leaf);
    }
    by_root.into_values().map(|(shard, path, leaves)| selected(shard, path, leaves)).collect()
}

/// The same for somebody who knows of the set what was committed to, and the shards that are said to be drawn.
pub(super) fn check_selection(
    set: &SetCommitment,
    seed: &[u8; 32],
    draws: Draws,
    shards: Vec<(AuditedShard, SetPath)>,
) -> Result<Vec<Selected>, SelectionError> {
    let ranges = shards.iter().map(|(shard, path)| path.positions_of(shard, set));
    let ranges = ranges.collect::<Result<Vec<_>, _>>()?;
    let is_ascending = shards.windows(2).all(|pair| pair[0].0.root < pair[1].0.root)
        && ranges.windows(2).all(|pair| pair[0].end <= pair[1].start);
    if !is_ascending {
        return Err(SelectionError::OutOfOrder);
    }
    let mut leaves = vec![Vec::new(); shards.len()];
    for position in set.positions(seed, draws.get().into()) {
        let at = ranges.partition_point(|range| range.end <= position);
        match ranges.get(at) {
            Some(range) if range.start <= position => leaves[at].push(leaf_at(position - range.start)),
            _ => return Err(SelectionError::LeftOut { position }),
        }
    }
    if let Some(at) = leaves.iter().position(Vec::is_empty) {
        return Err(SelectionError::NotDrawn { root: shards[at].0.root });
    }
    Ok(shards.into_iter().zip(leaves).map(|((shard, path), leaves)| selected(shard, path, leaves)).collect())
}

fn selected(shard: AuditedShard, path: SetPath, mut leaves: Vec<u32>) -> Selected {
    leaves.sort_unstable();
    leaves.dedup();
    let challenge =
        Challenge::new(shard.root, shard.len, &leaves).expect("1 to 64 leaves of this shard, ascending");
    Selected { shard, path, challenge }
}

/// Why picks do not follow from a seed and a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum SelectionError {
    #[error(transparent)]
    Path(#[from] SetPathError),
    #[error("picks are not in the order of the set")]
    OutOfOrder,
    #[error("position {position} was drawn, and no pick covers it")]
    LeftOut { position: u64 },
    #[error("shard {root} was picked without being drawn")]
    NotDrawn { root: Root },
}
