//! `headwater steward list` and `status`: what the steward last wrote about itself.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, bail};
use clap::Args;
use protocol::UnixSeconds;
use serde::Serialize;
use steward::{NodeLine, ObjectLine, ObjectState, Status};

use super::wards::Folder;
use crate::arguments::Globals;
use crate::failure::Outcome;

/// A steward that has written nothing for so long, in seconds, is called silent.
const SILENT_AFTER_S: u64 = 180;

/// List what is looked after
///
/// The most endangered objects come first.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater steward list
  headwater steward list --tag films
  headwater steward list --json | jq '.objects[] | select(.state != \"whole\")'")]
pub(super) struct List {
    /// Only objects with this word
    #[arg(long, value_name = "WORD")]
    tag: Option<String>,

    #[command(flatten)]
    folder: Folder,
}

/// Say how everything stands
///
/// Exit status 1 when an object is at risk, or the steward does not run.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater steward status
  headwater steward status --json | jq .states")]
pub(super) struct Show {
    #[command(flatten)]
    folder: Folder,
}

#[derive(Serialize)]
struct Listing {
    at: UnixSeconds,
    objects: Vec<ObjectLine>,
}

#[derive(Serialize)]
struct Answer {
    silent_s: u64,
    #[serde(flatten)]
    status: Status,
}

impl List {
    pub(super) fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let Status { at, mut objects, .. } = read(&self.folder.dir()?)?;
        if let Some(tag) = &self.tag {
            objects.retain(|object| object.tags.contains(tag));
        }
        globals.output().answer(&Listing { at, objects })?;
        Ok(Outcome::Complete)
    }
}

impl Show {
    pub(super) fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let status = read(&self.folder.dir()?)?;
        let silent_s = UnixSeconds::from(SystemTime::now()).seconds_since(status.at);
        let endangered = status.states.iter().any(|(state, _)| *state <= ObjectState::AtRisk);
        globals.output().answer(&Answer { silent_s, status })?;
        let is_well = silent_s < SILENT_AFTER_S && !endangered;
        Ok(if is_well { Outcome::Complete } else { Outcome::Incomplete })
    }
}

/// What the steward in this folder last wrote about itself.
pub(crate) fn read(dir: &Path) -> anyhow::Result<Status> {
    let path = dir.join("status.json");
    if !path.exists() {
        bail!("no steward has run in {}", dir.display());
    }
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("cannot understand {}", path.display()))
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for object in &self.objects {
            write_object(f, object)?;
        }
        Ok(())
    }
}

fn write_object(f: &mut fmt::Formatter<'_>, object: &ObjectLine) -> fmt::Result {
    write!(f, "{:<13}", object.state.name())?;
    match object.spare {
        Some(spare) => write!(f, "{spare:+} ")?,
        None => write!(f, " ? ")?,
    }
    write!(f, " until {}  {}", object.care_ends, object.cid)?;
    if !object.tags.is_empty() {
        write!(f, "  [{}]", object.tags.join(" "))?;
    }
    if let Some(days) = object.warnings.first() {
        write!(f, "  ends within {days} days")?;
    }
    writeln!(f)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { objects_total, states, repair_queue, nodes, objects, .. } = &self.status;
        if self.silent_s >= SILENT_AFTER_S {
            writeln!(f, "the steward has written nothing for {} s: it does not run", self.silent_s)?;
        }
        let counts: Vec<_> =
            states.iter().map(|(state, count)| format!("{count} {}", state.name())).collect();
        writeln!(f, "{objects_total} objects: {}", counts.join(", "))?;
        writeln!(f, "{repair_queue} segments wait for repair")?;
        let absent = objects.iter().filter(|object| object.state != ObjectState::Whole);
        absent.take(OBJECTS_SHOWN).try_for_each(|object| write_object(f, object))?;
        nodes.iter().try_for_each(|node| write_node(f, node))
    }
}

/// Objects shown that are not whole.
const OBJECTS_SHOWN: usize = 20;

fn write_node(f: &mut fmt::Formatter<'_>, node: &NodeLine) -> fmt::Result {
    let [offline, slow, missing, corrupt] = node.points_milli.map(|milli| milli.div_ceil(1000));
    write!(f, "node {}  {} parts", &node.node[..10], node.parts)?;
    if let Some(since) = node.offline_since {
        write!(f, ", offline since {since}")?;
    }
    if offline + slow + missing + corrupt > 0 {
        write!(f, ", points: offline {offline}, slow {slow}, missing {missing}, corrupt {corrupt}")?;
    }
    if node.standing == steward::Standing::Avoided {
        write!(f, ", avoided")?;
    }
    writeln!(f)
}
