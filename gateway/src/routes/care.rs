//! `GET /api/care`: what the steward in this gateway looks after, and what is at risk. For its operators alone: it
//! names objects. There is no key and no link in it, and none can be made of it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use protocol::UnixSeconds;
use serde::Serialize;
use steward::{ObjectLine, Observer, RepairLine, RepairState, Status};
use utoipa::ToSchema;

use crate::gateway::Gateway;
use crate::problem::{Code, Problem};

/// Objects listed, the most endangered first.
const OBJECTS_MAX: usize = 200;

/// How everything stands that is looked after.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Care {
    /// The steward that runs in this gateway; null where none does.
    steward: Option<CareStatus>,
}

/// What a steward says of itself.
#[derive(Debug, Serialize, ToSchema)]
struct CareStatus {
    /// When it said so, in seconds since 1970.
    at: u64,
    /// The payer key for which mandates are written, in hexadecimal.
    holder: String,
    objects_total: usize,
    /// How many objects are in each state: unreadable, inconsistent, `at_risk`, weakened, unknown, whole.
    #[schema(value_type = std::collections::BTreeMap<String, usize>)]
    states: BTreeMap<&'static str, usize>,
    /// Segments that wait to be repaired, those that wait after a failure left out.
    repair_queue: usize,
    /// At most 200, the most endangered first.
    repairs: Vec<RepairView>,
    /// At most 200, the most endangered first.
    objects: Vec<ObjectView>,
}

/// A segment that is repaired, or is to be.
#[derive(Debug, Serialize, ToSchema)]
struct RepairView {
    cid: String,
    /// The number of the segment; null for the copies of the manifest.
    segment: Option<u32>,
    /// `running`, `waiting`, or `failed`: it waits for another attempt.
    state: &'static str,
    /// Proved parts above those needed to read it.
    spare: i16,
    proved: u8,
    needed: u8,
    parts: u8,
    since: u64,
    /// Attempts in a row that failed.
    failures: u32,
    /// When it is tried again.
    again: Option<u64>,
}

/// An object.
#[derive(Debug, Serialize, ToSchema)]
struct ObjectView {
    cid: String,
    state: &'static str,
    tags: Vec<String>,
    /// Of its weakest segment: parts that are proved, or whose nodes are not away for long.
    healthy: Option<u8>,
    /// Parts that it takes to read it.
    needed: Option<u8>,
    /// Parts that there should be.
    parts: Option<u8>,
    /// It is repaired when so few are healthy.
    threshold: Option<u8>,
    absent: u32,
    /// When its least recently proved part was proved.
    proved: Option<u64>,
    /// Until when its leases are paid.
    paid_until: Option<u64>,
    care_ends: u64,
    protected_until: u64,
    /// Days before the end, 90, 30 or 7, of which was warned last.
    warned_days: Option<u16>,
    /// The proof that it was put wrongly, in words.
    inconsistent: Option<String>,
}

/// What is looked after, and what is at risk.
#[utoipa::path(
    get, path = "/api/care", tag = "nodes",
    responses((status = 200, body = Care), (status = 401, description = "not an operator's token"),
        (status = 403, description = "operators_off: this gateway was started without an operator's token")),
)]
pub(super) async fn care(State(gateway): State<Gateway>, headers: HeaderMap) -> Result<Response, Problem> {
    authorized(&gateway, &headers)?;
    let steward = gateway.config().steward.as_ref().map(Observer::status);
    let steward = steward.map(|status| CareStatus::of(&status));
    Ok(([(CACHE_CONTROL, "no-store")], Json(Care { steward })).into_response())
}

fn authorized(gateway: &Gateway, headers: &HeaderMap) -> Result<(), Problem> {
    let token = gateway.config().operators.as_ref();
    let token = token
        .ok_or_else(|| Problem::new(Code::OperatorsOff, "it was started without a token for operators"))?;
    if headers.get(AUTHORIZATION).is_some_and(|value| token.is_shown_by(value.as_bytes())) {
        return Ok(());
    }
    let challenge = HeaderValue::from_static("Bearer realm=\"headwater operators\"");
    Err(Problem::new(Code::BadToken, "send Authorization: Bearer and the gateway's token for operators")
        .with_header(WWW_AUTHENTICATE, challenge))
}

impl CareStatus {
    fn of(status: &Status) -> Self {
        Self {
            at: status.at.get(),
            holder: status.holder.clone(),
            objects_total: status.objects_total,
            states: status.states.iter().map(|(state, count)| (state.name(), *count)).collect(),
            repair_queue: status.repair_queue,
            repairs: status.repairs.iter().map(RepairView::of).collect(),
            objects: status.objects.iter().take(OBJECTS_MAX).map(ObjectView::of).collect(),
        }
    }
}

impl RepairView {
    fn of(line: &RepairLine) -> Self {
        Self {
            cid: line.cid.clone(),
            segment: (!line.is_manifest).then_some(line.unit),
            state: match line.state {
                RepairState::Running => "running",
                RepairState::Waiting => "waiting",
                RepairState::Failed => "failed",
            },
            spare: line.spare,
            proved: line.proved,
            needed: line.needed,
            parts: line.parts,
            since: line.since.get(),
            failures: line.failures,
            again: line.again.map(UnixSeconds::get),
        }
    }
}

impl ObjectView {
    fn of(line: &ObjectLine) -> Self {
        let weakest = line.weakest.as_ref();
        Self {
            cid: line.cid.clone(),
            state: line.state.name(),
            tags: line.tags.clone(),
            healthy: weakest.map(|weakest| weakest.healthy),
            needed: weakest.map(|weakest| weakest.needed),
            parts: weakest.map(|weakest| weakest.parts),
            threshold: weakest.map(|weakest| weakest.threshold),
            absent: line.absent,
            proved: line.proved.map(UnixSeconds::get),
            paid_until: line.leases_end.map(UnixSeconds::get),
            care_ends: line.care_ends.get(),
            protected_until: line.protected_until.get(),
            warned_days: line.warnings.first().copied(),
            inconsistent: line.inconsistent.clone(),
        }
    }
}
