//! How a node sells what is read from it: by vouchers of a ledger, which it hands in while it runs.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use protocol::{Amount, NetworkId, PublicKey, ReadPrice};
use storage_node::{Node as StorageNode, Selling};

use super::redeem;
use crate::failure::Usage;
use crate::folders;
use crate::ledger_api::{LedgerApi, parse_key};

/// The file in a node's folder that names the ledger it has learnt.
const FILE: &str = "ledger";
/// How often vouchers are handed in.
const REDEEM_EVERY: Duration = Duration::from_mins(1);

/// The wish to be paid, as the settings say it.
pub(super) struct Wish {
    /// Micro-units for a GiB.
    pub(super) price: u64,
    /// The address of the ledger, or its key.
    pub(super) ledger: String,
    /// Bytes that are sent before they are paid.
    pub(super) credit: u64,
}

/// By which terms a node of this network in `dir` sells.
pub(super) async fn terms(wish: &Wish, dir: &Path, network: NetworkId) -> anyhow::Result<Selling> {
    let micro = Amount::new(wish.price).map_err(|error| Usage::because(format!("price-read: {error}")))?;
    let ledger = ledger(&wish.ledger, dir, network).await?;
    Ok(Selling { price: ReadPrice { ledger, micro }, credit: wish.credit })
}

/// Hands vouchers in every minute, where the address of the ledger is known; without end.
pub(super) async fn redeem_always(ledger: Option<String>, dir: &Path, node: &StorageNode) {
    let Some(url) = ledger.filter(|text| !is_key(text)) else { return std::future::pending().await };
    loop {
        tokio::time::sleep(REDEEM_EVERY).await;
        match redeem::hand_in(&url, dir).await {
            Ok(handed) => {
                node.open_from(handed.open_epoch);
                tracing::info!(taken = handed.taken, known = handed.known, "vouchers are handed in");
                for refused in &handed.refused {
                    tracing::warn!(
                        payer = refused.payer,
                        code = refused.code,
                        detail = refused.detail,
                        "a voucher is refused"
                    );
                }
            }
            Err(error) => tracing::warn!(error = format!("{error:#}"), "vouchers wait"),
        }
    }
}

fn is_key(text: &str) -> bool {
    parse_key(text).is_ok()
}

/// The key of the ledger: as it was named, as it was learnt before, or as it says at its address.
async fn ledger(named: &str, dir: &Path, network: NetworkId) -> anyhow::Result<PublicKey> {
    if let Ok(key) = parse_key(named) {
        return Ok(key);
    }
    let path = dir.join(FILE);
    let known = match fs::read_to_string(&path) {
        Ok(text) => Some(parse_key(text.trim()).with_context(|| format!("in {}", path.display()))?),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let api = match (LedgerApi::connect(named).await, known) {
        (Ok(api), _) => api,
        (Err(error), None) => return Err(error),
        (Err(error), Some(known)) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "the ledger does not answer; vouchers are kept for it"
            );
            return Ok(known);
        }
    };
    if api.network()? != network {
        bail!("the ledger at {} is one of network {}, not of {network}", api.url(), api.network()?);
    }
    let found = api.issuer()?;
    match known {
        Some(known) if known != found => bail!(
            "the ledger at {} has the key {found}, it was {known}: if that is right, remove {}",
            api.url(),
            path.display()
        ),
        Some(_) => {}
        None => {
            fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
            folders::write_atomically(&path, format!("{found}\n").as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(found)
}
