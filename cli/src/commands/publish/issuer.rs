//! Which ledger `--ledger` names.

use anyhow::Context;
use protocol::PublicKey;
use serde_json::Value;

use crate::failure::Usage;
use crate::gateway_api::{address, http, said};

/// The key of a ledger that the user named by it, or by where it is.
pub(super) async fn issuer(named: &str) -> anyhow::Result<PublicKey> {
    if let Ok(key) = named.parse() {
        return Ok(key);
    }
    let url = address(named);
    let url =
        url.map_err(|_| Usage::because(format!("{named:?} is neither the key of a ledger nor its address")))?;
    let terms = http(&url)?.get(url.join("/v1/terms")?).send().await;
    let terms: Value = said(&url, terms.with_context(|| format!("{url} cannot be reached"))?).await?;
    let issuer = terms["issuer"].as_str().and_then(|key| key.parse().ok());
    issuer.with_context(|| format!("{url} does not say the key of a ledger"))
}
