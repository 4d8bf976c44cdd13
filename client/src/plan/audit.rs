//! Asking for proofs: every shard at the node that should have it, or at those that say they do.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chunker::{Column, Geometry};
use protocol::PublicKey;

use super::whereabouts::Whereabouts;
use super::{ASK_WITHIN, Failure, RequestId};
use crate::health::Health;
use crate::moment::Moment;
use crate::placement::Placement;

/// How long a node may take to prove.
pub const PROVE_WITHIN: Duration = Duration::from_secs(4);
/// Challenges under way at the same time.
const ABREAST: usize = 32;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The plan begins.
    Begin,
    /// A proof came, and it verifies.
    Proved(RequestId),
    /// No proof came, or a wrong one.
    Failed(RequestId, Failure),
    /// A node answered `Ask`: the columns it holds; `None` when it did not answer in time.
    Told {
        /// Who was asked.
        node: PublicKey,
        /// About which segment.
        segment: u32,
        /// The columns of this segment that it says it holds.
        held: Option<Vec<Column>>,
    },
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Challenge a node; answer with `Proved` or `Failed`.
    Prove {
        /// The number to answer with.
        request: RequestId,
        /// Whom to challenge.
        node: PublicKey,
        /// The shard's segment.
        segment: u32,
        /// The shard's column.
        column: Column,
        /// The time to answer.
        within: Duration,
    },
    /// Ask a node which shards of a segment it holds; answer with `Told`.
    Ask {
        /// Whom to ask.
        node: PublicKey,
        /// Which segment.
        segment: u32,
        /// The time to answer.
        within: Duration,
    },
    /// Everything is known. The last action: what was found of each shard, in the order of the manifest.
    Finish(Vec<Finding>),
}

/// What was found of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The shard's segment.
    pub segment: u32,
    /// The shard's column.
    pub column: Column,
    /// The node that proved it, or the last one that was challenged.
    pub node: Option<PublicKey>,
    /// What was found.
    pub verdict: Verdict,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was proved.
    Proved,
    /// All nodes that were asked answered, and none has it.
    Gone,
    /// A node has it, but not as it should be.
    Damaged,
    /// Not found, and not all nodes answered.
    Unavailable,
}

#[derive(Debug)]
struct Shard {
    segment: u32,
    column: Column,
    /// Who had it when somebody looked last.
    believed_at: Option<PublicKey>,
    challenged: Vec<(PublicKey, Option<Failure>)>,
    open: bool,
    proved_by: Option<PublicKey>,
    /// Who had proved it, and was asked for another shard instead, since this one may be elsewhere as well.
    set_aside: Option<PublicKey>,
}

impl Shard {
    /// Whether a node is believed to have it, and has not been asked yet.
    fn is_expected_from(&self, node: PublicKey) -> bool {
        self.believed_at == Some(node)
            && self.proved_by.is_none()
            && self.challenged.iter().all(|(asked, _)| *asked != node)
    }
}

/// The state machine.
#[derive(Debug)]
pub struct Audit {
    shards: Vec<Shard>,
    segments: BTreeMap<u32, Whereabouts>,
    requests: HashMap<RequestId, usize>,
    open_questions: usize,
    next_request: u64,
    actions: VecDeque<Action>,
    is_over: bool,
}

impl Audit {
    /// A plan over all shards of an object that begins with [`Event::Begin`].
    pub fn new(geometry: Geometry, manifest_seed: &[u8; 32], placement: &Arc<Placement>) -> Self {
        Self::of_segments(geometry, 0..geometry.segments(), manifest_seed, placement)
    }

    /// The same over some of its segments.
    pub fn of_segments(
        geometry: Geometry,
        segments: Range<u32>,
        manifest_seed: &[u8; 32],
        placement: &Arc<Placement>,
    ) -> Self {
        let chosen = segments.filter_map(|index| geometry.segment(index));
        let segments: BTreeMap<_, _> = chosen
            .clone()
            .map(|segment| (segment.index(), Whereabouts::new(segment, manifest_seed, placement)))
            .collect();
        let shards = chosen.flat_map(|segment| {
            segment.stored_columns().map(move |column| Shard {
                segment: segment.index(),
                column,
                believed_at: None,
                challenged: Vec::new(),
                open: false,
                proved_by: None,
                set_aside: None,
            })
        });
        Self {
            shards: shards.collect(),
            segments,
            requests: HashMap::new(),
            open_questions: 0,
            next_request: 0,
            actions: VecDeque::new(),
            is_over: false,
        }
    }

