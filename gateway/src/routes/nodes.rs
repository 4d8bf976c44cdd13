//! `GET /api/nodes` and `GET /api/audits`: how the nodes are and what audits of them found, for anybody. Neither names
//! an object.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderName;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use client::health::Standing;
use protocol::{NodeRecord, Signed, UnixSeconds};
use serde::{Deserialize, Serialize};
use steward::{HOURS_KEPT, HourLine, Observer, Status};
use utoipa::ToSchema;

use crate::gateway::{Gateway, now};
use crate::problem::{Code, Problem};
use crate::survey::{Finding, Findings};

/// Hours that are shown if nothing is said.
const HOURS: usize = 24;
/// Cells of the history in one answer; of more nodes than that allows, those with most audits not passed are shown.
const CELLS_MAX: usize = 20_000;
/// Who asks again shortly gets what they had.
const FOR_A_MOMENT: (HeaderName, &str) = (CACHE_CONTROL, "public, max-age=1");

/// The nodes of the network.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NodeList {
    /// When the nodes were asked, in seconds since 1970.
    at: u64,
    network: String,
    /// How many there are; of more than 256 the others are not listed.
    known: usize,
    nodes: Vec<NodeView>,
    /// The steward that runs in this gateway; null where none does.
    steward: Option<StewardView>,
}

/// One node: what it says of itself, whether it answers, and what the steward thinks of it.
#[derive(Debug, Serialize, ToSchema)]
struct NodeView {
    /// In hexadecimal.
    id: String,
    is_up: bool,
    /// When it last answered this gateway.
    seen: Option<u64>,
    answered_ms: Option<u64>,
    /// Whether this gateway avoids it at the moment, for what it did lately.
    is_suspect: bool,
    /// Whether its shards are being moved away.
    leaving: bool,
    class: u8,
    domain: Option<String>,
    operator: Option<String>,
    tags: Vec<String>,
    /// Micro-units for a GiB and a month.
    price: u64,
    version: Option<String>,
    /// When it signed its record.
    issued: u64,
    shards: Option<u64>,
    /// Bytes.
    stored: Option<u64>,
    /// Bytes.
    capacity: Option<u64>,
    care: Option<CareView>,
}

/// What the steward thinks of a node.
#[derive(Debug, Serialize, ToSchema)]
struct CareView {
    /// Whether it gets a shard only when no other takes it.
    is_avoided: bool,
    /// Parts that it should have of what is looked after.
    parts: usize,
    offline_since: Option<u64>,
    /// When it last proved something.
    proved: Option<u64>,
    /// Thousandths of points that are left, by kind of fault.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    points_milli: BTreeMap<&'static str, u64>,
}

/// How the steward is, without a word of what it looks after.
#[derive(Debug, Serialize, ToSchema)]
struct StewardView {
    /// When it last said how things stand.
    at: u64,
    /// Bytes per second that audits and repairs may take; null without a limit.
    limit: Option<u64>,
    /// Bytes per second that they took in the last minute.
    rate: u64,
    /// Bytes that they took since it began.
    total: u64,
}

/// The nodes of the network, and how they are.
#[utoipa::path(
    get, path = "/api/nodes", tag = "nodes",
    responses((status = 200, description = "as they answered within the last seconds", body = NodeList)),
)]
pub(super) async fn list(State(gateway): State<Gateway>) -> Response {
    let findings = gateway.survey().findings(gateway.client()).await;
    let status = gateway.config().steward.as_ref().map(Observer::status);
    ([FOR_A_MOMENT], Json(NodeList::new(&gateway, &findings, status.as_deref()))).into_response()
}

impl NodeList {
    fn new(gateway: &Gateway, findings: &Findings, status: Option<&Status>) -> Self {
        let members = gateway.client().members();
        let records: BTreeMap<_, _> = members.iter().map(|record| (record.by(), record)).collect();
        let nodes = findings.nodes.iter().filter_map(|(node, finding)| {
            let is_suspect = gateway.client().health(*node).standing == Standing::Suspect;
            Some(NodeView::new(records.get(node)?, finding, is_suspect, status))
        });
        Self {
            at: findings.at.get(),
            network: gateway.client().network().to_string(),
            known: members.len(),
            nodes: nodes.collect(),
            steward: status.map(StewardView::of),
        }
    }
}

