//! `GET /v1/disputes`: what is disputed, what is held for it, and what became of that. Public, as the log has all of it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::disputes::{ListedDispute, ListedHold};
use crate::service::Service;

#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    unit: String,
    /// The newest first.
    disputes: Vec<Dispute>,
}

#[derive(Debug, Serialize)]
struct Dispute {
    name: String,
    by: String,
    party: String,
    amount: String,
    at: u64,
    /// Its place in the log.
    index: u64,
    holds: Vec<Hold>,
}

#[derive(Debug, Serialize)]
struct Hold {
    name: String,
    amount: String,
    at: u64,
    index: u64,
    /// What was given of it, once the ledger has said so; what it never says anything about comes free by itself.
    resolved: Option<Resolved>,
}

#[derive(Debug, Serialize)]
struct Resolved {
    given: String,
    at: u64,
    index: u64,
}

pub(crate) async fn disputes(State(service): State<Service>) -> Json<Answer> {
    let disputes = service.state().disputes().newest_first().map(Dispute::from).collect();
    Json(Answer { unit: service.terms().unit.to_string(), disputes })
}

impl From<&ListedDispute> for Dispute {
    fn from(ListedDispute { disputed, said, holds }: &ListedDispute) -> Self {
        Self {
            name: disputed.name.to_string(),
            by: disputed.by.to_string(),
            party: disputed.party.to_string(),
            amount: disputed.amount.to_string(),
            at: said.at.get(),
            index: said.index,
            holds: holds.iter().map(Hold::from).collect(),
        }
    }
}

impl From<&ListedHold> for Hold {
    fn from(ListedHold { name, amount, said, given }: &ListedHold) -> Self {
        let resolved = given.map(|(given, said)| Resolved {
            given: given.to_string(),
            at: said.at.get(),
            index: said.index,
        });
        Self {
            name: name.to_string(),
            amount: amount.to_string(),
            at: said.at.get(),
            index: said.index,
            resolved,
        }
    }
}
