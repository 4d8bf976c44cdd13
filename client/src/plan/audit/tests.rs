use std::collections::HashMap;

use chunker::{CellSize, Coding};

use super::*;
use crate::placement::{Site, homes, segment_seed};

const SEED: [u8; 32] = [3; 32];

fn placement(nodes: u8) -> Arc<Placement> {
    let sites: Vec<_> = (0..nodes)
        .map(|number| Site {
            id: protocol::SecretKey::from_bytes(&[number + 1; 32]).public(),
            class: 0,
            addr: "127.0.0.1:1".parse().unwrap(),
            declared: None,
        })
        .collect();
    Arc::new(Placement::new(&sites, false))
}

fn geometry(coding: &str, cells: u64) -> Geometry {
    Geometry::new(coding.parse::<Coding>().unwrap(), CellSize::LARGEST, cells).unwrap()
}

/// The homes of the first segment's shards, and who comes after them.
fn ranked(placement: &Arc<Placement>) -> Vec<PublicKey> {
    homes(&placement.rank(&segment_seed(&SEED, 0)), placement.len())
}

/// Plays an audit to its end, with what nodes answer to challenges and questions about a segment's column.
/// Returns what was found, and the number of challenges.
fn play(
    geometry: Geometry,
    mut plan: Audit,
    proves: impl Fn(PublicKey, u32, Column) -> Result<(), Failure>,
    tells: impl Fn(PublicKey, u32, Column) -> Option<bool>,
) -> (Vec<Finding>, usize) {
    let mut health = Health::new();
    let (mut events, mut requests) = (VecDeque::from([Event::Begin]), 0);
    while let Some(event) = events.pop_front() {
        plan.handle(Moment::default(), event, &mut health);
        while let Some(action) = plan.next_action() {
            match action {
                Action::Prove { request, node, segment, column, .. } => {
                    requests += 1;
                    events.push_back(match proves(node, segment, column) {
                        Ok(()) => Event::Proved(request),
                        Err(failure) => Event::Failed(request, failure),
                    });
                }
                Action::Ask { node, segment, .. } => {
                    let columns = geometry.segment(segment).unwrap().stored_columns();
                    let told: Option<Vec<_>> = columns
                        .map(|column| tells(node, segment, column).map(|held| (column, held)))
                        .collect();
                    let held = told.map(|told| {
                        told.into_iter().filter_map(|(column, held)| held.then_some(column)).collect()
                    });
                    events.push_back(Event::Told { node, segment, held });
                }
                Action::Finish(findings) => {
                    assert!(events.is_empty());
                    return (findings, requests);
                }
            }
        }
    }
    panic!("the plan waits for nothing");
}

/// The same where all nodes answer, and truly, what they hold of the one segment.
fn play_holding(geometry: Geometry, plan: Audit, holds: impl Fn(PublicKey, u8) -> bool) -> Vec<Finding> {
    let proves = |node, _, column: Column| {
        if holds(node, column.number()) { Ok(()) } else { Err(Failure::NotHeld) }
    };
    play(geometry, plan, proves, |node, _, column| Some(holds(node, column.number()))).0
}

/// The same where shards are at home; `manners` are the failures of single nodes, `moved` are columns that are elsewhere.
fn run(
    geometry: Geometry,
    placement: &Arc<Placement>,
    manners: &HashMap<PublicKey, Failure>,
    moved: &HashMap<Column, PublicKey>,
) -> (Vec<Finding>, usize) {
    let holds = |node: PublicKey, segment: u32, column: Column| {
        let place = geometry.segment(segment).unwrap().stored_columns().position(|c| c == column).unwrap();
        let homes = homes(&placement.rank(&segment_seed(&SEED, segment)), placement.len());
        moved.get(&column).copied().or(homes.get(place).copied()) == Some(node)
    };
    let proves = |node: PublicKey, segment, column| match manners.get(&node) {
        Some(failure) => Err(*failure),
        None if holds(node, segment, column) => Ok(()),
        None => Err(Failure::NotHeld),
    };
    let tells = |node: PublicKey, segment, column| match manners.get(&node) {
        Some(Failure::NotHeld) => Some(false),
        Some(Failure::Late | Failure::Unreachable) => None,
        _ => Some(holds(node, segment, column)),
    };
    play(geometry, Audit::new(geometry, &SEED, placement), proves, tells)
}

fn verdicts(findings: &[Finding]) -> Vec<Verdict> {
    findings.iter().map(|finding| finding.verdict).collect()
}

#[test]
fn a_healthy_object_takes_one_challenge_per_shard() {
    let geometry = geometry("4+2", 40_000);
    let (findings, requests) = run(geometry, &placement(9), &HashMap::new(), &HashMap::new());
    assert_eq!((findings.len(), requests), (geometry.shards(), geometry.shards()));
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Proved));
}

#[test]
fn every_kind_of_loss_is_called_by_its_name() {
    let (geometry, placement) = (geometry("4+2", 100), placement(9));
    let homes = ranked(&placement);
    let verdict = |failure: Failure| {
        let manners = [(homes[2], failure)].into();
        let (findings, _) = run(geometry, &placement, &manners, &HashMap::new());
        assert!(findings.iter().enumerate().all(|(at, f)| at == 2 || f.verdict == Verdict::Proved));
        (findings[2].verdict, findings[2].node)
    };
    assert_eq!(verdict(Failure::NotHeld), (Verdict::Gone, Some(homes[2])));
    assert_eq!(verdict(Failure::Corrupt), (Verdict::Damaged, Some(homes[2])));
    assert_eq!(verdict(Failure::Wrong), (Verdict::Damaged, Some(homes[2])));
    assert_eq!(verdict(Failure::Late), (Verdict::Unavailable, Some(homes[2])));
}

