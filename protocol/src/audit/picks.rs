//! What a node is asked for in one audit.

use proofs::{Challenge, ChallengeError, Root, ShardLen};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::AUDIT_DRAWS_MAX;
use crate::{BoundedList, Digest};

/// Challenges of 1 to 64 leaves in all, of different shards, ascending by root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditPicks(Vec<Challenge>);

impl AuditPicks {
    /// The picks of these challenges.
    pub fn new(picks: Vec<Challenge>) -> Result<Self, AuditPicksError> {
        if let Some(pair) = picks.windows(2).find(|pair| pair[0].root() >= pair[1].root()) {
            return Err(AuditPicksError::OutOfOrder { root: pair[1].root() });
        }
        let leaves = picks.iter().map(|pick| pick.leaf_set().leaf_count() as usize).sum();
        if leaves == 0 || leaves > AUDIT_DRAWS_MAX {
            return Err(AuditPicksError::Leaves { leaves });
        }
        Ok(Self(picks))
    }

    /// The challenges.
    pub fn challenges(&self) -> &[Challenge] {
        &self.0
    }

    /// Bytes of all slices together.
    pub fn slices_len(&self) -> u64 {
        self.0.iter().map(|pick| pick.leaf_set().slice_len()).sum()
    }

    /// What an answer refers to: the hash of `root ‖ u64le(len) ‖ u32le(number of leaves) ‖ u32le(leaf)…` of all picks.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::new();
        for pick in &self.0 {
            bytes.extend_from_slice(pick.root().as_bytes());
            bytes.extend_from_slice(&pick.leaf_set().len().get().to_le_bytes());
            bytes.extend_from_slice(&pick.leaf_set().leaf_count().to_le_bytes());
            pick.leaves().for_each(|leaf| bytes.extend_from_slice(&leaf.to_le_bytes()));
        }
        Digest::derive("headwater v1 audit picks", &bytes)
    }
}

/// Why challenges are no picks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum AuditPicksError {
    #[error("pick of {root} is not greater than the pick before it")]
    OutOfOrder { root: Root },
    #[error("picks of {leaves} leaves, 1 to {AUDIT_DRAWS_MAX} are allowed")]
    Leaves { leaves: usize },
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
}

/// `root, len, leaves` of each on the wire.
type Fields = BoundedList<(Root, ShardLen, BoundedList<u32, AUDIT_DRAWS_MAX>), AUDIT_DRAWS_MAX>;

impl Serialize for AuditPicks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bounded = "picks and leaves are at most as many as were drawn";
        let fields = self.0.iter().map(|pick| {
            let leaves = BoundedList::new(pick.leaves().collect()).expect(bounded);
            (pick.root(), pick.leaf_set().len(), leaves)
        });
        Fields::new(fields.collect()).expect(bounded).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AuditPicks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Fields::deserialize(deserializer)?;
        let picks = fields.iter().map(|(root, len, leaves)| Challenge::new(*root, *len, leaves));
        let picks = picks.collect::<Result<_, _>>().map_err(AuditPicksError::from);
        picks.and_then(Self::new).map_err(de::Error::custom)
    }
}
