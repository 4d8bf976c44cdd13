//! Telling several gateways the same.

use std::fmt;

use reqwest::Url;
use serde::Serialize;

use crate::failure::Outcome;
use crate::gateway_api;
use crate::output::Output;

/// What came of it, gateway by gateway.
#[derive(Serialize)]
struct Answer<'a> {
    /// What the record is about.
    target: String,
    /// What was to be done with it: `withdrawn` or `denied`.
    done: &'a str,
    gateways: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    gateway: String,
    done: bool,
    reason: Option<String>,
}

/// Sends a record about `target` to all of `gateways` and answers what came of it; goes on when one refuses.
pub(super) async fn tell(
    gateways: &[Url],
    record: &[u8],
    target: String,
    done: &str,
    output: Output,
) -> anyhow::Result<Outcome> {
    let mut told = Vec::with_capacity(gateways.len());
    for gateway in gateways {
        let refusal = gateway_api::offer(gateway, record.to_vec(), false).await.err();
        if let Some(error) = &refusal {
            output.note(format_args!("not {done}: {error}"));
        }
        let reason = refusal.map(|error| error.to_string());
        told.push(Told { gateway: gateway.to_string(), done: reason.is_none(), reason });
    }
    let is_complete = told.iter().all(|told| told.done);
    output.answer(&Answer { target, done, gateways: told })?;
    Ok(if is_complete { Outcome::Complete } else { Outcome::Incomplete })
}

/// A line for each gateway that did it.
impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.gateways.iter().filter(|told| told.done);
        done.into_iter().try_for_each(|told| writeln!(f, "{} at {}", self.done, told.gateway))
    }
}
