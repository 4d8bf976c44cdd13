//! What follows from what was found.

use std::collections::BTreeSet;

use client::placement::score;
use proofs::Cid;
use protocol::{PublicKey, UnixSeconds};

use super::{Action, Event, Fault, Finding, Found, Object, PartCare, Place, Plan, RepairEnd};

impl Plan {
    pub(super) fn digest(&mut self, now: UnixSeconds, event: Event) {
        match event {
            Event::Wake => {}
            Event::Added(cid, object) => self.added(cid, *object, now),
            Event::Removed(cid) => self.let_go(cid),
            Event::ObjectAudited(cid, findings) => self.object_audited(cid, &findings, now),
            Event::NodeAudited { node, found, slowest_ms } => {
                self.node_audited(node, &found, slowest_ms, now);
            }
            Event::Repaired(cid, unit, end) => self.repaired(cid, unit, end, now),
            Event::Nodes(nodes) => self.learn_nodes(*nodes, now),
            Event::Moved { cid, unit, refused, end } => self.moved(cid, unit, &refused, end, now),
            Event::Renewed { cid, ends, failed } => self.renewed(cid, ends, failed, now),
        }
    }

    /// An object that is known keeps what is known of it, under its new terms.
    fn added(&mut self, cid: Cid, object: Object, now: UnixSeconds) {
        let Some(known) = self.objects.get_mut(&cid) else { return self.take_in(cid, object, now) };
        known.mandate_ends = object.mandate_ends;
        known.keep_until = object.keep_until;
        known.tags = object.tags;
        (known.seed, known.required) = (object.seed, object.required);
        if !self.renewing.contains(&cid) {
            self.renewals.set(cid, Some(now));
        }
        self.reconsider(cid, now);
    }

    fn object_audited(&mut self, cid: Cid, findings: &[Finding], now: UnixSeconds) {
        self.auditing.remove(&cid);
        // Nothing at all is found only when nobody could look.
        let every = if findings.is_empty() { self.rules.retry_min } else { self.rules.object_audit_every };
        let next = now.plus(self.dice.around(every));
        let Some(object) = self.objects.get_mut(&cid) else { return };
        object.next_audit = next;
        let is_first = object.leases.next.is_none();
        self.audits.set(cid, Some(next));
        self.take_findings(cid, findings, now);
        self.look_at_places(cid, now);
        if is_first {
            self.look_at_leases(cid, Some(now));
        }
        self.reconsider(cid, now);
    }

    fn node_audited(&mut self, node: PublicKey, found: &[(Place, Found)], slowest_ms: u64, now: UnixSeconds) {
        self.auditing_nodes.remove(&node);
        let is_silent = !found.is_empty() && found.iter().all(|(_, found)| *found == Found::Offline);
        if is_silent {
            self.node_is_silent(node, now);
        } else if !found.is_empty() {
            self.node_answers(node, now);
            if slowest_ms > self.rules.slow_after_ms {
                self.fault(node, Fault::Slow, now);
            }
            self.take_node_findings(node, found, now);
        }
        let every = if is_silent { self.rules.offline_look_every } else { self.rules.node_audit_every };
        let next = now.plus(self.dice.around(every));
        self.node_changed(node).next_audit = Some(next);
        self.node_audits.set(node, Some(next));
    }

    fn take_node_findings(&mut self, node: PublicKey, found: &[(Place, Found)], now: UnixSeconds) {
        let mut touched = BTreeSet::new();
        let mut has_lost = false;
        for (place, found) in found.iter().filter(|(_, found)| *found != Found::Offline) {
            let finding = Finding { unit: place.unit, part: place.part, node: Some(node), found: *found };
            // What was asked for may have moved while the answer was under way.
            if self.holder_of(place) != Some(node) {
                continue;
            }
            let was = self.found(place);
            self.take_findings(place.cid, &[finding], now);
            self.object_changed(place.cid);
            if self.found(place) != was {
                touched.insert(place.cid);
                // What is known to be lost is no news: whoever looks around for it each time looks without end.
                has_lost |= *found != Found::Proved;
            }
        }
        for cid in touched {
            self.reconsider(cid, now);
        }
        if has_lost {
            self.look_around(node, now);
        }
    }

    /// A node that has lost or spoilt one thing may have lost or spoilt others: everything there is looked at soon.
    fn look_around(&mut self, node: PublicKey, now: UnixSeconds) {
        let objects = self.holdings.objects(&node);
        // One small object is looked at at once, many are spread over the time there is.
        let within = self.rules.look_around_within.min(60 * objects.len() as u64);
        for cid in objects {
            let soon = now.plus(self.dice.below(within.max(1)));
            if self.audits.at(&cid).is_some_and(|planned| planned > soon) {
                self.audits.set(cid, Some(soon));
            }
        }
    }

