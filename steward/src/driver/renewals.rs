//! Renewing leases: each node says what it keeps and until when, and prolongs what ends soon.

use std::collections::BTreeMap;

use proofs::Root;
use protocol::{HeldShard, PublicKey, Renewal, Signed, UnixSeconds};

use super::{Charge, Shared};
use crate::journal::Step;
use crate::plan::Event;

/// What became of the leases so far.
#[derive(Debug, Default)]
struct Tally {
    renewed: u32,
    failed: u32,
    ends: Option<UnixSeconds>,
    reason: Option<String>,
}

/// Prolongs until `until` what ends before `below`, of the parts that are where they should be.
pub(super) async fn renew(
    shared: &Shared,
    charge: &Charge,
    held: BTreeMap<PublicKey, Vec<Root>>,
    below: UnixSeconds,
    until: UnixSeconds,
) -> Event {
    let mut tally = Tally::default();
    for (node, roots) in held {
        match shared.client.held(node, &roots, charge.mandate.by()).await {
            Ok(shards) => {
                for (root, shard) in roots.into_iter().zip(shards) {
                    let end = look(shared, charge, node, (root, shard), below, until).await;
                    tally.enter(end);
                }
            }
            Err(reason) => roots.iter().for_each(|_| tally.enter(Err(reason.clone()))),
        }
    }
    let cid = charge.manifest.cid();
    let Tally { renewed, failed, ends, reason } = tally;
    shared.write(Step::Renewed { cid: cid.to_string(), renewed, failed, ends, reason });
    Event::Renewed { cid, ends, failed }
}

/// Looks at one lease. Returns when it ends now, and whether it was renewed.
async fn look(
    shared: &Shared,
    charge: &Charge,
    node: PublicKey,
    (root, held): (Root, Option<HeldShard>),
    below: UnixSeconds,
    until: UnixSeconds,
) -> Result<(UnixSeconds, bool), String> {
    let lease = held.ok_or_else(|| format!("node {} says it does not have it", node.fmt_short()))?;
    if lease.expires >= below || lease.expires >= until {
        return Ok((lease.expires, false));
    }
    let control = charge.mandate.by();
    let renewal = Renewal { control, expires: until, id: lease.id, node, root, seq: lease.seq.next() };
    let signed = Signed::sign(&shared.holder, &shared.client.network(), renewal);
    let renewed = shared.client.renew(node, &signed, &charge.mandate).await?;
    Ok((renewed.body().expires(), true))
}

impl Tally {
    fn enter(&mut self, end: Result<(UnixSeconds, bool), String>) {
        match end {
            Ok((ends, renewed)) => {
                self.renewed += u32::from(renewed);
                self.ends = Some(self.ends.map_or(ends, |first| first.min(ends)));
            }
            Err(reason) => {
                self.failed += 1;
                self.reason = Some(reason);
            }
        }
    }
}
