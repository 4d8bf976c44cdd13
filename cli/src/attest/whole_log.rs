//! A ledger's log, read from its first entry to its last, so that nobody can leave one out.

use anyhow::{Context, bail};
use ledger::LogEntry;
use ledger::tlog::{AcceptedCheckpoint, Bundle, Frontier, Policy, SignedNote, TILE_WIDTH};

use crate::ledger_api::LedgerApi;

/// Every entry under a checkpoint that counts.
pub(crate) struct WholeLog {
    /// The entries in their order.
    pub(crate) entries: Vec<LogEntry>,
    /// What was signed about them.
    pub(crate) accepted: AcceptedCheckpoint,
}

impl WholeLog {
    /// Reads the log, as the policy trusts it, or, without one, as the ledger names its own key and witnesses.
    pub(crate) async fn read(ledger: &LedgerApi, policy: Option<Policy>) -> anyhow::Result<Self> {
        let policy = match policy {
            Some(policy) => policy,
            None => ledger.policy().await?,
        };
        let note = SignedNote::decode(&ledger.bytes("log/checkpoint").await?)?;
        let accepted = policy.accept(&note).context("the checkpoint of the log does not count")?;
        let (size, network) = (accepted.checkpoint.size, ledger.signed_for()?);
        let (mut tree, mut entries) = (Frontier::default(), Vec::new());
        while let Some(bundle) = Bundle::of(tree.size(), size) {
            let file = ledger.bytes(&format!("log/{}", bundle.path())).await?;
            for bytes in bundle.decode(&file).with_context(|| bundle.path())? {
                let entry = LogEntry::decode(bytes.as_bytes(), &network);
                entries.push(entry.with_context(|| format!("entry {} of the log", tree.size()))?);
                tree.push(bytes.as_bytes());
            }
            debug_assert!(tree.size() == size || tree.size().is_multiple_of(TILE_WIDTH), "whole bundles");
        }
        if tree.root() != accepted.checkpoint.root {
            bail!("the entries of the log do not lead to the root of its checkpoint");
        }
        Ok(Self { entries, accepted })
    }
}
