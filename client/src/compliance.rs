//! Which nodes may keep the parts of an object that requires tags (spec sections 8 and 12).

use std::fmt;
use std::sync::Arc;

use chunker::{Manifest, RequiredTags};
use network::Members;
use proofs::Cid;
use protocol::PublicKey;

use crate::client::Client;
use crate::placement::{Placement, Ranked};
use crate::plan::fetch::FETCH_NODES_MAX;
use crate::roster::View;

/// How many of the known nodes say of themselves what an object requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCensus {
    /// Each required tag, and how many nodes have it in their records.
    pub tags: Vec<(String, usize)>,
    /// How many have all of them.
    pub complying: usize,
    /// How many nodes there are.
    pub nodes: usize,
}

impl fmt::Display for TagCensus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tags, complying, nodes } = self;
        let lines: Vec<_> =
            tags.iter().map(|(tag, having)| format!("{tag}, which {having} of {nodes} nodes say")).collect();
        write!(f, "it requires {}", lines.join(", and "))?;
        if tags.len() > 1 { write!(f, "; {complying} have all of it") } else { Ok(()) }
    }
}

impl Client {
    /// Whether a node says of itself, in its signed record, all that is required.
    pub fn complies(&self, node: PublicKey, required: &RequiredTags) -> bool {
        complies(&self.members(), &node, required)
    }

    /// Counts the nodes that have required tags.
    pub fn census(&self, required: &RequiredTags) -> TagCensus {
        let members = self.members();
        let having = |tag: &str| {
            let has = |one: &&protocol::Signed<protocol::NodeRecord>| has_tag(&one.body().tags, tag);
            members.iter().filter(has).count()
        };
        TagCensus {
            tags: required.iter().map(|tag| (tag.to_owned(), having(tag))).collect(),
            complying: members.iter().filter(|one| complies(&members, &one.by(), required)).count(),
            nodes: members.len(),
        }
    }

    /// How many parts of one segment find a place: the failure domains of nodes that take something new and have these tags.
    pub fn places_for(&self, required: &RequiredTags) -> usize {
        self.placement_requiring(required).domains()
    }

    /// Where the parts of an object with this manifest are, and may go.
    pub(crate) fn placement_of(&self, manifest: &Manifest) -> Arc<Placement> {
        self.placement_requiring(manifest.required())
    }

    /// The same for an object that is to come.
    pub(crate) fn placement_requiring(&self, required: &RequiredTags) -> Arc<Placement> {
        let View { members, placement } = self.wire.roster().view();
        if required.is_empty() {
            return placement;
        }
        Arc::new(Placement::clone(&placement).for_those_who(|id| complies(&members, id, required)))
    }

    /// Nodes that may be given a copy of a manifest, best first: where tags are required, only those among which anybody
    /// looks for it that knows nothing but its address.
    pub(crate) fn homes_of_copies(&self, cid: Cid, required: &RequiredTags) -> Vec<Ranked> {
        let seed = cid.root();
        let mut ranking = self.placement_requiring(required).rank_for_new(seed.as_bytes());
        if !required.is_empty() {
            let searched = self.placement().rank(seed.as_bytes());
            let searched = &searched[..FETCH_NODES_MAX.min(searched.len())];
            ranking.retain(|node| searched.iter().any(|other| other.id == node.id));
        }
        ranking
    }
}

fn complies(members: &Members, node: &PublicKey, required: &RequiredTags) -> bool {
    let record = members.get(node);
    record.is_some_and(|record| required.iter().all(|tag| has_tag(&record.body().tags, tag)))
}

fn has_tag(tags: &[protocol::Tag], required: &str) -> bool {
    tags.iter().any(|tag| tag.as_str() == required)
}