    fn node_is_silent(&mut self, node: PublicKey, now: UnixSeconds) {
        self.fault(node, Fault::Offline, now);
        let care = self.node_changed(node);
        if care.offline_since.is_none() {
            care.offline_since = Some(now);
            self.reconsider_all_at(node, now);
        }
    }

    fn node_answers(&mut self, node: PublicKey, now: UnixSeconds) {
        let care = self.node_changed(node);
        care.proved = Some(now);
        if care.offline_since.take().is_some() {
            self.actions.push_back(Action::NoteReturn(node));
            self.reconsider_all_at(node, now);
            self.look_around(node, now);
        }
    }

    fn reconsider_all_at(&mut self, node: PublicKey, now: UnixSeconds) {
        let objects = self.holdings.objects(&node);
        for cid in objects {
            self.reconsider(cid, now);
        }
    }

    fn fault(&mut self, node: PublicKey, fault: Fault, now: UnixSeconds) {
        self.node_changed(node).score.add(fault, now);
        self.actions.push_back(Action::NoteFault(node, fault));
    }

    fn part(&self, place: &Place) -> Option<&PartCare> {
        self.objects.get(&place.cid)?.units.get(place.unit as usize)?.parts.get(usize::from(place.part))
    }

    fn found(&self, place: &Place) -> Option<Found> {
        self.part(place).map(|care| care.found)
    }

    fn holder_of(&self, place: &Place) -> Option<PublicKey> {
        self.part(place)?.node
    }

    /// Enters what was found of some parts of an object; each kind of fault counts once for each node.
    pub(super) fn take_findings(&mut self, cid: Cid, findings: &[Finding], now: UnixSeconds) {
        let mut faults = BTreeSet::new();
        for finding in &self.with_copies_in_place(cid, findings) {
            let Some((was_at, was_expected)) = self.enter(cid, finding, now) else { continue };
            match finding.found {
                Found::Missing if was_expected => faults.extend(was_at.map(|node| (node, Fault::Missing))),
                Found::Corrupt => faults.extend(finding.node.map(|node| (node, Fault::Corrupt))),
                _ => {}
            }
        }
        for (node, fault) in faults {
            self.fault(node, fault, now);
        }
        for unit in findings.iter().map(|finding| finding.unit).collect::<BTreeSet<_>>() {
            self.expect_one_part_of_each(cid, unit);
        }
    }

    /// A node that has proved a part of a unit is asked for no other one of it: shards of a small segment may be alike,
    /// and the one that is there would prove the one that is lost as well.
    fn expect_one_part_of_each(&mut self, cid: Cid, unit: u32) {
        let Some(care) = self.objects.get_mut(&cid).and_then(|o| o.units.get_mut(unit as usize)) else {
            return;
        };
        let is_proved = |part: &PartCare| part.found == Found::Proved;
        let proved: BTreeSet<_> =
            care.parts.iter().filter(|part| is_proved(part)).filter_map(|part| part.node).collect();
        let mut freed = Vec::new();
        for (part, care) in (0..).zip(&mut care.parts).filter(|(_, part)| !is_proved(part)) {
            if let Some(node) = care.node.take_if(|node| proved.contains(node)) {
                freed.push((node, Place { cid, unit, part }));
            }
        }
        for (node, place) in freed {
            self.unhold(node, &place);
        }
    }

    /// Copies of a manifest are alike, and a report numbers them as they were found. Those at nodes that had one keep
    /// their number, so that nobody is blamed for what another one has lost.
    fn with_copies_in_place(&self, cid: Cid, findings: &[Finding]) -> Vec<Finding> {
        let Some(object) = self.objects.get(&cid) else { return Vec::new() };
        let copies = object.copies();
        let (mut of_copies, mut placed): (Vec<_>, Vec<_>) =
            findings.iter().copied().partition(|finding| finding.unit == copies);
        let Some(unit) = object.units.last().filter(|unit| unit.parts.len() == of_copies.len()) else {
            return findings.to_vec();
        };
        let mut free = Vec::new();
        for (part, care) in (0..).zip(&unit.parts) {
            let known = of_copies.iter().position(|finding| care.node.is_some() && finding.node == care.node);
            match known {
                Some(at) => placed.push(Finding { part, ..of_copies.swap_remove(at) }),
                None => free.push(part),
            }
        }
        placed.extend(free.into_iter().zip(of_copies).map(|(part, finding)| Finding { part, ..finding }));
        placed
    }

