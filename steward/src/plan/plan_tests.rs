//! The plan as a whole: what it does about one object on a few nodes.

use std::collections::BTreeMap;

use chunker::{CellSize, Geometry};
use proofs::Cid;
use protocol::{PublicKey, SecretKey, UnixSeconds};

use super::*;

const START: UnixSeconds = UnixSeconds::new(1_000_000_000);
const DAY: u64 = 86_400;
const HOUR: u64 = 3600;

fn cid() -> Cid {
    Cid::of(b"object")
}

fn node(number: u8) -> PublicKey {
    SecretKey::from_bytes(&[number + 1; 32]).public()
}

fn object(coding: &str, care_days: u64) -> Object {
    let geometry = Geometry::new(coding.parse().unwrap(), CellSize::LARGEST, 100).unwrap();
    let ends = START.plus(care_days * DAY);
    Object::new(&geometry, ends, ends, Vec::new(), START)
}

fn plan() -> Plan {
    Plan::new(Rules::default(), node(100), [1; 32], BTreeMap::new(), BTreeMap::new(), START)
}

/// What an audit finds of a 4+2 object whose parts lie on nodes 0 to 5, the copies of its manifest too.
fn findings(change: impl Fn(u32, u8) -> Option<Found>) -> Vec<Finding> {
    let parts = (0..2).flat_map(|unit| (0..6).map(move |part| (unit, part)));
    let finding = |(unit, part)| {
        let found = change(unit, part).unwrap_or(Found::Proved);
        Finding { unit, part, node: Some(node(part)), found }
    };
    parts.map(finding).collect()
}

fn actions(plan: &mut Plan) -> Vec<Action> {
    std::iter::from_fn(|| plan.next_action()).collect()
}

/// A plan that has looked once and found everything whole.
fn settled(care_days: u64) -> Plan {
    let mut plan = plan();
    plan.handle(START, Event::Added(cid(), Box::new(object("4+2", care_days))));
    assert!(actions(&mut plan).contains(&Action::AuditObject(cid())));
    plan.handle(START, Event::ObjectAudited(cid(), findings(|_, _| None)));
    let ends = Some(START.plus(100 * DAY));
    assert!(matches!(actions(&mut plan)[..], [Action::Renew { .. }]));
    plan.handle(START, Event::Renewed { cid: cid(), ends, failed: 0 });
    actions(&mut plan);
    plan
}

fn repairs(plan: &mut Plan) -> Vec<(u32, Vec<u8>, bool)> {
    let repairs = actions(plan).into_iter().filter_map(|action| match action {
        Action::Repair { unit, wanted, claimed, .. } => Some((unit, wanted, claimed)),
        _ => None,
    });
    repairs.collect()
}

#[test]
fn what_is_missing_is_repaired_and_what_fails_is_tried_again() {
    let mut plan = settled(1000);
    let missing = findings(|unit, part| (unit == 0 && part == 2).then_some(Found::Missing));
    plan.handle(START, Event::ObjectAudited(cid(), missing));
    assert_eq!(repairs(&mut plan), [(0, vec![2], true)]);
    let mut now = START;
    for wait in [60, 120, 240, 480] {
        plan.handle(now, Event::Repaired(cid(), 0, RepairEnd::Failed("a reason".to_owned())));
        plan.handle(now.plus(wait - 1), Event::Wake);
        assert_eq!(repairs(&mut plan), [], "too early");
        now = now.plus(wait);
        plan.handle(now, Event::Wake);
        assert_eq!(repairs(&mut plan), [(0, vec![2], true)]);
    }
    let (findings, built) = (findings(|_, _| None), vec![(2, node(8))]);
    plan.handle(now, Event::Repaired(cid(), 0, RepairEnd::Audited { findings, built, is_whole: true }));
    assert_eq!(plan.object(&cid()).unwrap().units[0].whole, Some(now));
    assert_eq!((repairs(&mut plan), plan.queue().len()), (vec![], 0));
}

