//! What a steward knows of the nodes: out of its folder, or from the gateway in which it runs.

use std::collections::BTreeMap;
use std::path::Path;

use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use steward::{Standing, Status};

use crate::commands::steward::status;
use crate::failure::Usage;
use crate::gateway_api;

/// What a steward knows of one node.
#[derive(Clone, Debug, Serialize)]
pub(super) struct NodeCare {
    /// Whether it gets a shard only when no other takes it.
    pub(super) avoided: bool,
    pub(super) parts: u64,
    pub(super) offline_since: Option<u64>,
    /// When it last proved something.
    pub(super) proved: Option<u64>,
    /// Points that are left, in thousandths: offline, slow, missing, corrupt.
    pub(super) points_milli: [u64; 4],
}

/// By the node's id in hexadecimal.
pub(super) type Care = BTreeMap<String, NodeCare>;

/// Reads it where the user says: an address of a gateway, or a folder.
pub(super) async fn read(place: &str) -> anyhow::Result<Care> {
    if !place.contains("://") {
        return Ok(of_status(&status::read(Path::new(place))?));
    }
    let gateway = gateway_api::address(place).map_err(|error| Usage::because(error.to_string()))?;
    let answer: NodeList = gateway_api::nodes(&gateway).await?;
    if answer.steward.is_none() {
        anyhow::bail!("no steward runs in the gateway at {place}");
    }
    Ok(answer.nodes.into_iter().filter_map(|node| Some((node.id, node.care?.into()))).collect())
}

fn of_status(status: &Status) -> Care {
    let lines = status.nodes.iter().map(|line| {
        let care = NodeCare {
            avoided: line.standing == Standing::Avoided,
            parts: line.parts as u64,
            offline_since: line.offline_since.map(UnixSeconds::get),
            proved: line.proved.map(UnixSeconds::get),
            points_milli: line.points_milli,
        };
        (line.node.clone(), care)
    });
    lines.collect()
}

/// What of a gateway's answer matters here.
#[derive(Debug, Deserialize)]
struct NodeList {
    nodes: Vec<Node>,
    steward: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    care: Option<CareView>,
}

#[derive(Debug, Deserialize)]
struct CareView {
    is_avoided: bool,
    parts: u64,
    offline_since: Option<u64>,
    proved: Option<u64>,
    points_milli: BTreeMap<String, u64>,
}

impl From<CareView> for NodeCare {
    fn from(view: CareView) -> Self {
        let points = |kind: &str| view.points_milli.get(kind).copied().unwrap_or(0);
        Self {
            points_milli: ["offline", "slow", "missing", "corrupt"].map(points),
            avoided: view.is_avoided,
            parts: view.parts,
            offline_since: view.offline_since,
            proved: view.proved,
        }
    }
}
