//! Finding a place for every shard of a segment, or every copy of a manifest.
//!
//! Nodes are offered the parts in the order of their rank; who refuses is replaced by the next before a byte is
//! sent. A part that broke on its way is offered to further nodes once the others are safe, from what these hold.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use protocol::PublicKey;

use super::Failure;
use crate::health::{Health, Standing};
use crate::moment::Moment;
use crate::placement::{Domain, Ranked};

/// How long a node may take to accept an offer, connecting included.
pub const OFFER_WITHIN: Duration = Duration::from_secs(4);
/// How often parts that broke are sent to other nodes.
pub const REFILL_ROUNDS_MAX: u8 = 2;
/// Offers made for every part, on average, before a plan settles for what it has.
const OFFERS_PER_PART: usize = 4;
/// Offers made at least: the one part that a repair puts may rank a few dead nodes first, time and again.
const OFFERS_MIN: usize = 16;

/// The number of a part: of a stored column in the order of the roots, or of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartIndex(pub usize);

/// How parts may be spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// At most one part in every failure domain: shards of a segment.
    Domains,
    /// At most one part on every node: copies of a manifest.
    Nodes,
}

/// What is to be placed.
#[derive(Debug, Clone)]
pub struct Parts {
    /// How many there are.
    pub count: usize,
    /// How many must find a place at least.
    pub needed: usize,
    /// How many must be safe so that others can be made from them.
    pub sources: usize,
    /// How they may be spread.
    pub spread: Spread,
    /// Nodes that hold other parts of the same whole already.
    pub taken: Vec<PublicKey>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The plan begins.
    Begin,
    /// The node that was offered a part takes it.
    Accepted(PartIndex),
    /// The node that was offered a part does not take it.
    Refused(PartIndex, Failure),
    /// A part that was sent is safe.
    Leased(PartIndex),
    /// A part that was sent did not arrive.
    Broken(PartIndex, Failure),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Offer a part to a node; answer with `Accepted` or `Refused` within the time.
    Offer {
        /// The part.
        part: PartIndex,
        /// The node.
        node: PublicKey,
        /// The time to answer.
        within: Duration,
    },
    /// Send these parts to the nodes that accepted them; answer with `Leased` or `Broken` for each.
    Send(Vec<PartIndex>),
    /// All parts that could be placed are. The last action, with those that have no place.
    Finish {
        /// Parts without a lease.
        missing: Vec<PartIndex>,
    },
    /// Too few parts found a place: release what was leased. The last action.
    GiveUp {
        /// Parts that found one.
        placed: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    None,
    Offered(Candidate),
    Accepted(Candidate),
    Sent(Candidate),
    Leased(Candidate),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    node: PublicKey,
    domain: Domain,
}

/// The state machine.
#[derive(Debug)]
pub struct Upload {
    parts: Parts,
    candidates: Vec<Candidate>,
    taken: HashSet<Domain>,
    places: Vec<Place>,
    offers_left: usize,
    rounds: u8,
    actions: VecDeque<Action>,
    is_over: bool,
}

impl Upload {
    /// A plan over the nodes of a ranking that begins with [`Event::Begin`]. Suspect nodes are offered parts last.
    pub fn new(parts: Parts, ranking: &[Ranked], now: Moment, health: &Health) -> Self {
        let is_taken = |node: &&Ranked| parts.taken.contains(&node.id);
        let taken = match parts.spread {
            Spread::Domains => ranking.iter().filter(is_taken).map(|node| node.domain).collect(),
            Spread::Nodes => HashSet::new(),
        };
        let free = ranking.iter().filter(|node| !is_taken(node));
        let free = free.map(|node| Candidate { node: node.id, domain: node.domain });
        let (good, suspect): (Vec<_>, Vec<_>) =
            free.partition(|candidate| health.standing(candidate.node, now) == Standing::Good);
        Self {
            candidates: good.into_iter().chain(suspect).collect(),
            taken,
            places: vec![Place::None; parts.count],
            offers_left: (parts.count * OFFERS_PER_PART).max(OFFERS_MIN),
            rounds: 0,
            actions: VecDeque::new(),
            is_over: false,
            parts,
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Moment, event: Event, health: &mut Health) {
        match event {
            Event::Begin => {}
            Event::Accepted(part) => {
                if let Place::Offered(candidate) = self.places[part.0] {
                    self.places[part.0] = Place::Accepted(candidate);
                    health.heard(candidate.node, now);
                }
            }
            Event::Leased(part) => {
                if let Place::Sent(candidate) = self.places[part.0] {
                    self.places[part.0] = Place::Leased(candidate);
                    health.served(candidate.node);
                }
            }
            Event::Refused(part, failure) | Event::Broken(part, failure) => {
                let place = std::mem::replace(&mut self.places[part.0], Place::None);
                if let (Some(candidate), Some(fault)) = (place.candidate(), failure.fault()) {
                    health.failed(candidate.node, fault, now);
                }
            }
        }
        self.go_on();
    }

    /// The next thing to do; `None` until the next event.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The node that holds, or is to hold, a part.
    pub fn node(&self, part: PartIndex) -> Option<PublicKey> {
        self.places[part.0].candidate().map(|candidate| candidate.node)
    }

    fn go_on(&mut self) {
        if self.is_over || self.count(|place| matches!(place, Place::Sent(_))) > 0 {
            return;
        }
        // While parts are being offered, whoever refuses is replaced at once.
        if self.rounds == 0 || self.may_refill() {
            self.offer();
        }
        if self.count(|place| matches!(place, Place::Offered(_))) > 0 {
            return;
        }
        let placed = self.parts.count - self.count(|place| matches!(place, Place::None));
        let accepted: Vec<_> = self.all(|place| matches!(place, Place::Accepted(_)));
        if !accepted.is_empty() && placed >= self.parts.needed {
            return self.send(accepted);
        }
        self.is_over = true;
        self.actions.push_back(if placed >= self.parts.needed {
            Action::Finish { missing: self.all(|place| matches!(place, Place::None)) }
        } else {
            Action::GiveUp { placed }
        });
    }

    fn may_refill(&self) -> bool {
        let leased = self.count(|place| matches!(place, Place::Leased(_)));
        leased >= self.parts.sources && self.rounds <= REFILL_ROUNDS_MAX
    }

    /// Offers every part without a place to the next node that may take it.
    fn offer(&mut self) {
        if self.rounds > REFILL_ROUNDS_MAX {
            return;
        }
        for part in self.all(|place| matches!(place, Place::None)) {
            if self.offers_left == 0 {
                return;
            }
            let Some(candidate) = self.next_candidate() else { return };
            self.offers_left -= 1;
            self.places[part.0] = Place::Offered(candidate);
            self.actions.push_back(Action::Offer { part, node: candidate.node, within: OFFER_WITHIN });
        }
    }

    fn next_candidate(&mut self) -> Option<Candidate> {
        let in_use: HashSet<_> = self.places.iter().filter_map(Place::candidate).map(|c| c.domain).collect();
        let is_free = |candidate: &Candidate| match self.parts.spread {
            Spread::Nodes => true,
            Spread::Domains => !in_use.contains(&candidate.domain) && !self.taken.contains(&candidate.domain),
        };
        let at = self.candidates.iter().position(is_free)?;
        Some(self.candidates.remove(at))
    }

    fn send(&mut self, parts: Vec<PartIndex>) {
        self.rounds += 1;
        for part in &parts {
            if let Place::Accepted(candidate) = self.places[part.0] {
                self.places[part.0] = Place::Sent(candidate);
            }
        }
        self.actions.push_back(Action::Send(parts));
    }

    fn count(&self, is: impl Fn(&Place) -> bool) -> usize {
        self.places.iter().filter(|place| is(place)).count()
    }

    fn all(&self, is: impl Fn(&Place) -> bool) -> Vec<PartIndex> {
        let places = self.places.iter().enumerate();
        places.filter(|(_, place)| is(place)).map(|(index, _)| PartIndex(index)).collect()
    }
}

impl Place {
    fn candidate(&self) -> Option<Candidate> {
        match self {
            Self::None => None,
            Self::Offered(candidate)
            | Self::Accepted(candidate)
            | Self::Sent(candidate)
            | Self::Leased(candidate) => Some(*candidate),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::placement::{Placement, Site, homes};

    /// What a node does with what it is offered, then with what it is sent.
    type Manners = HashMap<PublicKey, (bool, bool)>;

    fn ranking(nodes: u8, per_domain: u8) -> Vec<Ranked> {
        let sites: Vec<_> = (0..nodes)
            .map(|number| Site {
                id: protocol::SecretKey::from_bytes(&[number + 1; 32]).public(),
                class: 0,
                addr: format!("10.0.{}.{number}:1", number / per_domain).parse().unwrap(),
                declared: None,
            })
            .collect();
        Placement::new(&sites, false).rank(&[0; 32])
    }

    fn parts(count: usize, needed: usize, sources: usize) -> Parts {
        Parts { count, needed, sources, spread: Spread::Domains, taken: vec![] }
    }

    struct Outcome {
        last: Action,
        holders: HashMap<usize, PublicKey>,
        offers: usize,
        sends: usize,
    }

    fn run(parts: Parts, ranking: &[Ranked], manners: &Manners) -> Outcome {
        let mut health = Health::new();
        let now = Moment::default();
        let mut plan = Upload::new(parts, ranking, now, &health);
        let mut outcome =
            Outcome { last: Action::Send(vec![]), holders: HashMap::new(), offers: 0, sends: 0 };
        let mut events = VecDeque::from([Event::Begin]);
        while let Some(event) = events.pop_front() {
            plan.handle(now, event, &mut health);
            while let Some(action) = plan.next_action() {
                match &action {
                    Action::Offer { part, node, .. } => {
                        outcome.offers += 1;
                        let (takes, _) = manners.get(node).copied().unwrap_or((true, true));
                        events.push_back(if takes {
                            Event::Accepted(*part)
                        } else {
                            Event::Refused(*part, Failure::Refused)
                        });
                    }
                    Action::Send(parts) => {
                        outcome.sends += 1;
                        for part in parts {
                            let node = plan.node(*part).unwrap();
                            let (_, keeps) = manners.get(&node).copied().unwrap_or((true, true));
                            if keeps {
                                outcome.holders.insert(part.0, node);
                                events.push_back(Event::Leased(*part));
                            } else {
                                events.push_back(Event::Broken(*part, Failure::Unreachable));
                            }
                        }
                    }
                    Action::Finish { .. } | Action::GiveUp { .. } => {
                        assert!(events.is_empty(), "the last action");
                    }
                }
                outcome.last = action;
            }
        }
        outcome
    }

    #[test]
    fn parts_go_to_the_first_nodes_in_order() {
        let ranking = ranking(9, 1);
        let outcome = run(parts(6, 5, 4), &ranking, &Manners::new());
        let homes = homes(&ranking, 6);
        assert_eq!(outcome.last, Action::Finish { missing: vec![] });
        assert!((0..6).all(|part| outcome.holders[&part] == homes[part]));
        assert_eq!((outcome.offers, outcome.sends), (6, 1));
    }

    #[test]
    fn who_refuses_is_replaced_before_anything_is_sent() {
        let ranking = ranking(9, 1);
        let manners = [(ranking[1].id, (false, true)), (ranking[6].id, (false, true))].into();
        let outcome = run(parts(6, 5, 4), &ranking, &manners);
        assert_eq!(outcome.last, Action::Finish { missing: vec![] });
        assert_eq!(outcome.holders[&1], ranking[7].id);
        assert_eq!((outcome.offers, outcome.sends), (8, 1));
    }

    #[test]
    fn what_breaks_on_its_way_is_sent_elsewhere_afterwards() {
        let ranking = ranking(9, 1);
        let manners = [(ranking[0].id, (true, false)), (ranking[5].id, (true, false))].into();
        let outcome = run(parts(6, 5, 4), &ranking, &manners);
        assert_eq!(outcome.last, Action::Finish { missing: vec![] });
        assert_eq!(outcome.sends, 2);
        assert_eq!(outcome.holders[&0], ranking[6].id);
    }

    #[test]
    fn a_shortfall_is_named_and_too_large_a_one_ends_the_plan() {
        let ranking = ranking(6, 1);
        let refusing = |count: usize| ranking[..count].iter().map(|node| (node.id, (false, true))).collect();
        let outcome = run(parts(6, 5, 4), &ranking, &refusing(1));
        assert!(matches!(outcome.last, Action::Finish { missing } if missing.len() == 1));
        let outcome = run(parts(6, 5, 4), &ranking, &refusing(2));
        assert_eq!((outcome.last, outcome.sends), (Action::GiveUp { placed: 4 }, 0));
    }

    #[test]
    fn domains_are_not_shared_unless_parts_may() {
        let ranking = ranking(8, 2);
        let outcome = run(parts(4, 4, 3), &ranking, &Manners::new());
        let domain = |id| ranking.iter().find(|node| node.id == id).unwrap().domain;
        assert_eq!(outcome.holders.values().map(|id| domain(*id)).collect::<HashSet<_>>().len(), 4);
        let outcome = run(parts(5, 5, 3), &ranking, &Manners::new());
        assert_eq!(outcome.last, Action::GiveUp { placed: 4 });
        let copies = Parts { spread: Spread::Nodes, ..parts(8, 8, 0) };
        assert_eq!(run(copies, &ranking, &Manners::new()).last, Action::Finish { missing: vec![] });
    }

    #[test]
    fn one_part_finds_a_node_behind_many_that_do_not_answer() {
        let ranking = ranking(16, 1);
        let dead = ranking[..12].iter().map(|node| (node.id, (false, true)));
        let outcome = run(parts(1, 1, 0), &ranking, &dead.collect());
        assert_eq!(outcome.holders[&0], ranking[12].id);
        assert_eq!((outcome.offers, outcome.sends), (13, 1));
    }

    #[test]
    fn nodes_that_hold_other_parts_and_their_domains_are_left_out() {
        let ranking = ranking(8, 2);
        let taken: Vec<_> = homes(&ranking, 3);
        let outcome = run(Parts { taken: taken.clone(), ..parts(1, 1, 0) }, &ranking, &Manners::new());
        let domain = |id: &PublicKey| ranking.iter().find(|node| node.id == *id).unwrap().domain;
        assert!(taken.iter().all(|id| domain(id) != domain(&outcome.holders[&0])));
    }

    proptest! {
        #[test]
        fn every_plan_ends_with_enough_or_gives_up(
            (sources, parity) in (1_usize..6, 1_usize..5),
            manners in proptest::collection::vec((any::<bool>(), any::<bool>()), 12),
            per_domain in 1_u8..3,
        ) {
            let ranking = ranking(12, per_domain);
            let manners: Manners = ranking.iter().map(|node| node.id).zip(manners).collect();
            let wanted = parts(sources + parity, sources + parity.div_ceil(2), sources);
            let outcome = run(wanted.clone(), &ranking, &manners);
            prop_assert!(outcome.offers <= OFFERS_MIN.max(OFFERS_PER_PART * wanted.count));
            prop_assert!(outcome.sends <= 1 + usize::from(REFILL_ROUNDS_MAX));
            match outcome.last {
                Action::Finish { missing } => {
                    prop_assert_eq!(outcome.holders.len() + missing.len(), wanted.count);
                    prop_assert!(outcome.holders.len() >= wanted.needed);
                }
                Action::GiveUp { placed } => prop_assert!(placed < wanted.needed),
                other => prop_assert!(false, "ended with {other:?}"),
            }
        }
    }
}