#[test]
fn a_shard_that_moved_is_found() {
    let (geometry, placement) = (geometry("4+2", 100), placement(9));
    let homes = ranked(&placement);
    let moved = [(Column::new(1), homes[7])].into();
    for failure in [Failure::NotHeld, Failure::Late] {
        let manners = [(homes[1], failure)].into();
        let (findings, _) = run(geometry, &placement, &manners, &moved);
        assert_eq!((findings[1].verdict, findings[1].node), (Verdict::Proved, Some(homes[7])));
    }
}

#[test]
fn one_copy_proves_one_shard_though_all_have_the_same_root() {
    let (geometry, placement) = (geometry("1+2", 100), placement(6));
    let homes = ranked(&placement);
    // As nodes see it: the second home holds the root of all three shards, and the others nothing.
    let plan = Audit::new(geometry, &SEED, &placement);
    let findings = play_holding(geometry, plan, |node, _| node == homes[1]);
    assert_eq!(verdicts(&findings), [Verdict::Gone, Verdict::Proved, Verdict::Gone]);
}

#[test]
fn a_node_proves_the_shard_that_it_is_believed_to_have() {
    // Of one cell and three data columns, the first parity is a copy. The node that has it is, since others went,
    // the one that placement names for the cell itself, which is lost.
    let (geometry, placement) = (geometry("3+3", 1), placement(9));
    let homes = ranked(&placement);
    let at = |column: u8| match column {
        0 | 3 => homes[0],
        4 => homes[6],
        _ => homes[7],
    };
    let mut plan = Audit::new(geometry, &SEED, &placement);
    for column in [3, 4, 5] {
        plan.believe(0, Column::new(column), at(column));
    }
    let findings = play_holding(geometry, plan, |node, column| node == at(column));
    let proved = Verdict::Proved;
    assert_eq!(verdicts(&findings), [Verdict::Gone, proved, proved, proved]);
    assert_eq!(findings[1].node, Some(homes[0]));
}

#[test]
fn what_was_believed_stays_where_nothing_is_won_by_an_exchange() {
    // Shard 1 was moved to the eighth node, beside an old copy of shard 4; its first home is silent, and so might have it.
    let (geometry, placement) = (geometry("4+2", 100), placement(9));
    let homes = ranked(&placement);
    let holds = |node: PublicKey, column: Column| match column.number() {
        1 | 4 => node == homes[7],
        other => node == homes[usize::from(other)],
    };
    let mut plan = Audit::new(geometry, &SEED, &placement);
    plan.believe(0, Column::new(1), homes[7]);
    let proves = |node: PublicKey, _, column| match node {
        silent if silent == homes[1] => Err(Failure::Unreachable),
        _ if holds(node, column) => Ok(()),
        _ => Err(Failure::NotHeld),
    };
    let tells = |node: PublicKey, _, column| (node != homes[1]).then(|| holds(node, column));
    let (findings, _) = play(geometry, plan, proves, tells);
    assert_eq!((findings[1].node, findings[1].verdict), (Some(homes[7]), Verdict::Proved));
    assert_eq!(findings[4].verdict, Verdict::Unavailable);
}

#[test]
fn an_old_copy_does_not_hide_another_shard() {
    // Shard 1 was moved to the eighth node, and its old copy stayed; then shard 4 was put beside the old copy.
    let (geometry, placement) = (geometry("4+2", 100), placement(9));
    let homes = ranked(&placement);
    let plan = Audit::new(geometry, &SEED, &placement);
    let findings = play_holding(geometry, plan, |node, column| match column {
        1 => node == homes[1] || node == homes[7],
        4 => node == homes[1],
        other => node == homes[usize::from(other)],
    });
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Proved));
    assert_eq!((findings[1].node, findings[4].node), (Some(homes[7]), Some(homes[1])));
}

#[test]
fn old_copies_of_several_shards_do_not_hide_another() {
    // Each of the first four shards is proved at its home, where the next one is as well, and has an old copy further
    // down; the next one of the last is nowhere else. Only when all of them move on is there a node for each.
    let (geometry, placement) = (geometry("4+2", 100), placement(9));
    let homes = ranked(&placement);
    let plan = Audit::new(geometry, &SEED, &placement);
    let findings = play_holding(geometry, plan, |node, column| match column {
        0 => node == homes[0] || node == homes[7],
        column @ 1..4 => node == homes[usize::from(column)] || node == homes[usize::from(column) - 1],
        4 => node == homes[3],
        _ => node == homes[5],
    });
    assert_eq!(verdicts(&findings), [Verdict::Proved; 6]);
    let nodes: std::collections::BTreeSet<_> = findings.iter().map(|finding| finding.node).collect();
    assert_eq!(nodes.len(), 6);
}

#[test]
fn fewer_nodes_than_shards() {
    let (findings, _) = run(geometry("4+2", 100), &placement(4), &HashMap::new(), &HashMap::new());
    assert_eq!(findings.iter().filter(|finding| finding.verdict == Verdict::Gone).count(), 2);
}
