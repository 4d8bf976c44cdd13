//! What is on which node, and what a steward sees of it.

use std::collections::{BTreeMap, BTreeSet};

use client::placement::{Placement, Site, segment_seed};
use protocol::limits::CLAIM_VOTERS;
use protocol::{PublicKey, SecretKey};
use steward::plan::{Found, Place};

use crate::sim::Dice;

/// A copy of a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy {
    pub(super) is_sound: bool,
    pub(super) expires: u64,
    /// The steward that made it, and when; those of the first put have none.
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
    pub(super) offline_until: u64,
    pub(super) copies: BTreeMap<Place, Copy>,
    pub(super) claims: BTreeMap<(proofs::Cid, u32), Claim>,
}

/// All nodes, and who cannot reach whom.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) nodes: Vec<Node>,
    placement: Placement,
    /// The order of nodes for each unit, the same for ever.
    rankings: BTreeMap<(proofs::Cid, u32), Vec<usize>>,
    /// (steward, node) → until when they are cut off from each other.
    pub(super) cuts: BTreeMap<(usize, usize), u64>,
}

impl Network {
    pub(super) fn new(nodes: usize, dice: &mut Dice) -> Self {
        let keys: Vec<_> = (0..nodes).map(|_| SecretKey::from_bytes(&dice.array()).public()).collect();
        let addr = "127.0.0.1:1".parse().expect("an address");
        let sites: Vec<_> = keys.iter().map(|id| Site { id: *id, class: 0, addr, declared: None }).collect();
        let node = |id| Node { id, offline_until: 0, copies: BTreeMap::new(), claims: BTreeMap::new() };
        Self {
            nodes: keys.into_iter().map(node).collect(),
            placement: Placement::new(&sites, true),
            rankings: BTreeMap::new(),
            cuts: BTreeMap::new(),
        }
    }

    pub(super) fn index(&self, id: &PublicKey) -> usize {
        self.nodes.iter().position(|node| node.id == *id).expect("nobody names strangers")
    }

    /// Works out the order of nodes for a unit.
    pub(super) fn rank(&mut self, cid: proofs::Cid, unit: u32) {
        let subject = segment_seed(cid.root().as_bytes(), unit);
        let ranking = self.placement.rank(&subject).iter().map(|ranked| self.index(&ranked.id)).collect();
        self.rankings.insert((cid, unit), ranking);
    }

    /// The order of nodes for a unit.
    pub(super) fn ranking(&self, cid: &proofs::Cid, unit: u32) -> &[usize] {
        &self.rankings[&(*cid, unit)]
    }

    pub(super) fn reaches(&self, steward: usize, node: usize, now: u64) -> bool {
        let is_cut = self.cuts.get(&(steward, node)).is_some_and(|until| now < *until);
        !is_cut && self.nodes[node].offline_until <= now
    }

    /// What an audit by this steward finds of a part: where it is proved, or why not.
    pub(super) fn look(&self, steward: usize, place: &Place, now: u64) -> (Option<PublicKey>, Found) {
        let (mut rotten, mut all_answer) = (None, true);
        for node in self.ranking(&place.cid, place.unit).iter().copied() {
            if !self.reaches(steward, node, now) {
                all_answer = false;
                continue;
            }
            match self.nodes[node].copies.get(place) {
                Some(copy) if copy.is_sound => return (Some(self.nodes[node].id), Found::Proved),
                Some(_) => rotten = Some(self.nodes[node].id),
                None => {}
            }
        }
        match rotten {
            Some(node) => (Some(node), Found::Corrupt),
            None if all_answer => (None, Found::Missing),
            None => (None, Found::Offline),
        }
    }

    /// Sound copies of a part, wherever they are.
    pub(super) fn sound(&self, place: &Place) -> usize {
        let copies = self.nodes.iter().filter_map(|node| node.copies.get(place));
        copies.filter(|copy| copy.is_sound).count()
    }

    /// Parts of a unit that exist somewhere.
    pub(super) fn existing(&self, cid: proofs::Cid, unit: u32, parts: usize) -> usize {
        let parts = 0..u8::try_from(parts).expect("at most 255");
        parts.filter(|part| self.sound(&Place { cid, unit, part: *part }) > 0).count()
    }

    /// The nodes that have some part of a unit.
    pub(super) fn having(&self, cid: proofs::Cid, unit: u32) -> BTreeSet<usize> {
        let has = |node: &Node| node.copies.keys().any(|place| place.cid == cid && place.unit == unit);
        self.nodes.iter().enumerate().filter(|(_, node)| has(node)).map(|(index, _)| index).collect()
    }

    /// The vote on a claim: more than half of the voters must grant it.
    pub(super) fn vote(&mut self, by: usize, unit: (proofs::Cid, u32), until: u64, now: u64) -> Vote {
        let voters: Vec<_> = self.ranking(&unit.0, unit.1).iter().copied().take(CLAIM_VOTERS).collect();
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
    pub(super) fn end_claims(&mut self, by: usize, on: Option<(proofs::Cid, u32)>, at: u64) {
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
