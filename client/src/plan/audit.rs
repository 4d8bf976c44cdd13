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
            } else if self.open_questions == 0
                && let Some(path) = self.exchange(index)
            {
                is_waiting = true;
                for (shard, node) in path {
                    let proved_by = self.shards[shard].proved_by.take();
                    self.shards[shard].set_aside = proved_by.or(self.shards[shard].set_aside);
                    self.challenge(shard, node);
                }
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

    /// Which shards to ask where so that one more is proved, the last of them at a node that has proved none: a node that
    /// may hold this one has proved another, which is somewhere else as well, perhaps where a third one is proved. Old
    /// copies stay behind where shards were moved. This is an augmenting path of the matching of shards and nodes.
    fn exchange(&self, index: usize) -> Option<Vec<(usize, PublicKey)>> {
        let segment = self.shards[index].segment;
        let mut taken_by: HashMap<usize, (usize, PublicKey)> = HashMap::new();
        let mut queue = VecDeque::from([index]);
        while let Some(at) = queue.pop_front() {
            let shard = &self.shards[at];
            let is_fresh = |node: &PublicKey| shard.challenged.iter().all(|(asked, _)| asked != node);
            for node in self.segments[&segment].holders(shard.column).filter(is_fresh) {
                if !self.has_another(at, node) {
                    return Some(path_to((at, node), &taken_by));
                }
                let proved = |shard: &Shard| shard.segment == segment && shard.proved_by == Some(node);
                if let Some(other) = self.shards.iter().position(proved)
                    && !taken_by.contains_key(&other)
                {
                    taken_by.insert(other, (at, node));
                    queue.push_back(other);
                }
            }
        }
        None
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
        // Who loses a proof to another may have one to get back itself.
        while let Some(index) = (0..self.shards.len()).find(|index| self.may_get_back(*index)) {
            let Shard { set_aside, segment, .. } = &mut self.shards[index];
            let (node, segment) = (set_aside.take(), *segment);
            let took_it = |shard: &&mut Shard| shard.segment == segment && shard.proved_by == node;
            if let Some(taker) = self.shards.iter_mut().find(took_it) {
                taker.proved_by = None;
            }
            self.shards[index].proved_by = node;
        }
    }

    fn may_get_back(&self, index: usize) -> bool {
        let shard = &self.shards[index];
        shard.proved_by.is_none()
            && shard
                .set_aside
                .is_some_and(|node| shard.believed_at == Some(node) || !self.has_another(index, node))
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

/// The way from the first shard to the last one, each with the node that it is asked for at.
fn path_to(
    last: (usize, PublicKey),
    taken_by: &HashMap<usize, (usize, PublicKey)>,
) -> Vec<(usize, PublicKey)> {
    let mut path = vec![last];
    while let Some(before) = taken_by.get(&path[path.len() - 1].0) {
        path.push(*before);
    }
    path
}

#[cfg(test)]
mod tests;
