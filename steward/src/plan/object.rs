//! What a steward knows of one object.

use chunker::{Coding, Geometry};
use client::placement::segment_seed;
use proofs::Cid;
use protocol::{PublicKey, Tag, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::{Warned, unit_threshold};

/// One part of what is looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The object.
    pub cid: Cid,
    /// The segment; the number after the last one stands for the copies of the manifest.
    pub unit: u32,
    /// The number of the stored column in its segment, or of the copy.
    pub part: u8,
}

/// What was last found of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// Nobody has looked yet.
    Unknown,
    /// Its node proved it.
    Proved,
    /// Its node does not answer, and nobody else has it.
    Offline,
    /// Whoever could have it has answered, and has it not.
    Missing,
    /// Its node has it, but not as it should be.
    Corrupt,
}

/// What is known of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartCare {
    /// The node that proved it last, or should have.
    pub node: Option<PublicKey>,
    /// What was found.
    pub found: Found,
    /// Since when that is so.
    pub since: UnixSeconds,
    /// When it was last proved.
    pub proved: Option<UnixSeconds>,
}

/// Attempts to make a unit whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Repair {
    /// Failures in a row.
    pub failures: u32,
    /// Not again before.
    pub not_before: Option<UnixSeconds>,
    /// No claim could be decided, so the next attempt waits its turn and goes without one.
    pub without_claim: bool,
}

/// A segment, or the copies of the manifest: what is repaired at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// So many parts give all the others.
    pub needed: u8,
    /// At so many healthy parts, or fewer, it is repaired.
    pub threshold: u8,
    /// The parts.
    pub parts: Vec<PartCare>,
    /// Attempts to repair it since it was whole.
    pub repair: Repair,
    /// When it was last proved whole, as `docs/operating.md` defines that.
    pub whole: Option<UnixSeconds>,
}

/// The leases of an object's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Leases {
    /// When the first of them ends, as far as is known.
    pub ends: Option<UnixSeconds>,
    /// How often in a row some could not be renewed.
    pub failures: u32,
    /// When they are looked at next.
    pub next: Option<UnixSeconds>,
}

/// Everything a steward knows of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Data columns.
    pub data: u8,
    /// Parity columns.
    pub parity: u8,
    /// Segments in order, then the copies of the manifest.
    pub units: Vec<Unit>,
    /// When the mandate ends.
    pub mandate_ends: UnixSeconds,
    /// Until when the owner wants it kept.
    pub keep_until: UnixSeconds,
    /// Words by which the operator finds it.
    pub tags: Vec<String>,
    /// Since when it is looked after.
    pub added: UnixSeconds,
    /// When all of it is looked at next.
    pub next_audit: UnixSeconds,
    /// The seed of its places, from its manifest.
    pub seed: [u8; 32],
    /// Tags that nodes must have to be given a part, from its manifest.
    pub required: Vec<Tag>,
    /// Its leases.
    pub leases: Leases,
    /// Warnings given.
    pub warned: Vec<Warned>,
    /// The proof, in words, that it was put wrongly. It is not repaired then.
    pub inconsistent: Option<String>,
}

impl Object {
    /// An object of which nothing is known yet.
    pub fn new(
        geometry: &Geometry,
        mandate_ends: UnixSeconds,
        keep_until: UnixSeconds,
        tags: Vec<String>,
        now: UnixSeconds,
    ) -> Self {
        let coding = geometry.coding();
        let segments = geometry.all_segments();
        // Most segments are alike, and the model takes a moment.
        let mut units: Vec<Unit> = Vec::new();
        for (needed, parts) in segments.map(|segment| (segment.data_columns(), segment.stored())) {
            let like =
                units.last().filter(|unit| (unit.needed, unit.parts.len()) == (needed, usize::from(parts)));
            let unit = like.cloned().unwrap_or_else(|| Unit::new(needed, parts, now));
            units.push(unit);
        }
        units.push(Unit::new(1, coding.total(), now));
        Self {
            data: coding.data(),
            parity: coding.parity(),
            units,
            mandate_ends,
            keep_until,
            tags,
            added: now,
            next_audit: now,
            seed: [0; 32],
            required: Vec::new(),
            leases: Leases::default(),
            warned: Vec::new(),
            inconsistent: None,
        }
    }

    /// The same with what its manifest says of its places.
    #[must_use]
    pub fn with_places(self, seed: [u8; 32], required: Vec<Tag>) -> Self {
        Self { seed, required, ..self }
    }

    /// When care for it ends: what comes first of the owner's wish and the mandate's end.
    pub fn care_ends(&self) -> UnixSeconds {
        self.keep_until.min(self.mandate_ends)
    }

    /// Data and parity columns.
    pub fn coding(&self) -> Option<Coding> {
        Coding::new(self.data, self.parity).ok()
    }

    /// What ranks the nodes for a unit.
    pub fn seed_of_places(&self, cid: &Cid, unit: u32) -> [u8; 32] {
        if unit == self.copies() { *cid.root().as_bytes() } else { segment_seed(&self.seed, unit) }
    }

    /// The number of the unit that stands for the copies of the manifest.
    pub fn copies(&self) -> u32 {
        u32::try_from(self.units.len() - 1).expect("an object has at most 32 736 segments")
    }
}

impl Unit {
    fn new(needed: u8, parts: u8, now: UnixSeconds) -> Self {
        let part = PartCare { node: None, found: Found::Unknown, since: now, proved: None };
        let threshold = unit_threshold(needed, parts);
        let parts = vec![part; usize::from(parts)];
        Self { needed, threshold, parts, repair: Repair::default(), whole: None }
    }
}
