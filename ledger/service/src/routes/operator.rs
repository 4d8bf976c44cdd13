//! What the operator alone may ask for.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ledger::Entry;
use protocol::Epoch;
use serde::Deserialize;

use super::settlements::{Readable, readable};
use crate::problem::{Code, Problem};
use crate::sequencer::{Settling, When};
use crate::service::Service;
use crate::state::Books;

/// Refuses whoever does not show the operator's token.
pub(crate) fn check(service: &Service, headers: &HeaderMap) -> Result<(), Problem> {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if service.operator().is_some_and(|token| token.is_shown_in(shown)) {
        Ok(())
    } else {
        Err(Problem::new(Code::BadToken, "only the operator may do this"))
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Settle {
    /// The epoch that is meant; without it, the next one.
    epoch: Option<u64>,
    /// Whether it is settled although receipts may be under way, which nobody pays then.
    #[serde(default)]
    force: bool,
}

/// `POST /v1/settle`: settles the next epoch, or says how it was settled; before its grants have ended only by force. One in which
/// nothing was taken has to end first: where none is named, it is said again how the last one was settled.
pub(crate) async fn settle(
    State(service): State<Service>,
    Query(settle): Query<Settle>,
    headers: HeaderMap,
) -> Result<Json<Readable>, Problem> {
    check(&service, &headers)?;
    let next = service.state().ledger().next_epoch();
    let epoch = settle.epoch.map_or(next, Epoch::new);
    let when = if settle.force { When::Now } else { When::Over };
    let refused = |why: String| Err(Problem::new(Code::Refused, why));
    match service.writer().settle(epoch, when).await? {
        Settling::Settled => readable(&service, epoch).map(Json),
        Settling::Nothing(_) if settle.epoch.is_none() && next.get() > 1 => {
            readable(&service, Epoch::new(next.get() - 1)).map(Json)
        }
        Settling::Nothing(ends) => {
            refused(format!("nothing has come in for epoch {epoch}, which ends at {ends}"))
        }
        Settling::NotNext => refused(format!("epoch {next} is settled next")),
        Settling::Early(until) => refused(format!(
            "epoch {epoch} has grants until {until}: what comes later would be paid by nobody, unless it is forced"
        )),
    }
}

/// `GET /v1/journal.hledger`: everything that was posted, for another program to check.
pub(crate) async fn hledger(State(service): State<Service>, headers: HeaderMap) -> Result<Response, Problem> {
    check(&service, &headers)?;
    let mut books = Books::new(service.terms().clone());
    each_entry(&service, |entry| books.take(&entry).map_err(|error| error.to_string())).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], books.into_text()).into_response())
}

/// Shows `take` every entry of the journal that is there now, in order.
pub(super) async fn each_entry(
    service: &Service,
    mut take: impl FnMut(Entry) -> Result<(), String>,
) -> Result<(), Problem> {
    let network = service.terms().signed_for();
    // What others write meanwhile is left out: none of its signatures were verified here.
    let (mut from, end) = (0, service.state().ledger().head().count);
    while from < end {
        let mut entries = service.writer().read(from).await?;
        if entries.is_empty() {
            break;
        }
        entries.truncate(usize::try_from(end - from).unwrap_or(usize::MAX));
        from += entries.len() as u64;
        let taking = || {
            for bytes in &entries {
                let entry = Entry::decode_verified_before(bytes, &network);
                let entry = entry.map_err(|error| error.to_string())?;
                take(entry)?;
            }
            Ok(())
        };
        tokio::task::block_in_place(taking).map_err(|why: String| Problem::new(Code::Internal, why))?;
    }
    Ok(())
}
