//! `headwater audit`: has every node of an object prove that it still has its shard.

use std::fmt;

use anyhow::Context;
use clap::Args;
use client::{AuditReport, Client, Object, PartReport, PartState};
use protocol::PublicKey;
use serde::Serialize;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::membership::Network;
use crate::secrets::SecretArg;
use crate::target::{Objects, Targets};

/// Have every node prove that it still has its shard
///
/// Each node must produce leaves of 1 KiB that are drawn at random now, with Merkle proofs against the roots in
/// the manifest. No key is needed: an address is enough. Exit status 1 when anything is not whole.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater audit @film.link
  headwater audit bafyr4i… --leaves 63
  headwater audit @film.link || headwater repair @film.link")]
pub(crate) struct Audit {
    /// The name, the link, or the address alone: itself, @FILE, or - for standard input. Of a folder of records all packs are audited
    target: SecretArg,

    /// How many leaves of each shard, 1 to 63; the last one, which proves the length, comes on top
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=63))]
    leaves: u32,
}

/// How many leaves show that a shard is there at all.
pub(super) const ONE_LEAF: u32 = 1;

#[derive(Serialize)]
struct Answer {
    cid: String,
    name: Option<String>,
    #[serde(rename = "type")]
    media_type: Option<String>,
    size: Option<u64>,
    coding: String,
    whole: bool,
    /// Tags that the object requires of every node with a part.
    requires: Vec<String>,
    /// Whether all nodes with a part have them; none when nothing is required.
    complies: Option<bool>,
    /// What `complies` rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_are: Option<&'static str>,
    parts: Vec<PartLine>,
    /// The packs, where it is a folder of records; `whole` above says it of all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packs: Vec<Answer>,
}

#[derive(Serialize)]
struct PartLine {
    part: String,
    root: String,
    node: Option<String>,
    state: &'static str,
    leaves: u32,
    /// Whether the node says of itself what is required; none when nothing is, or no node has the part.
    complies: Option<bool>,
}

/// A node signs its own record, tags and all.
const TAGS_ARE: &str = "self-declared";

impl Audit {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let whole = examine(globals, &self.target, self.leaves).await?;
        Ok(if whole { Outcome::Complete } else { Outcome::Incomplete })
    }
}

/// Audits all objects that an argument stands for, prints what was found, and says whether everything is whole.
pub(super) async fn examine(globals: &Globals, target: &SecretArg, leaves: u32) -> anyhow::Result<bool> {
    let targets = Targets::read(target, globals).await?;
    let audit = async |client: &Client| {
        let Objects { opened, cids } = targets.objects(client).await?;
        let mut audited = Vec::with_capacity(cids.len());
        for (number, cid) in cids.iter().enumerate() {
            let report = client.audit(cid, leaves).await.with_context(|| format!("cannot audit {cid}"))?;
            let opened = opened.as_ref().filter(|_| number == 0);
            let answer = Answer::new(&report, opened, |node| client.complies(node, &report.required));
            audited.push((answer, report));
        }
        Ok(audited)
    };
    let network = Network::load(globals.network.as_deref()).await?;
    let (answers, reports): (Vec<_>, Vec<_>) = network.with_client(None, audit).await?.into_iter().unzip();
    globals.output().answer(&Answer::of_all(answers))?;
    for report in reports.iter().filter(|report| !report.is_whole()) {
        let (cid, lost, parts) = (report.cid, report.lost().count(), report.parts.len());
        let way_out = way_out(report, network.file.nodes.len());
        globals.output().note(format_args!("{cid}: {lost} of {parts} parts are not whole; {way_out}"));
    }
    Ok(reports.iter().all(AuditReport::is_whole))
}

/// What brings back what is lost, on a network of so many nodes.
fn way_out(report: &AuditReport, nodes: usize) -> String {
    let is_away = |part: &PartReport| part.state != PartState::Damaged;
    if nodes <= usize::from(report.coding.total()) && report.lost().any(is_away) {
        return format!(
            "this network has {nodes} nodes, none of them to spare for a repair: bring back those that are down, or add \
             others with `headwater nodes --add`"
        );
    }
    "`headwater repair` brings them back".to_owned()
}