impl NodeView {
    fn new(
        record: &Signed<NodeRecord>,
        finding: &Finding,
        is_suspect: bool,
        steward: Option<&Status>,
    ) -> Self {
        let (id, body, status) = (record.by().to_string(), record.body(), finding.status.as_ref());
        let said = Some(body.version.as_str().to_owned()).filter(|version| !version.is_empty());
        Self {
            care: steward.and_then(|steward| CareView::of(steward, &id)),
            id,
            is_up: status.is_some(),
            seen: finding.seen.map(UnixSeconds::get),
            answered_ms: finding.answered_ms,
            is_suspect,
            leaving: body.leaving,
            class: body.class.get(),
            domain: body.domain.as_ref().map(|domain| domain.as_str().to_owned()),
            operator: body.operator.map(|operator| operator.to_string()),
            tags: body.tags.iter().map(ToString::to_string).collect(),
            price: body.price.get(),
            version: status.map(|status| status.version.as_str().to_owned()).or(said),
            issued: body.issued.get(),
            shards: status.map(|status| status.shards),
            stored: status.map(|status| status.stored),
            capacity: status.map(|status| status.capacity),
        }
    }
}

impl CareView {
    fn of(steward: &Status, id: &str) -> Option<Self> {
        let line = steward.nodes.iter().find(|line| line.node == id)?;
        Some(Self {
            is_avoided: line.standing == steward::Standing::Avoided,
            parts: line.parts,
            offline_since: line.offline_since.map(UnixSeconds::get),
            proved: line.proved.map(UnixSeconds::get),
            points_milli: ["offline", "slow", "missing", "corrupt"]
                .into_iter()
                .zip(line.points_milli)
                .collect(),
        })
    }
}

impl StewardView {
    fn of(status: &Status) -> Self {
        let steward::Traffic { limit, rate, total } = status.traffic;
        Self { at: status.at.get(), limit, rate, total }
    }
}

/// What of the history is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    /// 1 to 168; 24 if nothing is said.
    hours: Option<usize>,
}

/// What audits of nodes found, hour by hour.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditHistory {
    /// The current hour: whole hours since 1970.
    hour: u64,
    /// Hours up to the current one.
    hours: usize,
    /// How many nodes were audited; of very many only those with most audits not passed are listed.
    audited: usize,
    nodes: Vec<AuditedNode>,
}

/// The audits of one node.
#[derive(Debug, Serialize, ToSchema)]
struct AuditedNode {
    /// In hexadecimal.
    id: String,
    /// Only hours with an audit, the oldest first.
    hours: Vec<AuditedHour>,
}

/// The audits of a node in one hour.
#[derive(Debug, Serialize, ToSchema)]
struct AuditedHour {
    /// Whole hours since 1970.
    hour: u64,
    /// `proved`, `slow`, `offline`, `missing` or `corrupt`: the worst of them.
    result: &'static str,
    audits: u32,
    /// Audits that were not passed.
    failed: u32,
    /// Parts that the worst one drew.
    asked: u16,
    proved: u16,
    took_ms: u64,
    /// Why it was not passed.
    reason: Option<String>,
}

/// What audits of the nodes found in the last hours; nothing where no steward runs in this gateway.
#[utoipa::path(
    get, path = "/api/audits", tag = "nodes",
    params(("hours" = Option<u32>, Query, description = "1 to 168; 24 if nothing is said")),
    responses((status = 200, body = AuditHistory), (status = 400)),
)]
pub(super) async fn audits(
    State(gateway): State<Gateway>,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(span) = span.map_err(|error| Problem::new(Code::BadRequest, error.body_text()))?;
    let hours = span.hours.unwrap_or(HOURS);
    if !(1..=HOURS_KEPT).contains(&hours) {
        return Err(Problem::new(Code::BadRequest, format!("hours is 1 to {HOURS_KEPT}, not {hours}")));
    }
    let now = now();
    let steward = gateway.config().steward.as_ref();
    let audited = steward.map(|steward| steward.audits(hours, CELLS_MAX / hours, now)).unwrap_or_default();
    let (hour, count) = (now.get() / 3600, audited.total);
    let nodes = audited.nodes.into_iter().map(|(id, lines)| AuditedNode {
        id: id.to_string(),
        hours: lines.into_iter().map(AuditedHour::from).collect(),
    });
    let history = AuditHistory { hour, hours, audited: count, nodes: nodes.collect() };
    Ok(([FOR_A_MOMENT], Json(history)).into_response())
}

impl From<HourLine> for AuditedHour {
    fn from(line: HourLine) -> Self {
        let HourLine { hour, audits, failed, worst } = line;
        let (asked, proved, took_ms) = (worst.asked, worst.proved, worst.took_ms);
        Self {
            hour,
            result: worst.result.name(),
            audits,
            failed,
            asked,
            proved,
            took_ms,
            reason: worst.reason,
        }
    }
}