#[test]
fn a_shard_that_is_like_a_lost_one_does_not_prove_it() {
    let mut plan = settled(1000);
    // Part 2 is offline, and its node has proved part 3, which is like it: the next audit of the node could not tell.
    let mut found = findings(|unit, part| (unit == 0 && part == 2).then_some(Found::Offline));
    let moved = found.iter_mut().find(|finding| (finding.unit, finding.part) == (0, 3)).unwrap();
    moved.node = Some(node(2));
    plan.handle(START, Event::ObjectAudited(cid(), found));
    let parts = &plan.object(&cid()).unwrap().units[0].parts;
    assert_eq!((parts[2].node, parts[3].node), (None, Some(node(2))));
    assert_eq!((plan.held_by(&node(2)), plan.held_by(&node(3))), (2, 1), "with its copy of the manifest");
    let found = vec![(Place { cid: cid(), unit: 0, part: 2 }, Found::Proved)];
    plan.handle(START, Event::NodeAudited { node: node(2), found, slowest_ms: 0 });
    assert_eq!(plan.object(&cid()).unwrap().units[0].parts[2].found, Found::Offline);
    actions(&mut plan);
    plan.handle(START.plus(Rules::default().grace), Event::Wake);
    assert_eq!(repairs(&mut plan), [(0, vec![2], true)]);
}

#[test]
fn the_most_endangered_is_first() {
    let rules = Rules { repairs_abreast: 1, ..Rules::default() };
    let mut plan = Plan::new(rules, node(100), [1; 32], BTreeMap::new(), BTreeMap::new(), START);
    let others: Vec<_> = [b"a", b"b", b"c"].map(|bytes| Cid::of(bytes)).into();
    for (lost, other) in (1..).zip(&others) {
        plan.handle(START, Event::Added(*other, Box::new(object("4+2", 1000))));
        let found = findings(|unit, part| (unit == 0 && part < lost).then_some(Found::Missing));
        plan.handle(START.plus(u64::from(lost)), Event::ObjectAudited(*other, found));
    }
    let order: Vec<_> = plan.queue().collect();
    assert_eq!(order, [(others[2], 0), (others[1], 0)], "and the first one is under way");
}

#[test]
fn an_offline_node_is_waited_for_and_its_return_ends_the_alarm() {
    let mut plan = settled(1000);
    let place = |part| Place { cid: cid(), unit: 0, part };
    let silent = |at: u8| Event::NodeAudited {
        node: node(at),
        found: vec![(place(at), Found::Offline)],
        slowest_ms: 0,
    };
    plan.handle(START.plus(HOUR), silent(1));
    assert_eq!(repairs(&mut plan), []);
    let judgement = plan.judge(&cid(), 0, START.plus(HOUR)).unwrap();
    assert_eq!((judgement.proved, judgement.healthy), (5, 6));
    let back = Event::NodeAudited { node: node(1), found: vec![(place(1), Found::Proved)], slowest_ms: 3 };
    plan.handle(START.plus(2 * HOUR), back);
    assert!(actions(&mut plan).contains(&Action::NoteReturn(node(1))));
    plan.handle(START.plus(3 * HOUR), silent(1));
    plan.handle(START.plus(7 * HOUR), Event::Wake);
    let wanted = repairs(&mut plan);
    assert_eq!(wanted, [(0, vec![1], true), (1, vec![1], true)], "the grace is over");
}

#[test]
fn a_node_that_comes_back_without_what_it_had_is_blamed_for_it_once() {
    let mut plan = settled(1000);
    let lost = |found| findings(move |unit, part| (unit == 0 && part == 1).then_some(found));
    plan.handle(START.plus(HOUR), Event::ObjectAudited(cid(), lost(Found::Offline)));
    actions(&mut plan);
    plan.handle(START.plus(2 * HOUR), Event::ObjectAudited(cid(), lost(Found::Missing)));
    assert!(actions(&mut plan).contains(&Action::NoteFault(node(1), Fault::Missing)));
    for found in [Found::Missing, Found::Offline, Found::Missing] {
        plan.handle(START.plus(3 * HOUR), Event::ObjectAudited(cid(), lost(found)));
        assert!(!actions(&mut plan).contains(&Action::NoteFault(node(1), Fault::Missing)));
    }
}

