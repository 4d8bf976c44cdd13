//! How programs of ours pay nodes that sell what is read from them: a gateway, a steward, or whoever reads a file.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::Context;
use clap::Args;
use client::Client;
use gateway::{NodePayments, PayConfig, Till, TillError};
use ledger::Inquired;
use protocol::{Amount, NetworkId, SecretKey};
use serde::Deserialize;
use tokio::time::timeout;

use crate::failure::Usage;
use crate::ledger_api::LedgerApi;
use crate::money::Money;
use crate::output::Output;
use crate::{folders, gateway_api};

/// The file of the key that grants name, and that pays nodes.
const KEY_FILE: &str = "gateway.key";
/// The file of receipts, and of what nodes are owed.
const RECEIPTS_FILE: &str = "receipts.redb";
/// The most that is paid for a GiB unless somebody says otherwise, in micro-units: a tenth of the ledger's unit, about what
/// large clouds ask in euros or dollars. Without a limit a node could ask for the whole collateral.
pub(crate) const NODE_PRICE_MAX: u64 = 100_000;
/// How long the last payments may take.
const PAY_LAST_WITHIN: Duration = Duration::from_secs(10);

/// By which settings nodes are paid.
#[derive(Args, Debug, Default, Clone)]
pub(crate) struct PaySettings {
    /// A ledger, to pay nodes that sell what is read from them
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    pub(crate) ledger: Option<String>,

    /// What is set aside for nodes in each epoch, in units of the ledger. Without it nodes that sell are not paid
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) collateral: Option<Money>,

    /// Where the key that pays lies, and what nodes are owed [default: payments in your data folder]
    #[arg(long, value_name = "DIR", requires = "collateral")]
    pub(crate) pay_folder: Option<PathBuf>,

    /// The most that is paid for a GiB, in micro-units; dearer nodes are read from last, and not paid [default: 100000]
    #[arg(long, value_name = "N", requires = "collateral")]
    pub(crate) node_price_max: Option<u64>,
}

impl PaySettings {
    /// A client that pays, and the till from which it does, which has to live as long; `None` where nodes are not paid.
    pub(crate) async fn paying(&self, client: &Client) -> anyhow::Result<Option<(Client, Till)>> {
        let Some(payments) = node_payments(self.collateral, self.node_price_max)? else { return Ok(None) };
        let Some(ledger) = &self.ledger else {
            return Err(Usage::because("--collateral needs a ledger at which it is: --ledger URL"));
        };
        let folder = folder(self.pay_folder.as_deref())?;
        let till = till(ledger, &folder, PayConfig::CREDIT_BYTES, client.network()).await?;
        Ok(Some((client.clone().paid_by(till.pay_nodes(payments)), till)))
    }

    /// Does `work` with a client that pays, where that is wished for; then pays for what was read last.
    pub(crate) async fn with<T>(
        &self,
        client: &Client,
        work: impl AsyncFnOnce(&Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let Some((paying, _till)) = self.paying(client).await? else { return work(client).await };
        let outcome = work(&paying).await;
        if timeout(PAY_LAST_WITHIN, paying.pay_nodes()).await.is_err() {
            tracing::warn!("nodes are not paid for what was read last: the ledger, or they, are slow");
        }
        outcome
    }
}

/// How nodes are paid, if they are.
pub(crate) fn node_payments(
    collateral: Option<Money>,
    price_max: Option<u64>,
) -> anyhow::Result<Option<NodePayments>> {
    let Some(collateral) = collateral else { return Ok(None) };
    let price_max = Amount::new(price_max.unwrap_or(NODE_PRICE_MAX))
        .map_err(|error| Usage::because(format!("node-price-max: {error}")))?;
    Ok(Some(NodePayments { collateral: collateral.0, price_max }))
}

/// Where the key lies, and what is owed.
pub(crate) fn folder(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    named.map_or_else(|| Ok(folders::data()?.join("payments")), |folder| Ok(folder.to_owned()))
}

/// The till of whoever pays by way of the ledger at `ledger`; key and receipts lie in `folder`, which is made when it is missing.
pub(crate) async fn till(
    ledger: &str,
    folder: &Path,
    credit_bytes: u64,
    network: NetworkId,
) -> anyhow::Result<Till> {
    let ledger = gateway_api::address(ledger)
        .map_err(|_| Usage::because(format!("{ledger:?} is no address of a ledger")))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let secret = key(&folder.join(KEY_FILE))?;
    let config = PayConfig { ledger, receipts: folder.join(RECEIPTS_FILE), secret, credit_bytes };
    Till::open(config, network).await.map_err(|error| match error {
        TillError::InUse { .. } => anyhow::Error::new(error)
            .context("each gateway or steward has a folder of its own: name one with --pay-folder"),
        other => other.into(),
    })
}

/// Says when the key that pays nodes has less than is to be set aside for them, and how it is topped up.
pub(crate) async fn tell_shortfall(ledger: &str, folder: &Path, collateral: Money, output: Output) {
    match shortfall(ledger, folder, collateral).await {
        Ok(Some(short)) => output.note(short),
        Ok(None) => {}
        // Whoever pays tries again; this is but a word in advance.
        Err(error) => tracing::debug!("what the key that pays has is not known: {error:#}"),
    }
}

async fn shortfall(ledger: &str, folder: &Path, collateral: Money) -> anyhow::Result<Option<String>> {
    #[derive(Deserialize)]
    struct Balance {
        funds: String,
        reserved: String,
    }
    let file = folder.join(KEY_FILE);
    let secret = key(&file)?;
    let ledger = LedgerApi::connect(ledger).await?;
    let Balance { funds, reserved } = ledger.inquire(&secret, Inquired::Balance, None).await?;
    let [has, set_aside] = [&funds, &reserved].map(|text| text.parse::<Money>());
    // What was set aside before a restart is still there.
    let all = has?.0.plus(set_aside?.0).context("more than a ledger counts")?;
    let unit = &ledger.terms().unit;
    Ok((all < collateral.0).then(|| {
        format!(
            "nodes are paid by the key {}, which has {funds} {unit} at {}, not {}: \
             headwater ledger top-up --ledger {} --key {} CODE",
            secret.public(),
            ledger.url(),
            collateral.0,
            ledger.url(),
            file.display()
        )
    }))
}

/// The key in this file; a new one when there is none.
fn key(path: &Path) -> anyhow::Result<SecretKey> {
    let shown = path.display();
    match fs::read(path) {
        Ok(bytes) => {
            let bytes = bytes.as_slice().try_into();
            Ok(SecretKey::from_bytes(bytes.with_context(|| format!("the key {shown} has not 32 bytes"))?))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = SecretKey::from_bytes(&rand::random());
            folders::write_privately(path, &secret.to_bytes())
                .with_context(|| format!("cannot write the key {shown}"))?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read the key {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dear_node_is_not_paid_unless_somebody_says_so() {
        let collateral = Money(Amount::new(5_000_000).unwrap());
        let most = |price_max| node_payments(Some(collateral), price_max).unwrap().unwrap().price_max.get();
        assert_eq!((most(None), most(Some(7))), (NODE_PRICE_MAX, 7));
        assert!(node_payments(None, Some(7)).unwrap().is_none());
    }
}
