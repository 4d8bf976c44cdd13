//! `GET /v1/terms`: who this ledger is, and where it stands.

use axum::Json;
use axum::extract::State;
use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::clock::PROMISE_S;
use crate::service::{Service, now};

#[derive(Debug, Serialize)]
pub(crate) struct Terms {
    issuer: String,
    network: String,
    treasury: String,
    unit: String,
    log: String,
    origin: String,
    epoch: u64,
    epoch_ends: u64,
    epoch_s: u64,
    /// The epoch that is settled next: not above `epoch`.
    open_epoch: u64,
    head: Head,
    promise_s: u64,
    checkpoint: Option<Checkpoint>,
}

#[derive(Debug, Serialize)]
struct Head {
    count: u64,
    hash: String,
}

#[derive(Debug, Serialize)]
struct Checkpoint {
    size: u64,
    witnesses: usize,
    /// Whether as many witnesses have cosigned as the ledger's own policy wants.
    quorum: bool,
}

pub(crate) async fn terms(State(service): State<Service>) -> Json<Terms> {
    let terms = service.terms();
    let (head, open, calendar) = {
        let state = service.state();
        (state.ledger().head(), state.ledger().next_epoch(), *state.calendar())
    };
    let epoch = calendar.current(open, now());
    let checkpoint = service.newest().map(|newest| Checkpoint {
        size: newest.checkpoint.size,
        witnesses: newest.witnessed_by,
        quorum: newest.has_quorum,
    });
    Json(Terms {
        issuer: HEXLOWER.encode(terms.issuer.as_bytes()),
        network: HEXLOWER.encode(terms.network.as_bytes()),
        treasury: HEXLOWER.encode(terms.treasury.as_bytes()),
        unit: terms.unit.to_string(),
        log: service.keys().log().to_string(),
        origin: service.keys().origin().to_string(),
        epoch: epoch.get(),
        epoch_ends: calendar.end(epoch).get(),
        epoch_s: service.schedule().epoch_s,
        open_epoch: open.get(),
        head: Head { count: head.count, hash: head.hash.to_string() },
        promise_s: PROMISE_S,
        checkpoint,
    })
}
