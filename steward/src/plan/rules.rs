//! The numbers that a steward goes by, with their units.

/// How a steward decides. All times in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Every node that has something is audited so often …
    pub node_audit_every: u64,
    /// … and one that is offline so often, until it is back.
    pub offline_look_every: u64,
    /// Leaves that a node proves each time, 1 to 64 …
    pub node_draws: u8,
    /// … drawn from so many of its parts at most.
    pub node_set: usize,
    /// Every part of every object proves a leaf, and its last one, so often.
    pub object_audit_every: u64,
    /// After a node has lost or spoilt something, all objects with parts there are looked at within this time.
    pub look_around_within: u64,
    /// How long a node may be offline before what it has counts as lost.
    pub grace: u64,
    /// A unit above its threshold is made whole when a loss is so old.
    pub tidy_after: u64,
    /// A proof that takes longer makes a node slow, in milliseconds.
    pub slow_after_ms: u64,
    /// Leases are renewed when they end within this time …
    pub renew_before: u64,
    /// … for so long, if the mandate lasts.
    pub lease_term: u64,
    /// What failed is tried again after this time, doubling …
    pub retry_min: u64,
    /// … up to this.
    pub retry_max: u64,
    /// How long a repair is claimed at a time, before the claim is prolonged.
    pub claim: u16,
    /// Without enough voters for a claim, stewards wait for their turn, each as long as its key says, at most this.
    pub turn_within: u64,
    /// Parts that are moved at the same time …
    pub moves_abreast: usize,
    /// … and how long after one move has begun the next one may, so that moving never takes a network over.
    pub move_every: u64,
    /// After nodes have joined or changed, the places of all objects that it concerns are looked at within this time …
    pub places_within: u64,
    /// … and objects are gone through for such news so often at most.
    pub survey_every: u64,
    /// A node that has changed its mind (it leaves or stays, has other tags, another failure domain or capacity) is given
    /// nothing that could as well stay where it is before it has been steady for so long, doubling with each change …
    pub settle: u64,
    /// … up to this, after which its changes are forgotten.
    pub settle_max: u64,
    /// Object audits under way at the same time.
    pub object_audits_abreast: usize,
    /// Node audits under way at the same time.
    pub node_audits_abreast: usize,
    /// Repairs under way at the same time.
    pub repairs_abreast: usize,
    /// Objects whose leases are renewed at the same time.
    pub renewals_abreast: usize,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Default for Rules {
    fn default() -> Self {
        Self {
            node_audit_every: HOUR,
            offline_look_every: 5 * MINUTE,
            node_draws: 8,
            node_set: 10_000,
            object_audit_every: 30 * DAY,
            look_around_within: 6 * HOUR,
            grace: 4 * HOUR,
            tidy_after: 30 * DAY,
            slow_after_ms: 2000,
            renew_before: 60 * DAY,
            lease_term: 180 * DAY,
            retry_min: MINUTE,
            retry_max: 6 * HOUR,
            claim: 120,
            turn_within: 10 * MINUTE,
            moves_abreast: 1,
            move_every: 10,
            places_within: 6 * HOUR,
            survey_every: 10 * MINUTE,
            settle: DAY,
            settle_max: 30 * DAY,
            object_audits_abreast: 4,
            node_audits_abreast: 16,
            repairs_abreast: 2,
            renewals_abreast: 4,
        }
    }
}

impl Rules {
    /// How long to wait after so many failures in a row.
    pub fn backoff(&self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1).min(32);
        self.retry_min.saturating_mul(1 << doublings).clamp(1, self.retry_max.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_its_bound() {
        let rules = Rules::default();
        let waits: Vec<_> = [1, 2, 3, 9, 10, 99].map(|failures| rules.backoff(failures)).into();
        assert_eq!(waits, [60, 120, 240, 15_360, 21_600, 21_600]);
    }
}
