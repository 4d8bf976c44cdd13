//! Budget: somebody pays for what viewers watch, up to a sum.

use std::fmt;

use proofs::Cid;
use protocol::{Amount, BoundedList, Epoch, PublicKey, Record, UnixSeconds, keys};
use serde::{Deserialize, Serialize};

use crate::PaymentId;

/// Sets a sum aside for one epoch: a subscription of one viewer, or a pool of a sponsor; signed by who pays (spec §11, §25).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The sum.
    pub amount: Amount,
    /// The only title that it pays for, whatever the version of its agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Cid>,
    /// The most that the charges of one viewer count for.
    pub each: Amount,
    /// For which epoch.
    pub epoch: Epoch,
    /// Its name among the payer's.
    pub id: PaymentId,
    /// When it was said.
    pub issued: UnixSeconds,
    /// The only viewers that it pays for: keys are free to make, so nobody pays for whoever comes.
    pub viewers: Viewers,
    /// Whether all of it is paid out as soon as there is any charge, in proportion to these.
    pub whole: bool,
}

/// Most viewers of one budget: a record has room for them.
pub const BUDGET_VIEWERS_MAX: usize = 64;

/// Whom a budget pays for: 1 to [`BUDGET_VIEWERS_MAX`] keys, ascending, each once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "BoundedList<Key, BUDGET_VIEWERS_MAX>", into = "BoundedList<Key, BUDGET_VIEWERS_MAX>")]
pub struct Viewers(Vec<PublicKey>);

/// No budget is for these.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{len} viewers of a budget: 1 to {BUDGET_VIEWERS_MAX} are allowed, ascending, each once")]
pub struct ViewersError {
    len: usize,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Key(#[serde(with = "keys")] PublicKey);

impl Viewers {
    /// These keys, in whatever order.
    pub fn new(mut keys: Vec<PublicKey>) -> Result<Self, ViewersError> {
        keys.sort_unstable();
        Self::ascending(keys)
    }

    fn ascending(keys: Vec<PublicKey>) -> Result<Self, ViewersError> {
        let len = keys.len();
        let is_sound = (1..=BUDGET_VIEWERS_MAX).contains(&len) && keys.is_sorted_by(|one, other| one < other);
        if is_sound { Ok(Self(keys)) } else { Err(ViewersError { len }) }
    }

    /// True when the key is one of them.
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.0.binary_search(key).is_ok()
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

impl TryFrom<BoundedList<Key, BUDGET_VIEWERS_MAX>> for Viewers {
    type Error = ViewersError;

    fn try_from(keys: BoundedList<Key, BUDGET_VIEWERS_MAX>) -> Result<Self, ViewersError> {
        Self::ascending(keys.iter().map(|key| key.0).collect())
    }
}

impl From<Viewers> for BoundedList<Key, BUDGET_VIEWERS_MAX> {
    fn from(viewers: Viewers) -> Self {
        Self::new(viewers.0.into_iter().map(Key).collect()).expect("no more than a budget has")
    }
}

impl Record for Budget {
    const TYPE: &'static str = "budget";
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "amount      {}", self.amount)?;
        if let Some(content) = &self.content {
            writeln!(f, "title       {content}")?;
        }
        writeln!(f, "each viewer {}", self.each)?;
        writeln!(f, "epoch       {}", self.epoch)?;
        writeln!(f, "id          {}", self.id)?;
        for viewer in &self.viewers.0 {
            writeln!(f, "viewer      {viewer}")?;
        }
        writeln!(f, "issued      {}", self.issued)?;
        write!(f, "all of it   {}", if self.whole { "yes" } else { "no" })
    }
}
