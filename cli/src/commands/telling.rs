//! Telling several gateways the same.

use reqwest::Url;

use crate::failure::Outcome;
use crate::gateway_api;
use crate::output::Output;

/// Sends a record to all of `gateways`, says of each what came of it, and goes on when one refuses.
pub(super) async fn tell(gateways: &[Url], record: &[u8], done: &str, output: Output) -> Outcome {
    let mut outcome = Outcome::Complete;
    for gateway in gateways {
        match gateway_api::offer(gateway, record.to_vec(), false).await {
            Ok(_) => output.note(format_args!("{done} at {gateway}")),
            Err(error) => {
                output.note(format_args!("not {done} at {gateway}: {error:#}"));
                outcome = Outcome::Incomplete;
            }
        }
    }
    outcome
}
