//! Objects that a steward has looked after for a while.

use std::collections::BTreeMap;

use chunker::{CellSize, Coding, Geometry};
use proofs::Cid;
use protocol::{PublicKey, UnixSeconds};
use steward::plan::{Found, Object};

use super::{CODING, HOUR, START};
use crate::sim::Dice;

/// Objects that were found whole, their parts on nodes drawn at random, audits and leases spread as months would have.
pub(super) fn stored(objects: usize, keys: &[PublicKey], dice: &mut Dice) -> BTreeMap<Cid, Object> {
    let coding: Coding = CODING.parse().expect("a coding");
    let geometry = Geometry::new(coding, CellSize::LARGEST, 7).expect("a geometry");
    let (now, ends) = (UnixSeconds::new(START), UnixSeconds::new(START + 2000 * 24 * HOUR));
    let whole = Object::new(&geometry, ends, ends, Vec::new(), now);
    let draw = |_| {
        let mut object = whole.clone();
        object.next_audit = now.plus(dice.of(0..30 * 24 * HOUR));
        object.leases.ends = Some(ends);
        object.leases.next = Some(now.plus(dice.of(0..30 * 24 * HOUR)));
        for unit in &mut object.units {
            let nodes = distinct(unit.parts.len(), keys.len(), dice);
            for (care, node) in unit.parts.iter_mut().zip(nodes) {
                care.node = Some(keys[node]);
                (care.found, care.proved) = (Found::Proved, Some(now));
            }
        }
        (Cid::of(&dice.array::<16>()), object)
    };
    (0..objects).map(draw).collect()
}

/// So many different numbers below `below`.
fn distinct(count: usize, below: usize, dice: &mut Dice) -> Vec<usize> {
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        let number = dice.index(below);
        if !drawn.contains(&number) {
            drawn.push(number);
        }
    }
    drawn
}