    /// A node is believed to have a shard: it is asked first, and for no other shard of the segment before.
    pub fn believe(&mut self, segment: u32, column: Column, node: PublicKey) {
        if let Some(whereabouts) = self.segments.get_mut(&segment) {
            whereabouts.moved(column, node);
        }
        let is_it = |shard: &&mut Shard| shard.segment == segment && shard.column == column;
        if let Some(shard) = self.shards.iter_mut().find(is_it) {
            shard.believed_at = Some(node);
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Moment, event: Event, health: &mut Health) {
        match event {
            Event::Begin => {}
            Event::Proved(request) => {
                if let Some(index) = self.requests.remove(&request) {
                    let shard = &mut self.shards[index];
                    shard.open = false;
                    shard.proved_by = shard.challenged.last().map(|(node, _)| *node);
                    shard.proved_by.inspect(|node| health.served(*node));
                }
            }
            Event::Failed(request, failure) => self.failed(request, failure, now, health),
            Event::Told { node, segment, held } => {
                self.open_questions = self.open_questions.saturating_sub(1);
                if let Some(whereabouts) = self.segments.get_mut(&segment)
                    && let Some(node) = whereabouts.searched(node, held.as_deref()).ask
                {
                    self.open_questions += 1;
                    self.actions.push_back(Action::Ask { node, segment, within: ASK_WITHIN });
                }
            }
        }
        self.go_on();
    }

    /// The next thing to do; `None` until the next event.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn failed(&mut self, request: RequestId, failure: Failure, now: Moment, health: &mut Health) {
        let Some(index) = self.requests.remove(&request) else { return };
        let shard = &mut self.shards[index];
        shard.open = false;
        let Some((node, outcome)) = shard.challenged.last_mut() else { return };
        *outcome = Some(failure);
        if let Some(fault) = failure.fault() {
            health.failed(*node, fault, now);
        }
        let whereabouts = self.segments.get_mut(&shard.segment).expect("every shard has a segment");
        match failure {
            Failure::NotHeld => whereabouts.deny(shard.column, *node),
            _ => whereabouts.deny_damaged(shard.column, *node),
        }
        for node in whereabouts.begin_search() {
            self.open_questions += 1;
            self.actions.push_back(Action::Ask { node, segment: shard.segment, within: ASK_WITHIN });
        }
    }

    fn go_on(&mut self) {
        if self.is_over {
            return;
        }
        let mut is_waiting = self.open_questions > 0;
        for index in 0..self.shards.len() {
            let shard = &self.shards[index];
            if shard.proved_by.is_some() || shard.open {
                is_waiting |= shard.open;
                continue;
            }
            if self.requests.len() >= ABREAST {
                is_waiting = true;
                break;
            }
            let is_fresh = |node: &PublicKey| shard.challenged.iter().all(|(asked, _)| asked != node);
            let mut holders = self.segments[&shard.segment].holders(shard.column);
            let fresh = holders.find(|node| is_fresh(node) && !self.has_another(index, *node));
            drop(holders);
            if let Some(node) = fresh {
                is_waiting = true;
                self.challenge(index, node);
            } else if self.segments[&shard.segment].may_search() {
                // Placement knows no node for it: somebody else may hold it all the same.
                is_waiting |= self.search(index);
            } else if let Some((other, node)) = self.exchange(index).filter(|_| self.open_questions == 0) {
                is_waiting = true;
                self.shards[other].set_aside = self.shards[other].proved_by.take();
                self.challenge(index, node);
            }
        }
        if !is_waiting {
            self.is_over = true;
            self.give_back();
            self.deny_those_with_another();
            self.actions.push_back(Action::Finish(self.findings()));
        }
    }

    /// Whether a node has proved, or is to prove, another shard of the same segment. It counts once: with one data
    /// column all shards have the same root, with three or seven a single cell and one of its parities have, and one
    /// copy would prove them all. What it is believed to have goes first.
    fn has_another(&self, index: usize, node: PublicKey) -> bool {
        let is_believed_here = self.shards[index].believed_at == Some(node);
        let others = self
            .shards
            .iter()
            .enumerate()
            .filter(|(other, shard)| *other != index && shard.segment == self.shards[index].segment);
        others.into_iter().any(|(_, other)| {
            let is_challenged = other.open && other.challenged.last().is_some_and(|(last, _)| *last == node);
            is_challenged
                || other.proved_by == Some(node)
                || (!is_believed_here && other.is_expected_from(node))
        })
    }