#[test]
fn a_spoilt_shard_has_the_whole_node_looked_at() {
    let mut plan = settled(1000);
    let found = vec![(Place { cid: cid(), unit: 0, part: 3 }, Found::Corrupt)];
    plan.handle(START.plus(HOUR), Event::NodeAudited { node: node(3), found, slowest_ms: 1 });
    let actions = actions(&mut plan);
    assert!(actions.contains(&Action::NoteFault(node(3), Fault::Corrupt)), "{actions:?}");
    plan.handle(START.plus(HOUR + 60), Event::Wake);
    let audits = std::iter::from_fn(|| plan.next_action()).chain(actions);
    assert_eq!(audits.filter(|action| *action == Action::AuditObject(cid())).count(), 1);
}

#[test]
fn whoever_finds_a_claim_taken_comes_back_and_whoever_finds_no_voters_waits_for_its_turn() {
    let mut plan = settled(1000);
    let missing = findings(|unit, part| (unit == 0 && part == 2).then_some(Found::Missing));
    plan.handle(START, Event::ObjectAudited(cid(), missing));
    assert_eq!(repairs(&mut plan).len(), 1);
    plan.handle(START, Event::Repaired(cid(), 0, RepairEnd::Taken));
    assert_eq!(repairs(&mut plan), []);
    plan.handle(START.plus(180), Event::Wake);
    assert_eq!(repairs(&mut plan), [(0, vec![2], true)]);
    plan.handle(START.plus(180), Event::Repaired(cid(), 0, RepairEnd::NoVotes));
    plan.handle(START.plus(180 + 600), Event::Wake);
    assert_eq!(repairs(&mut plan), [(0, vec![2], false)], "its turn has come");
}

#[test]
fn an_inconsistent_object_is_not_repaired() {
    let mut plan = settled(1000);
    let missing = findings(|unit, part| (unit == 0 && part == 2).then_some(Found::Missing));
    plan.handle(START, Event::ObjectAudited(cid(), missing));
    assert_eq!(repairs(&mut plan).len(), 1);
    plan.handle(START, Event::Repaired(cid(), 0, RepairEnd::Inconsistent("a proof".to_owned())));
    plan.handle(START.plus(30 * DAY), Event::Wake);
    assert_eq!(repairs(&mut plan), []);
    assert_eq!(plan.object(&cid()).unwrap().inconsistent.as_deref(), Some("a proof"));
}

#[test]
fn warnings_are_given_once_each() {
    let mut plan = settled(100);
    let mut given = Vec::new();
    for day in 0..110 {
        plan.handle(START.plus(day * DAY), Event::Wake);
        for action in actions(&mut plan) {
            match action {
                Action::Warn { warned, ending, .. } => given.push((day, warned.days, ending)),
                Action::Renew { until, .. } => {
                    let ends = Some(until);
                    plan.handle(START.plus(day * DAY), Event::Renewed { cid: cid(), ends, failed: 0 });
                }
                _ => {}
            }
        }
    }
    assert_eq!(given, [(10, 90, Ending::Care), (70, 30, Ending::Care), (93, 7, Ending::Care)]);
}

#[test]
fn leases_that_cannot_be_renewed_are_warned_of() {
    let mut plan = settled(1000);
    let ends = START.plus(20 * DAY);
    let failed = || Event::Renewed { cid: cid(), ends: Some(ends), failed: 3 };
    for _ in 0..11 {
        plan.handle(START, failed());
        assert_eq!(actions(&mut plan), [], "a node may be away for a day");
    }
    plan.handle(START, failed());
    let warned: Vec<_> = actions(&mut plan);
    let expected = Action::Warn { cid: cid(), warned: Warned { days: 30, ends }, ending: Ending::Leases };
    assert!(warned.contains(&expected), "{warned:?}");
}

#[test]
fn leases_are_renewed_two_months_ahead() {
    let mut plan = settled(1000);
    let mut renewed = None;
    for day in 0..60 {
        plan.handle(START.plus(day * DAY), Event::Wake);
        for action in actions(&mut plan) {
            if let Action::Renew { until, below, .. } = action {
                if below > START.plus(100 * DAY) {
                    renewed.get_or_insert((day, until));
                }
                let ends = Some(START.plus(100 * DAY));
                plan.handle(START.plus(day * DAY), Event::Renewed { cid: cid(), ends, failed: 0 });
            }
        }
    }
    let (day, until) = renewed.unwrap();
    assert!((40..=41).contains(&day), "day {day}");
    assert_eq!(until, START.plus((day + 180) * DAY));
}

