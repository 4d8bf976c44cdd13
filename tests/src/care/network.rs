//! What is on which node, and what a steward sees of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use client::placement::{Placement, Ranked, Site, segment_seed};
use proofs::Cid;
use protocol::limits::CLAIM_VOTERS;
use protocol::{PublicKey, SecretKey, Tags};
use steward::plan::{Finding, Found, Nodes, Place};

use super::clock::Skew;
use crate::sim::Dice;

/// What is repaired at a time: a segment, or the copies of a manifest.
pub(super) type UnitId = (Cid, u32);

/// A copy of a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    pub(super) is_sound: bool,
    pub(super) expires: u64,
    /// The steward that made it under a claim, and when; no other copies have one.
    pub(super) made: Option<(usize, u64)>,
}

/// A claim of a steward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) by: usize,
    pub(super) until: u64,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: PublicKey,
    /// Nodes with the same number fail together.
    pub(super) domain: usize,
    pub(super) skew: Skew,
    pub(super) offline_until: u64,
    pub(super) slow_until: u64,
    pub(super) full_until: u64,
    /// It takes nothing new and goes when all it has is elsewhere too.
    pub(super) is_leaving: bool,
    /// Switched off for ever.
    pub(super) is_gone: bool,
    /// In the list of members, although it may be gone.
    pub(super) is_listed: bool,
    pub(super) copies: BTreeMap<Place, Copy>,
    pub(super) claims: BTreeMap<UnitId, Claim>,
}

impl Node {
    fn new(domain: usize, dice: &mut Dice) -> Self {
        Self {
            id: SecretKey::from_bytes(&dice.array()).public(),
            domain,
            skew: Skew::drawn(dice),
            offline_until: 0,
            slow_until: 0,
            full_until: 0,
            is_leaving: false,
            is_gone: false,
            is_listed: true,
            copies: BTreeMap::new(),
            claims: BTreeMap::new(),
        }
    }
}

/// All nodes, and who cannot reach whom.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) nodes: Vec<Node>,
    /// Nodes that leave and stay again and again.
    pub(super) wavering: BTreeSet<usize>,
    numbers: HashMap<PublicKey, usize>,
    placement: Arc<Placement>,
    /// How often the list of members has changed.
    pub(super) lists: u64,
    /// Units whose parts are alike: the copies of manifests. A plan may number them otherwise.
    alike: BTreeSet<UnitId>,
    /// The order of listed nodes for each unit.
    rankings: BTreeMap<UnitId, Vec<(usize, Ranked)>>,
    /// (steward, node) → until when they are cut off from each other.
    pub(super) cuts: BTreeMap<(usize, usize), u64>,
}

impl Network {
    /// So many nodes in so many failure domains.
    pub(super) fn new(nodes: usize, domains: usize, dice: &mut Dice) -> Self {
        let nodes: Vec<_> = (0..nodes).map(|number| Node::new(number % domains, dice)).collect();
        let mut network = Self {
            nodes,
            wavering: BTreeSet::new(),
            numbers: HashMap::new(),
            placement: Arc::new(Placement::new(&[], true)),
            lists: 0,
            alike: BTreeSet::new(),
            rankings: BTreeMap::new(),
            cuts: BTreeMap::new(),
        };
        network.list_anew();
        network
    }

    /// A new node, in this failure domain.
    pub(super) fn join(&mut self, domain: usize, dice: &mut Dice) {
        self.nodes.push(Node::new(domain, dice));
        self.list_anew();
    }

    /// Takes in who is listed, and who takes nothing new.
    pub(super) fn list_anew(&mut self) {
        let addr = "127.0.0.1:1".parse().expect("an address");
        let site = |node: &Node| Site {
            id: node.id,
            class: 0,
            addr,
            declared: Some(format!("domain {}", node.domain)),
        };
        let listed = self.nodes.iter().filter(|node| node.is_listed);
        let sites: Vec<_> = listed.clone().map(site).collect();
        let leaving: HashSet<_> = listed.filter(|node| node.is_leaving).map(|node| node.id).collect();
        self.placement = Arc::new(Placement::new(&sites, true).with_closed(leaving));
        self.lists += 1;
        self.numbers = (0..).zip(&self.nodes).map(|(number, node)| (node.id, number)).collect();
        for unit in self.rankings.keys().copied().collect::<Vec<_>>() {
            self.rank(unit);
        }
    }

