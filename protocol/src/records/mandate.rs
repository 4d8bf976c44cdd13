//! Mandate: the care capability, to put and renew under a control key at one's own expense.

use std::fmt;

use iroh_base::PublicKey;
use proofs::{Cid, ShardLen};
use serde::{Deserialize, Serialize};

use crate::limits::{LEASE_CHARGED_MIN_S, LEASE_OVERHEAD_LEN};
use crate::{Code, Record, UnixSeconds, keys};

/// Lets its holder put and renew under the control key that signed it; never release (spec §11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mandate {
    /// The most that may be stored under it at any one node.
    pub byte_hours: ByteHours,
    /// When it ends.
    pub expires: UnixSeconds,
    /// Who may use it, and pays.
    #[serde(with = "keys")]
    pub holder: PublicKey,
    /// The object that it is about, for the holder; a node cannot tell which object a shard belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Cid>,
}

impl Record for Mandate {
    const TYPE: &'static str = "mandate";
}

impl Mandate {
    /// Checks that `holder` may, at `now`, have used `byte_hours` at one node in all, what it asks for included.
    pub fn covers(
        &self,
        holder: &PublicKey,
        now: UnixSeconds,
        byte_hours: ByteHours,
    ) -> Result<(), MandateError> {
        if self.holder != *holder {
            return Err(MandateError::OtherHolder { named: self.holder, presented_by: *holder });
        }
        if self.expires.has_passed(now) {
            return Err(MandateError::Expired { expires: self.expires });
        }
        if byte_hours > self.byte_hours {
            return Err(MandateError::Spent { allowed: self.byte_hours, needed: byte_hours });
        }
        Ok(())
    }
}

/// Bytes stored, times hours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteHours(u64);

impl ByteHours {
    /// This many byte-hours.
    pub const fn new(byte_hours: u64) -> Self {
        Self(byte_hours)
    }

    /// What a lease over a shard of this length costs for so many seconds more, rounded up: what a node keeps beside the
    /// shard counts too, and nothing is charged for less than a day, unless for no time at all (spec §11).
    pub fn of_lease(len: ShardLen, seconds: u64) -> Self {
        let seconds = if seconds == 0 { 0 } else { seconds.max(LEASE_CHARGED_MIN_S) };
        let byte_seconds = u128::from(len.get() + LEASE_OVERHEAD_LEN) * u128::from(seconds);
        Self(u64::try_from(byte_seconds.div_ceil(3600)).unwrap_or(u64::MAX))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum; stays at the highest representable number.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for ByteHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} byte-hours", self.0)
    }
}

/// Why a mandate does not cover what is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum MandateError {
    #[error("mandate of {named} presented by {presented_by}")]
    OtherHolder { named: PublicKey, presented_by: PublicKey },
    #[error("mandate expired at {expires}")]
    Expired { expires: UnixSeconds },
    #[error("mandate over {allowed}, {needed} are needed")]
    Spent { allowed: ByteHours, needed: ByteHours },
}

impl MandateError {
    /// The code with which a node refuses.
    pub const fn code(&self) -> Code {
        match self {
            Self::OtherHolder { .. } => Code::NotAdmitted,
            Self::Expired { .. } => Code::Expired,
            Self::Spent { .. } => Code::MandateSpent,
        }
    }
}

impl fmt::Display for Mandate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "holder      {}", self.holder)?;
        if let Some(object) = &self.object {
            writeln!(f, "object      {object}")?;
        }
        writeln!(f, "may spend   {} at any one node", self.byte_hours)?;
        write!(f, "expires     {}", self.expires)
    }
}

#[cfg(test)]
mod tests {
    use iroh_base::SecretKey;

    use super::*;

    #[test]
    fn byte_hours_are_rounded_up_and_those_of_a_day_at_least() {
        let len = ShardLen::new(1).unwrap();
        let day = 1025 * 24;
        let cases = [(0, 0), (1, day), (86_400, day), (86_401, day + 1), (90_000, day + 1025)];
        for (seconds, byte_hours) in cases {
            assert_eq!(ByteHours::of_lease(len, seconds), ByteHours::new(byte_hours), "{seconds} s");
        }
        let longest = ShardLen::new(proofs::SHARD_LEN_MAX).unwrap();
        assert_eq!(ByteHours::of_lease(longest, u64::MAX).get(), u64::MAX);
    }

    #[test]
    fn a_mandate_covers_its_holder_until_its_end_up_to_its_sum() {
        let [holder, other] = [1, 2].map(|seed| SecretKey::from_bytes(&[seed; 32]).public());
        let (expires, allowed) = (UnixSeconds::new(100), ByteHours::new(50));
        let mandate = Mandate { byte_hours: allowed, expires, holder, object: None };
        let now = UnixSeconds::new(99);
        assert_eq!(mandate.covers(&holder, now, allowed), Ok(()));
        assert_eq!(mandate.covers(&other, now, allowed).unwrap_err().code(), Code::NotAdmitted);
        assert_eq!(mandate.covers(&holder, expires, allowed), Err(MandateError::Expired { expires }));
        let needed = ByteHours::new(51);
        assert_eq!(mandate.covers(&holder, now, needed), Err(MandateError::Spent { allowed, needed }));
    }
}
