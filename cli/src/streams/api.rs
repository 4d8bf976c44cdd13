//! What this program asks of a gateway about streams (spec §32).

use std::time::Duration;

use protocol::Signed;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use sharing::{DeviceStream, KeptBatch, KeptBatches, StreamInquiry};

use crate::gateway_api::{GatewayError, RECORD_TYPE, http, keeps_secrets, said, strange, unanswered, whole};

/// A gateway that sends nothing for so long has failed.
const STALL_WITHIN: Duration = Duration::from_secs(40);

/// Registers a stream, with the gateway's upload token.
pub(crate) async fn register(
    gateway: &Url,
    stream: &Signed<DeviceStream>,
    token: &str,
) -> Result<(), GatewayError> {
    if !keeps_secrets(gateway) {
        return Err(GatewayError::Overheard(gateway.into()));
    }
    let request = http(gateway)?.post(at(gateway, "/api/streams")).header(CONTENT_TYPE, RECORD_TYPE);
    let answer = request.bearer_auth(token).body(stream.encode()).send().await;
    said(gateway, answer.map_err(|error| unanswered(gateway, &error))?).await.map(drop)
}

/// Batches that wait, in the order of their numbers; of what is in them nothing has been checked.
pub(crate) async fn inquire(
    gateway: &Url,
    inquiry: &Signed<StreamInquiry>,
) -> Result<Vec<KeptBatch>, GatewayError> {
    http(gateway)?;
    let client = reqwest::Client::builder().read_timeout(STALL_WITHIN).build();
    let client = client.map_err(|error| unanswered(gateway, &error))?;
    let url = at(gateway, &format!("/api/streams/{}/batches", inquiry.body().id));
    let request = client.post(url).header(CONTENT_TYPE, RECORD_TYPE).body(inquiry.encode());
    let answer = request.send().await.map_err(|error| unanswered(gateway, &error))?;
    if !answer.status().is_success() {
        // Its refusal says why.
        said(gateway, answer).await?;
        return Err(strange(gateway, "it neither refuses nor answers"));
    }
    let bytes = whole(gateway, answer, KeptBatches::LEN_MAX).await?;
    let batches = KeptBatches::decode(&bytes).map_err(|error| strange(gateway, &error.to_string()))?;
    Ok(batches.into_batches())
}

fn at(gateway: &Url, path: &str) -> Url {
    gateway.join(path).unwrap_or_else(|_| gateway.clone())
}
