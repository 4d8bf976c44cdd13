//! `POST /v1/inquiries`: what the ledger knows of somebody, told to nobody else.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ledger::{Inquired, Inquiry};
use protocol::{Epoch, Signed};
use tokio::time::{Instant, sleep};

use super::records::admit;
use super::{RECORD_BODY_LEN_MAX, body};
use crate::problem::{Code, Problem};
use crate::service::{Service, now};
use crate::sessions::Viewing;
use crate::statement::{Balance, Statement};

/// An inquiry is answered for this long, in seconds; and so long before its time, for clocks that differ.
const INQUIRY_S: u64 = 300;

/// A settlement that is not in the log yet is waited for this long before a statement is made without it.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(crate) async fn inquire(State(service): State<Service>, request: Body) -> Result<Response, Problem> {
    let bytes = body(request, RECORD_BODY_LEN_MAX).await?;
    let inquiry = Signed::<Inquiry>::decode(&bytes, &service.terms().signed_for())?;
    let (by, Inquiry { issued, what, epoch, host }) = (inquiry.by(), inquiry.body());
    let (now, issued, what, epoch) = (now(), *issued, *what, *epoch);
    if !service.is_reached_as(host) {
        let detail = format!("it asks the ledger at {host}, and this one is not known by that name");
        return Err(Problem::new(Code::Forbidden, detail));
    }
    if now.seconds_since(issued) > INQUIRY_S || issued.seconds_since(now) > INQUIRY_S {
        return Err(Problem::new(Code::Forbidden, format!("inquiries are answered for {INQUIRY_S} s")));
    }
    admit(&service, by)?;
    let is_settled = epoch.is_some_and(|epoch| service.state().settled(epoch).is_some());
    if what == Inquired::Statement || is_settled {
        published(&service, epoch).await;
    }
    tokio::task::block_in_place(|| {
        Ok(match what {
            Inquired::Balance => Json(Balance::of(&service, &by)).into_response(),
            Inquired::Sessions => Json(Viewing::of(&service, &by, epoch)?).into_response(),
            Inquired::Statement => {
                let known_by = service.state().known_by(&by);
                let _place = service.places().statement(known_by)?;
                Json(Statement::of(&service, &by, epoch)?).into_response()
            }
        })
    })
}

/// Waits until the log has this epoch, or the last that is settled.
async fn published(service: &Service, epoch: Option<Epoch>) {
    let last = {
        let state = service.state();
        let settled = epoch.map_or_else(|| state.all_settled().next_back(), |epoch| state.settled(epoch));
        settled.map(|settled| settled.first + settled.items)
    };
    let (Some(summary), deadline) = (last, Instant::now() + PUBLISHED_WITHIN) else { return };
    let is_there = || service.newest().is_some_and(|newest| newest.checkpoint.size > summary);
    while !is_there() && Instant::now() < deadline {
        sleep(LOOK_EVERY).await;
    }
}
