//! What nodes said when they were asked to end leases, in words, for whichever command asked them.

use std::collections::BTreeMap;
use std::fmt;

use account::Released as Answer;
use client::{NodeRelease, ReleaseReport};
use protocol::PublicKey;
use serde::{Serialize, Serializer};

/// What nodes said when objects were released.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Released {
    /// Leases that nodes say they ended.
    pub(crate) ended: usize,
    /// Each node that had anything, or did not confirm.
    #[serde(serialize_with = "lines")]
    nodes: BTreeMap<PublicKey, Said>,
    /// Why some nodes could not be asked yet.
    pub(crate) later: Option<String>,
    /// All that they said, object by object.
    #[serde(skip)]
    pub(crate) reports: Vec<ReleaseReport>,
}

/// What one node said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Ended(usize),
    NotConfirmed(String),
}

#[derive(Serialize)]
struct Line {
    node: String,
    said: String,
}

impl Released {
    /// Adds what was said of one object. That no node has anything of it is nothing to be told of a part.
    pub(crate) fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Asked(report) => self.report(report),
            Answer::Unknown => {}
            Answer::NotOurs => {
                self.later = Some("another account put it: only that one can release it".to_owned());
            }
            Answer::Later(error) => {
                self.later = Some(format!("it is tried again by later commands: {error}"));
            }
        }
    }

    /// Adds what every node said of one object.
    pub(crate) fn report(&mut self, report: ReleaseReport) {
        self.ended += report.ended();
        for (node, said) in &report.nodes {
            match said {
                NodeRelease::HeldNothing => {}
                NodeRelease::Ended(ends) => self.enter(*node, Said::Ended(ends.len())),
                NodeRelease::Unconfirmed(why) => self.enter(*node, Said::NotConfirmed(why.clone())),
            }
        }
        self.reports.push(report);
    }

    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.ended += other.ended;
        self.later = self.later.or(other.later);
        for (node, said) in other.nodes {
            self.enter(node, said);
        }
        self.reports.extend(other.reports);
        self
    }

    /// Whether every node has confirmed, and all could be asked.
    pub(crate) fn is_over(&self) -> bool {
        self.later.is_none() && self.unconfirmed().next().is_none()
    }

    /// The nodes that did not confirm, and why.
    pub(crate) fn unconfirmed(&self) -> impl Iterator<Item = String> {
        let lines = self.nodes.iter().filter(|(_, said)| matches!(said, Said::NotConfirmed(_)));
        lines.map(|(node, said)| format!("{}: {said}", node.fmt_short()))
    }

    /// A node that has not confirmed something has not confirmed all of it.
    fn enter(&mut self, node: PublicKey, new: Said) {
        let both = match (self.nodes.remove(&node), new) {
            (Some(Said::Ended(before)), Said::Ended(more)) => Said::Ended(before + more),
            (Some(known @ Said::NotConfirmed(_)), Said::Ended(_)) => known,
            (_, new) => new,
        };
        self.nodes.insert(node, both);
    }
}

fn lines<S: Serializer>(nodes: &BTreeMap<PublicKey, Said>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer
        .collect_seq(nodes.iter().map(|(node, said)| Line { node: node.to_string(), said: said.to_string() }))
}

/// A line for each node.
impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.iter().try_for_each(|(node, said)| writeln!(f, "  {}  {said}", node.fmt_short()))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(1) => f.write_str("ended 1 lease"),
            Self::Ended(leases) => write!(f, "ended {leases} leases"),
            Self::NotConfirmed(why) => write!(f, "not confirmed: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    #[test]
    fn a_node_that_did_not_confirm_something_is_not_hidden_by_what_it_confirmed() {
        let nodes = [1, 2].map(|number| SecretKey::from_bytes(&[number; 32]).public());
        let mut one = Released { ended: 2, ..Released::default() };
        one.enter(nodes[0], Said::Ended(2));
        one.enter(nodes[1], Said::NotConfirmed("it is silent".to_owned()));
        let mut two = Released { ended: 4, ..Released::default() };
        two.enter(nodes[0], Said::Ended(3));
        two.enter(nodes[1], Said::Ended(1));
        assert!(two.is_over() && !one.is_over());
        let both = one.and(two);
        assert_eq!((both.ended, both.is_over()), (6, false));
        let said = serde_json::to_value(&both).unwrap();
        let all: Vec<_> = said["nodes"].as_array().unwrap().iter().map(|line| line["said"].clone()).collect();
        assert!(
            all.contains(&"ended 5 leases".into()) && all.contains(&"not confirmed: it is silent".into()),
            "{said}"
        );
        assert_eq!(said.get("reports"), None);
        assert_eq!(both.unconfirmed().count(), 1);
    }
}