    /// A node that may hold a shard and has proved another one, which is somewhere else as well: old copies stay behind
    /// where shards were moved. Returns the other shard and the node.
    fn exchange(&self, index: usize) -> Option<(usize, PublicKey)> {
        let segment = self.shards[index].segment;
        let whereabouts = &self.segments[&segment];
        let is_fresh =
            |shard: &Shard, node: &PublicKey| shard.challenged.iter().all(|(asked, _)| asked != node);
        let has_other_place = |other: usize| {
            let shard = &self.shards[other];
            let mut others = whereabouts.holders(shard.column).filter(|node| is_fresh(shard, node));
            others.any(|node| !self.has_another(other, node))
        };
        whereabouts
            .holders(self.shards[index].column)
            .filter(|node| is_fresh(&self.shards[index], node))
            .find_map(|node| {
                let proved = |shard: &Shard| shard.segment == segment && shard.proved_by == Some(node);
                let other = self.shards.iter().position(proved)?;
                has_other_place(other).then_some((other, node))
            })
    }

    fn search(&mut self, index: usize) -> bool {
        let segment = self.shards[index].segment;
        let nodes = self.segments.get_mut(&segment).expect("every shard has a segment").begin_search();
        self.open_questions += nodes.len();
        let has_begun = !nodes.is_empty();
        self.actions.extend(nodes.into_iter().map(|node| Action::Ask { node, segment, within: ASK_WITHIN }));
        has_begun
    }

    fn challenge(&mut self, index: usize, node: PublicKey) {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        let shard = &mut self.shards[index];
        shard.open = true;
        shard.challenged.push((node, None));
        self.requests.insert(request, index);
        let (segment, column) = (shard.segment, shard.column);
        self.actions.push_back(Action::Prove { request, node, segment, column, within: PROVE_WITHIN });
    }

    /// A proof counts after all when the shard has turned up nowhere else. Its node may have proved another one since:
    /// one of both is lost, and it is not the one that was believed to be there. Otherwise whoever repairs the one that
    /// is lost finds it again and loses the other, each time anew.
    fn give_back(&mut self) {
        for index in 0..self.shards.len() {
            let Shard { proved_by: None, set_aside: Some(node), segment, believed_at, .. } =
                self.shards[index]
            else {
                continue;
            };
            let took_it = |shard: &&mut Shard| shard.segment == segment && shard.proved_by == Some(node);
            if believed_at == Some(node)
                && let Some(taker) = self.shards.iter_mut().find(took_it)
            {
                taker.proved_by = None;
            }
            if !self.has_another(index, node) {
                self.shards[index].proved_by = Some(node);
            }
        }
    }

    /// Who has proved another shard of a segment holds nothing else of it.
    fn deny_those_with_another(&mut self) {
        for index in 0..self.shards.len() {
            let Shard { segment, column, proved_by: None, .. } = self.shards[index] else { continue };
            let holders: Vec<_> = self.segments[&segment].holders(column).collect();
            let taken: Vec<_> = holders.into_iter().filter(|node| self.has_another(index, *node)).collect();
            let whereabouts = self.segments.get_mut(&segment).expect("every shard has a segment");
            for node in taken {
                whereabouts.deny(column, node);
            }
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let found = self.shards.iter().map(|shard| {
            let failures = || shard.challenged.iter().filter_map(|(_, failure)| *failure);
            let verdict = if shard.proved_by.is_some() {
                Verdict::Proved
            } else if failures().any(|failure| matches!(failure, Failure::Corrupt | Failure::Wrong)) {
                Verdict::Damaged
            } else if self.segments[&shard.segment].is_nowhere(shard.column) {
                Verdict::Gone
            } else {
                Verdict::Unavailable
            };
            let node = shard.proved_by.or(shard.challenged.last().map(|(node, _)| *node));
            Finding { segment: shard.segment, column: shard.column, node, verdict }
        });
        found.collect()
    }
}

#[cfg(test)]
mod tests {
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