#[test]
fn nothing_is_forgotten_by_a_restart() {
    let mut plan = settled(1000);
    let missing = findings(|unit, part| (unit == 0 && part == 2).then_some(Found::Missing));
    plan.handle(START, Event::ObjectAudited(cid(), missing));
    assert_eq!(repairs(&mut plan).len(), 1);
    let (objects, nodes) = (plan.objects().clone(), plan.nodes().clone());
    let mut again = Plan::new(Rules::default(), node(100), [2; 32], objects, nodes, START);
    again.handle(START.plus(5), Event::Wake);
    assert_eq!(repairs(&mut again), [(0, vec![2], true)]);
}

#[test]
fn copies_keep_their_numbers_and_only_the_loser_is_blamed() {
    let mut plan = settled(1000);
    // The copy at node 0 is gone: a report then numbers the others from 0 on, and names node 0 last.
    let mut found = findings(|_, _| None);
    for part in 0..6 {
        let at = if part < 5 { part + 1 } else { 0 };
        let state = if at == 0 { Found::Missing } else { Found::Proved };
        found[6 + usize::from(part)] = Finding { unit: 1, part, node: Some(node(at)), found: state };
    }
    plan.handle(START, Event::ObjectAudited(cid(), found));
    let faults: Vec<_> =
        actions(&mut plan).into_iter().filter(|action| matches!(action, Action::NoteFault(..))).collect();
    assert_eq!(faults, [Action::NoteFault(node(0), Fault::Missing)]);
    let copies = &plan.object(&cid()).unwrap().units[1].parts;
    assert!(copies.iter().enumerate().all(|(at, care)| care.node == Some(node(u8::try_from(at).unwrap()))));
}

#[test]
fn a_loss_grows_old_whatever_it_is_called_in_between() {
    let mut plan = plan();
    let mut object = object("4+2", 1000);
    // One lost copy can wait.
    object.units[1].threshold = 4;
    plan.handle(START, Event::Added(cid(), Box::new(object)));
    plan.handle(START, Event::ObjectAudited(cid(), findings(|_, _| None)));
    actions(&mut plan);
    // The node of the last copy says that it is missing; whoever looks everywhere finds a rotten one at another node.
    let place = Place { cid: cid(), unit: 1, part: 5 };
    let mut found = findings(|_, _| None);
    found[11] = Finding { unit: 1, part: 5, node: Some(node(9)), found: Found::Corrupt };
    let (mut faults, mut audits, mut repaired_on) = (Vec::new(), 0, None);
    for day in 0..40 {
        let now = START.plus(day * DAY);
        let missing = vec![(place, Found::Missing)];
        plan.handle(now, Event::NodeAudited { node: node(5), found: missing, slowest_ms: 1 });
        plan.handle(now.plus(HOUR), Event::Wake);
        for action in actions(&mut plan) {
            match action {
                Action::NoteFault(node, fault) => faults.push((node, fault)),
                Action::AuditObject(_) => {
                    audits += 1;
                    plan.handle(now.plus(HOUR), Event::ObjectAudited(cid(), found.clone()));
                }
                Action::Repair { unit: 1, .. } => repaired_on = repaired_on.or(Some(day)),
                _ => {}
            }
        }
    }
    faults.extend(actions(&mut plan).into_iter().filter_map(|action| match action {
        Action::NoteFault(node, fault) => Some((node, fault)),
        _ => None,
    }));
    assert_eq!(repaired_on, Some(30), "after a month");
    assert_eq!(faults, [(node(5), Fault::Missing), (node(9), Fault::Corrupt)], "each is blamed once");
    assert!(audits <= 3, "{audits} audits of all because of one loss");
}

#[test]
fn what_is_let_go_is_forgotten() {
    let mut plan = settled(1000);
    plan.take_changed_objects();
    plan.handle(START, Event::Removed(cid()));
    assert_eq!(plan.take_changed_objects(), [cid()].into());
    assert!(plan.object(&cid()).is_none());
    plan.handle(START.plus(100 * DAY), Event::Wake);
    assert_eq!(actions(&mut plan), []);
    assert_eq!((plan.held_by(&node(0)), plan.wake_at()), (0, None));
}