impl Answer {
    fn new(report: &AuditReport, object: Option<&Object>, complies: impl Fn(PublicKey) -> bool) -> Self {
        let is_bound = !report.required.is_empty();
        let complies = |part: &PartReport| part.node.filter(|_| is_bound).map(&complies);
        let parts: Vec<_> = report.parts.iter().map(|part| PartLine::new(part, complies(part))).collect();
        Self {
            cid: report.cid.to_string(),
            name: object.and_then(Object::name).map(str::to_owned),
            media_type: object.and_then(Object::media_type).map(str::to_owned),
            size: object.map(Object::len),
            coding: report.coding.to_string(),
            whole: report.is_whole(),
            requires: report.required.iter().map(str::to_owned).collect(),
            complies: is_bound.then(|| parts.iter().all(|part| part.complies != Some(false))),
            tags_are: is_bound.then_some(TAGS_ARE),
            parts,
            packs: Vec::new(),
        }
    }

    /// The first with all others in it.
    fn of_all(answers: Vec<Self>) -> Self {
        let mut answers = answers.into_iter();
        let mut first = answers.next().expect("an argument stands for one object at least");
        first.packs = answers.collect();
        first.whole &= first.packs.iter().all(|pack| pack.whole);
        first.complies =
            first.complies.map(|all| all && first.packs.iter().all(|p| p.complies != Some(false)));
        first
    }
}

impl PartLine {
    fn new(part: &PartReport, complies: Option<bool>) -> Self {
        Self {
            part: part.part.to_string(),
            root: part.root.to_string(),
            node: part.node.map(|node| node.to_string()),
            state: part.state.name(),
            leaves: part.leaves,
            complies,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "address  {}", self.cid)?;
        if let Some(name) = &self.name {
            writeln!(f, "name     {name}")?;
        }
        if let Some(media_type) = &self.media_type {
            writeln!(f, "type     {media_type}")?;
        }
        if let Some(size) = self.size {
            writeln!(f, "size     {size} bytes")?;
        }
        writeln!(f, "coding   {}", self.coding)?;
        if !self.requires.is_empty() {
            writeln!(f, "requires {}; tags of nodes are {TAGS_ARE}", self.requires.join(", "))?;
        }
        for part in &self.parts {
            let node = part.node.as_deref().map_or("no node", |node| &node[..10]);
            let complies = match part.complies {
                Some(true) => "  complies",
                Some(false) => "  DOES NOT COMPLY",
                None => "",
            };
            writeln!(f, "{:<12} {node:<10}  {}{complies}", part.state, part.part)?;
        }
        for pack in &self.packs {
            writeln!(f, "\n{pack}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chunker::RequiredTags;
    use client::Part;
    use proofs::{Cid, Root};

    use super::*;

    #[test]
    fn compliance_is_shown_where_tags_are_required() {
        let node = protocol::SecretKey::from_bytes(&[1; 32]).public();
        let part = |number, node| PartReport {
            part: Part::Manifest(number),
            root: Root::of(b"object"),
            node,
            state: PartState::Proved,
            leaves: 1,
        };
        let mut report = AuditReport {
            cid: Cid::of(b"object"),
            coding: "2+1".parse().unwrap(),
            required: RequiredTags::new(vec!["country=DE".to_owned()]).unwrap(),
            parts: vec![part(0, Some(node)), part(1, None)],
        };
        let answer = |report: &AuditReport, complies| Answer::new(report, None, |_| complies);
        let said = answer(&report, false).to_string();
        assert!(said.contains("requires country=DE; tags of nodes are self-declared"), "{said}");
        assert_eq!(said.matches("DOES NOT COMPLY").count(), 1, "no node, no answer: {said}");
        let json = serde_json::to_value(answer(&report, true)).unwrap();
        assert_eq!((&json["complies"], &json["tags_are"]), (&true.into(), &"self-declared".into()));
        assert_eq!(
            (&json["parts"][0]["complies"], json["parts"][1]["complies"].is_null()),
            (&true.into(), true)
        );
        report.required = RequiredTags::default();
        let json = serde_json::to_value(answer(&report, false)).unwrap();
        assert!(json["complies"].is_null() && json["parts"][0]["complies"].is_null());
    }

    #[test]
    fn a_repair_is_advised_where_there_is_a_node_for_it() {
        let report = |state| AuditReport {
            cid: Cid::of(b"object"),
            coding: "2+1".parse().unwrap(),
            required: RequiredTags::default(),
            parts: vec![PartReport {
                part: Part::Manifest(0),
                root: Root::of(b"object"),
                node: None,
                state,
                leaves: 0,
            }],
        };
        assert!(way_out(&report(PartState::Gone), 4).contains("headwater repair"));
        assert!(
            way_out(&report(PartState::Damaged), 3).contains("headwater repair"),
            "its node takes it again"
        );
        let advice = way_out(&report(PartState::Unavailable), 3);
        assert!(advice.contains("nodes --add") && !advice.contains("headwater repair"), "{advice}");
    }
}