    /// What stewards are told of the nodes.
    pub(super) fn known(&self) -> Nodes {
        let listed = || self.nodes.iter().filter(|node| node.is_listed);
        Nodes {
            placement: Arc::clone(&self.placement),
            leaving: listed().filter(|node| node.is_leaving).map(|node| node.id).collect(),
            former: BTreeMap::new(),
            tags: listed().map(|node| (node.id, Tags::default())).collect(),
        }
    }

    pub(super) fn index(&self, id: &PublicKey) -> usize {
        self.numbers[id]
    }

    /// Works out the order of nodes for a unit.
    pub(super) fn rank(&mut self, unit: UnitId) {
        let ranking = self.placement.rank(&self.subject(unit)).into_iter();
        let numbered = ranking.map(|ranked| (self.numbers[&ranked.id], ranked)).collect();
        self.rankings.insert(unit, numbered);
    }

    /// From now on the parts of a unit are alike.
    pub(super) fn make_alike(&mut self, unit: UnitId) {
        self.alike.insert(unit);
    }

    pub(super) fn are_alike(&self, unit: UnitId) -> bool {
        self.alike.contains(&unit)
    }

    /// Under which name nodes keep a part: copies that are alike have one.
    pub(super) fn kept_as(&self, place: &Place) -> Place {
        if self.are_alike((place.cid, place.unit)) { Place { part: 0, ..*place } } else { *place }
    }

    /// The nodes in their order for a unit.
    pub(super) fn ranking(&self, unit: UnitId) -> impl Iterator<Item = usize> {
        self.rankings[&unit].iter().map(|(number, _)| *number)
    }

    /// As [`Placement::rank_for_more`] has it.
    pub(super) fn ranking_for_more(&self, unit: UnitId, holders: &[PublicKey]) -> Vec<Ranked> {
        self.placement.rank_for_more(&self.subject(unit), holders)
    }

    /// The nodes on which something new of a unit may be put.
    pub(super) fn ranking_for_new(&self, unit: UnitId) -> Vec<Ranked> {
        let ranking = self.rankings[&unit].iter();
        ranking.filter(|(number, _)| !self.nodes[*number].is_leaving).map(|(_, ranked)| *ranked).collect()
    }

    /// Failure domains in which something new can be put for good.
    pub(super) fn open_domains(&self) -> usize {
        let open = self.nodes.iter().filter(|node| node.is_listed && !node.is_gone && !node.is_leaving);
        open.map(|node| node.domain).collect::<BTreeSet<_>>().len()
    }

    pub(super) fn answers(&self, node: usize, now: u64) -> bool {
        self.nodes[node].offline_until <= now && !self.nodes[node].is_gone
    }

    pub(super) fn reaches(&self, steward: usize, node: usize, now: u64) -> bool {
        let is_cut = self.cuts.get(&(steward, node)).is_some_and(|until| now < *until);
        !is_cut && self.answers(node, now)
    }

    /// What ranks the nodes for a unit.
    fn subject(&self, unit: UnitId) -> [u8; 32] {
        let seed = *unit.0.root().as_bytes();
        if self.are_alike(unit) { seed } else { segment_seed(&seed, unit.1) }
    }

    /// What an audit by this steward finds of the parts of a unit: each is looked for where it is believed to be, then
    /// everywhere. Copies that are alike count where they are believed to be, and the others in the order in which they are found.
    pub(super) fn look_at(
        &self,
        steward: usize,
        unit: UnitId,
        believed: &[Option<PublicKey>],
        now: u64,
    ) -> Vec<Finding> {
        let mut elsewhere = self.others(steward, unit, believed, now).into_iter();
        let parts = (0..).zip(believed);
        let finding = |(part, believed): (u8, &Option<PublicKey>)| {
            let place = Place { cid: unit.0, unit: unit.1, part };
            let at_once = believed.filter(|node| self.proves(steward, self.index(node), &place, now));
            let other = if at_once.is_none() { elsewhere.next() } else { None };
            let (node, found) = match at_once.or(other) {
                Some(node) => (Some(node), Found::Proved),
                None => self.look(steward, &place, now),
            };
            Finding { unit: unit.1, part, node, found }
        };
        parts.map(finding).collect()
    }