    /// Runs an audit; `manners` are the failures of single nodes, `moved` are columns that are elsewhere.
    fn run(
        geometry: Geometry,
        placement: &Arc<Placement>,
        manners: &HashMap<PublicKey, Failure>,
        moved: &HashMap<Column, PublicKey>,
    ) -> (Vec<Finding>, usize) {
        let mut plan = Audit::new(geometry, &SEED, placement);
        let mut health = Health::new();
        let (mut events, mut requests) = (VecDeque::from([Event::Begin]), 0);
        let holder = |segment: u32, column: Column| {
            let place =
                geometry.segment(segment).unwrap().stored_columns().position(|c| c == column).unwrap();
            let homes = homes(&placement.rank(&segment_seed(&SEED, segment)), placement.len());
            moved.get(&column).copied().or(homes.get(place).copied())
        };
        while let Some(event) = events.pop_front() {
            plan.handle(Moment::default(), event, &mut health);
            while let Some(action) = plan.next_action() {
                match action {
                    Action::Prove { request, node, segment, column, .. } => {
                        requests += 1;
                        events.push_back(match manners.get(&node) {
                            Some(failure) => Event::Failed(request, *failure),
                            None if holder(segment, column) == Some(node) => Event::Proved(request),
                            None => Event::Failed(request, Failure::NotHeld),
                        });
                    }
                    Action::Ask { node, segment, .. } => {
                        let columns = geometry.segment(segment).unwrap().stored_columns();
                        let held = match manners.get(&node) {
                            Some(Failure::NotHeld) => Some(vec![]),
                            Some(Failure::Late | Failure::Unreachable) => None,
                            _ => Some(
                                columns.filter(|column| holder(segment, *column) == Some(node)).collect(),
                            ),
                        };
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
        let homes = homes(&placement.rank(&segment_seed(&SEED, 0)), 9);
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
        let homes = homes(&placement.rank(&segment_seed(&SEED, 0)), 9);
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
        let homes = homes(&placement.rank(&segment_seed(&SEED, 0)), 6);
        // As nodes see it: the second home holds the root of all three shards, and the others nothing.
        let mut plan = Audit::new(geometry, &SEED, &placement);
        let (mut health, mut events) = (Health::new(), VecDeque::from([Event::Begin]));
        while let Some(event) = events.pop_front() {
            plan.handle(Moment::default(), event, &mut health);
            while let Some(action) = plan.next_action() {
                match action {
                    Action::Prove { request, node, .. } if node == homes[1] => {
                        events.push_back(Event::Proved(request));
                    }
                    Action::Prove { request, .. } => {
                        events.push_back(Event::Failed(request, Failure::NotHeld));
                    }
                    Action::Ask { node, segment, .. } => {
                        let all = geometry.segment(segment).unwrap().stored_columns().collect();
                        let held = Some(if node == homes[1] { all } else { Vec::new() });
                        events.push_back(Event::Told { node, segment, held });
                    }
                    Action::Finish(findings) => {
                        let verdicts: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
                        assert_eq!(verdicts, [Verdict::Gone, Verdict::Proved, Verdict::Gone]);
                        return;
                    }
                }
            }
        }
        panic!("the plan waits for nothing");
    }

    #[test]
    fn a_node_proves_the_shard_that_it_is_believed_to_have() {
        // Of one cell and three data columns, the first parity is a copy. The node that has it is, since others went,
        // the one that placement names for the cell itself, which is lost.
        let (geometry, placement) = (geometry("3+3", 1), placement(9));
        let homes = homes(&placement.rank(&segment_seed(&SEED, 0)), 9);
        let at = |column: u8| match column {
            3 => homes[0],
            4 => homes[6],
            _ => homes[7],
        };
        let holds = |node: PublicKey, column: u8| match column {
            0 => node == at(3),
            other => node == at(other),
        };
        let mut plan = Audit::new(geometry, &SEED, &placement);
        for column in [3, 4, 5] {
            plan.believe(0, Column::new(column), at(column));
        }
        let (mut health, mut events) = (Health::new(), VecDeque::from([Event::Begin]));
        while let Some(event) = events.pop_front() {
            plan.handle(Moment::default(), event, &mut health);
            while let Some(action) = plan.next_action() {
                match action {
                    Action::Prove { request, node, column, .. } => {
                        let is_there = holds(node, column.number());
                        let failed = Event::Failed(request, Failure::NotHeld);
                        events.push_back(if is_there { Event::Proved(request) } else { failed });
                    }
                    Action::Ask { node, segment, .. } => {
                        let columns = geometry.segment(segment).unwrap().stored_columns();
                        let held = Some(columns.filter(|column| holds(node, column.number())).collect());
                        events.push_back(Event::Told { node, segment, held });
                    }
                    Action::Finish(findings) => {
                        let verdicts: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
                        let proved = Verdict::Proved;
                        assert_eq!(verdicts, [Verdict::Gone, proved, proved, proved]);
                        assert_eq!(findings[1].node, Some(homes[0]));
                        return;
                    }
                }
            }
        }
        panic!("the plan waits for nothing");
    }

    #[test]
    fn what_was_believed_stays_where_nothing_is_won_by_an_exchange() {
        // Shard 1 was moved to the eighth node, beside an old copy of shard 4; its first home is silent, and so might have it.
        let (geometry, placement) = (geometry("4+2", 100), placement(9));
        let homes = homes(&placement.rank(&segment_seed(&SEED, 0)), 9);
        let holds = |node: PublicKey, column: u8| match column {
            1 | 4 => node == homes[7],
            other => node == homes[usize::from(other)],
        };
        let mut plan = Audit::new(geometry, &SEED, &placement);
        plan.believe(0, Column::new(1), homes[7]);
        let (mut health, mut events) = (Health::new(), VecDeque::from([Event::Begin]));
        while let Some(event) = events.pop_front() {
            plan.handle(Moment::default(), event, &mut health);
            while let Some(action) = plan.next_action() {
                match action {
                    Action::Prove { request, node, .. } if node == homes[1] => {
                        events.push_back(Event::Failed(request, Failure::Unreachable));
                    }
                    Action::Prove { request, node, column, .. } => {
                        let is_there = holds(node, column.number());
                        let failed = Event::Failed(request, Failure::NotHeld);
                        events.push_back(if is_there { Event::Proved(request) } else { failed });
                    }
                    Action::Ask { node, segment, .. } => {
                        let columns = geometry.segment(segment).unwrap().stored_columns();
                        let held = columns.filter(|column| holds(node, column.number())).collect();
                        let held = Some(held).filter(|_| node != homes[1]);
                        events.push_back(Event::Told { node, segment, held });
                    }
                    Action::Finish(findings) => {
                        assert_eq!(
                            (findings[1].node, findings[1].verdict),
                            (Some(homes[7]), Verdict::Proved)
                        );
                        assert_eq!(findings[4].verdict, Verdict::Unavailable);
                        return;
                    }
                }
            }
        }
        panic!("the plan waits for nothing");
    }

    #[test]
    fn an_old_copy_does_not_hide_another_shard() {
        // Shard 1 was moved to the eighth node, and its old copy stayed; then shard 4 was put beside the old copy.
        let (geometry, placement) = (geometry("4+2", 100), placement(9));
        let homes = homes(&placement.rank(&segment_seed(&SEED, 0)), 9);
        let holds = |node: PublicKey, column: u8| match column {
            1 => node == homes[1] || node == homes[7],
            4 => node == homes[1],
            other => node == homes[usize::from(other)],
        };
        let mut plan = Audit::new(geometry, &SEED, &placement);
        let (mut health, mut events) = (Health::new(), VecDeque::from([Event::Begin]));
        while let Some(event) = events.pop_front() {
            plan.handle(Moment::default(), event, &mut health);
            while let Some(action) = plan.next_action() {
                match action {
                    Action::Prove { request, node, column, .. } => {
                        let is_there = holds(node, column.number());
                        let failed = Event::Failed(request, Failure::NotHeld);
                        events.push_back(if is_there { Event::Proved(request) } else { failed });
                    }
                    Action::Ask { node, segment, .. } => {
                        let columns = geometry.segment(segment).unwrap().stored_columns();
                        let held = Some(columns.filter(|column| holds(node, column.number())).collect());
                        events.push_back(Event::Told { node, segment, held });
                    }
                    Action::Finish(findings) => {
                        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Proved));
                        assert_eq!((findings[1].node, findings[4].node), (Some(homes[7]), Some(homes[1])));
                        return;
                    }
                }
            }
        }
        panic!("the plan waits for nothing");
    }

    #[test]
    fn fewer_nodes_than_shards() {
        let (findings, _) = run(geometry("4+2", 100), &placement(4), &HashMap::new(), &HashMap::new());
        assert_eq!(findings.iter().filter(|finding| finding.verdict == Verdict::Gone).count(), 2);
    }
}