    /// Enters one finding. Returns where the part was before, and whether it was expected there: it had been proved, and
    /// at worst its node was silent since. Nothing, when it is as bad as it was.
    fn enter(&mut self, cid: Cid, finding: &Finding, now: UnixSeconds) -> Option<(Option<PublicKey>, bool)> {
        let place = Place { cid, unit: finding.unit, part: finding.part };
        let unit = self.objects.get_mut(&cid)?.units.get_mut(finding.unit as usize)?;
        let care = unit.parts.get_mut(usize::from(finding.part))?;
        let (was_at, was) = (care.node, care.found);
        // Whoever does not answer makes nothing uncertain that was certain.
        if finding.found == Found::Offline && matches!(was, Found::Missing | Found::Corrupt) {
            return None;
        }
        // One node may have lost a part of which another has a rotten copy: whom one asks changes what is found, and
        // must not make the loss young again.
        if finding.found == Found::Missing && was == Found::Corrupt {
            return None;
        }
        let was_lost = matches!(was, Found::Missing | Found::Corrupt);
        if finding.found == Found::Proved {
            care.proved = Some(now);
            care.node = finding.node;
        } else if care.node.is_none() {
            care.node = finding.node.filter(|_| finding.found == Found::Offline);
        }
        if was != finding.found {
            care.found = finding.found;
            if finding.found == Found::Proved || !was_lost {
                care.since = now;
            }
        }
        if care.node != was_at {
            let is_at = care.node;
            was_at.inspect(|node| self.unhold(*node, &place));
            is_at.inspect(|node| self.hold(*node, place, now));
            if was_at.is_some() && is_at.is_some() {
                self.lease_is_unseen(cid, now);
            }
        }
        (was != finding.found).then_some((was_at, matches!(was, Found::Proved | Found::Offline)))
    }

    fn repaired(&mut self, cid: Cid, unit: u32, end: RepairEnd, now: UnixSeconds) {
        self.repairing.remove(&(cid, unit));
        if let RepairEnd::Audited { findings, .. } = &end {
            self.take_findings(cid, findings, now);
        }
        let turn = self.turn(cid, unit);
        let jitter = self.dice.below(u64::from(self.rules.claim).max(1));
        let rules = self.rules.clone();
        let Some(object) = self.objects.get_mut(&cid) else { return };
        let Some(care) = object.units.get_mut(unit as usize) else { return };
        let repair = &mut care.repair;
        let was_without = std::mem::take(&mut repair.without_claim);
        let again = match end {
            RepairEnd::Audited { is_whole: true, .. } => {
                *repair = super::Repair::default();
                care.whole = Some(now);
                None
            }
            RepairEnd::Taken | RepairEnd::ClaimLost => Some(u64::from(rules.claim / 2) + jitter),
            RepairEnd::NoVotes => {
                repair.without_claim = true;
                Some(turn)
            }
            RepairEnd::Audited { .. } | RepairEnd::Failed(_) => {
                repair.failures = repair.failures.saturating_add(1);
                repair.without_claim = was_without;
                Some(rules.backoff(repair.failures))
            }
            RepairEnd::Inconsistent(proof) => {
                object.inconsistent = Some(proof);
                None
            }
        };
        if let (Some(again), Some(care)) = (again, object.units.get_mut(unit as usize)) {
            care.repair.not_before = Some(now.plus(again));
        }
        self.reconsider(cid, now);
    }

    /// How long this steward waits for its turn when no claim can be decided: stewards wait differently long.
    fn turn(&self, cid: Cid, unit: u32) -> u64 {
        let mut seed = *cid.root().as_bytes();
        for (byte, of_unit) in seed.iter_mut().zip(unit.to_le_bytes()) {
            *byte ^= of_unit;
        }
        score(&seed, &self.holder, 0) % self.rules.turn_within.max(1)
    }

    fn renewed(&mut self, cid: Cid, ends: Option<UnixSeconds>, failed: u32, now: UnixSeconds) {
        self.renewing.remove(&cid);
        let Some(object) = self.objects.get_mut(&cid) else { return };
        object.leases.ends = ends.or(object.leases.ends);
        let is_short = object.leases.ends.is_none_or(|ends| ends < object.care_ends());
        object.leases.failures =
            if failed > 0 && is_short { object.leases.failures.saturating_add(1) } else { 0 };
        let next = object.next_look_at_leases(&self.rules, now);
        self.look_at_leases(cid, next);
        if self.unseen_leases.remove(&cid) {
            self.lease_is_unseen(cid, now);
        }
        self.reconsider(cid, now);
    }

    /// A part turned up at another node. Nothing is known of its lease there, which may be an old one that ends soon.
    fn lease_is_unseen(&mut self, cid: Cid, now: UnixSeconds) {
        let Some(object) = self.objects.get(&cid) else { return };
        if self.renewing.contains(&cid) {
            self.unseen_leases.insert(cid);
        } else if object.leases.next.is_some() && object.leases.failures == 0 {
            // After a failure they are looked at before long, and each look counts towards a warning.
            self.look_at_leases(cid, Some(now));
        }
    }

    fn look_at_leases(&mut self, cid: Cid, next: Option<UnixSeconds>) {
        if let Some(object) = self.objects.get_mut(&cid) {
            object.leases.next = next;
            self.renewals.set(cid, next);
        }
    }
}