    /// Where copies that are alike are besides those places where they are believed to be.
    fn others(
        &self,
        steward: usize,
        unit: UnitId,
        believed: &[Option<PublicKey>],
        now: u64,
    ) -> Vec<PublicKey> {
        if !self.are_alike(unit) {
            return Vec::new();
        }
        let place = Place { cid: unit.0, unit: unit.1, part: 0 };
        let proving = self.ranking(unit).filter(|node| self.proves(steward, *node, &place, now));
        proving.map(|node| self.nodes[node].id).filter(|node| !believed.contains(&Some(*node))).collect()
    }

    fn proves(&self, steward: usize, node: usize, place: &Place, now: u64) -> bool {
        let copy = self.nodes[node].copies.get(&self.kept_as(place));
        copy.is_some_and(|copy| copy.is_sound) && self.reaches(steward, node, now)
    }

    /// Where a part is proved, or why it is not. Of copies that are alike nobody is left that proves one.
    fn look(&self, steward: usize, place: &Place, now: u64) -> (Option<PublicKey>, Found) {
        let kept = self.kept_as(place);
        let (mut rotten, mut all_answer) = (None, true);
        for node in self.ranking((place.cid, place.unit)) {
            if !self.reaches(steward, node, now) {
                all_answer = false;
                continue;
            }
            match self.nodes[node].copies.get(&kept) {
                Some(copy) if copy.is_sound && !self.are_alike((place.cid, place.unit)) => {
                    return (Some(self.nodes[node].id), Found::Proved);
                }
                Some(copy) if !copy.is_sound => rotten = Some(self.nodes[node].id),
                _ => {}
            }
        }
        match rotten {
            Some(node) => (Some(node), Found::Corrupt),
            None if all_answer => (None, Found::Missing),
            None => (None, Found::Offline),
        }
    }

    /// True when the loss of this copy, which is sound, leaves one part less.
    pub(super) fn is_needed(&self, place: &Place, parts: usize) -> bool {
        self.sound(place) <= if self.are_alike((place.cid, place.unit)) { parts } else { 1 }
    }

    pub(super) fn sound(&self, kept: &Place) -> usize {
        let copies = self.nodes.iter().filter_map(|node| node.copies.get(kept));
        copies.filter(|copy| copy.is_sound).count()
    }

    /// Parts of a unit that exist somewhere.
    pub(super) fn existing(&self, unit: UnitId, parts: usize) -> usize {
        let place = |part| Place { cid: unit.0, unit: unit.1, part };
        if self.are_alike(unit) {
            return self.sound(&place(0)).min(parts);
        }
        let parts = 0..u8::try_from(parts).expect("at most 255");
        parts.filter(|part| self.sound(&place(*part)) > 0).count()
    }

    /// The vote on a claim: more than half of the voters must grant it.
    pub(super) fn vote(&mut self, by: usize, unit: UnitId, until: u64, now: u64) -> Vote {
        let voters: Vec<_> = self.ranking(unit).take(CLAIM_VOTERS).collect();
        let (mut granted, mut is_taken) = (Vec::new(), false);
        for voter in &voters {
            if !self.reaches(by, *voter, now) {
                continue;
            }
            let standing = self.nodes[*voter].claims.get(&unit).filter(|claim| claim.until > now);
            if standing.is_some_and(|claim| claim.by != by) {
                is_taken = true;
            } else {
                granted.push(*voter);
            }
        }
        if 2 * granted.len() > voters.len() {
            for voter in granted {
                self.nodes[voter].claims.insert(unit, Claim { by, until });
            }
            Vote::Ours
        } else if is_taken {
            Vote::Taken
        } else {
            Vote::None
        }
    }

    /// Ends the claims of a steward at this time at the latest: all, or those on one unit.
    pub(super) fn end_claims(&mut self, by: usize, on: Option<UnitId>, at: u64) {
        for node in &mut self.nodes {
            for (unit, claim) in &mut node.claims {
                if claim.by == by && on.is_none_or(|on| on == *unit) {
                    claim.until = claim.until.min(at);
                }
            }
            node.claims.retain(|_, claim| claim.until > 0);
        }
    }
}

/// How a vote went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vote {
    Ours,
    Taken,
    None,
}
