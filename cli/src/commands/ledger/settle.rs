//! `headwater ledger settle`: settles an epoch before its time.

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::{At, Folder};
use crate::arguments::Globals;
use crate::failure::Outcome;

/// Settle the open epoch now, or show how one was settled
///
/// A ledger that runs settles by itself. Before the grants of the epoch have ended it has to be forced; the next epoch then ends when this one would have. What is settled stays settled: as long as nothing else has come in, a second time shows the same and changes nothing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger settle --ledger http://127.0.0.1:8700 --dir /srv/ledger
  headwater ledger settle --ledger http://127.0.0.1:8700 --dir /srv/ledger --epoch 3")]
pub(super) struct Settle {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    folder: Folder,

    /// Which epoch [default: the one that is settled next]
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,

    /// Settle although grants of the epoch hold: what is watched under them from then on is paid by nobody
    #[arg(long)]
    force: bool,
}

/// The settlement as the ledger tells it.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Answer(Value);

impl Settle {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let ledger = self.at.connect().await?;
        let epoch = self.epoch.map(|epoch| format!("&epoch={epoch}")).unwrap_or_default();
        let path = format!("v1/settle?force={}{epoch}", self.force);
        let settled = ledger.operate(Method::POST, &path, &self.folder.dir, Vec::new()).await?;
        globals.output().answer(&Answer(serde_json::from_slice(&settled)?))?;
        Ok(Outcome::Complete)
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |name: &str| self.0[name].as_str().map_or_else(|| self.0[name].to_string(), str::to_owned);
        for name in ["epoch", "lines", "receipts", "payouts", "log_summary", "payout_root"] {
            writeln!(f, "{name:<12}{}", text(name))?;
        }
        let sums = self.0["totals"].as_object();
        for (name, sum) in sums.into_iter().flatten() {
            writeln!(f, "{name:<12}{}", sum.as_str().unwrap_or_default())?;
        }
        Ok(())
    }
}
