//! `headwater node redeem`: hands the vouchers of a node to the ledger.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fmt, fs};

use anyhow::Context;
use clap::Args;
use ledger::Inquired;
use protocol::{Amount, Epoch, UnixSeconds};
use serde::{Deserialize, Serialize};
use storage_node::{KeptVoucher, kept_vouchers};

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::ledger_api::{LedgerApi, list};
use crate::{folders, key_file};

/// The file in a node's folder with what the ledger has said last.
const REDEEMED_FILE: &str = "redeemed.json";
/// Records of one batch.
const BATCH_MAX: usize = 4096;

/// Hand the vouchers of a node to the ledger, and see what it has earned
///
/// A node that runs with --ledger does this by itself, every minute. It may run meanwhile or not.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater node redeem --dir /var/lib/headwater --ledger http://127.0.0.1:8700
  headwater ledger claim --key /var/lib/headwater/node.key --in-all 12.50")]
pub(super) struct Redeem {
    /// The node's folder [default: node in your data folder]
    #[arg(long, env = "HEADWATER_NODE_DIR")]
    dir: Option<PathBuf>,

    /// The address of the ledger
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    ledger: String,
}

/// What a ledger has said when vouchers were handed in.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Redeemed {
    /// When that was.
    pub(crate) at: u64,
    /// What the vouchers of open epochs say, which were handed in: bytes, and what they promise at least.
    pub(crate) bytes: u64,
    pub(crate) promised: String,
    pub(crate) unit: String,
    /// What settlements have brought, and is not paid out.
    pub(crate) earned: String,
    pub(crate) paid: String,
}

/// What came of handing in.
#[derive(Debug, Serialize)]
pub(super) struct Handed {
    /// News to the ledger.
    pub(super) taken: u64,
    pub(super) known: u64,
    pub(super) refused: Vec<Refused>,
    vouchers: Vec<Owed>,
    /// What they say, all together.
    bytes: u64,
    promised: String,
    #[serde(skip)]
    pub(super) open_epoch: Epoch,
}

/// What one of them says.
#[derive(Debug, Serialize)]
struct Owed {
    payer: String,
    epoch: u64,
    lane: u32,
    bytes: u64,
    micro: u64,
}

/// A voucher that the ledger does not take.
#[derive(Debug, Serialize)]
pub(super) struct Refused {
    pub(super) payer: String,
    epoch: u64,
    lane: u32,
    pub(super) code: String,
    pub(super) detail: String,
}

#[derive(Serialize)]
struct Answer {
    node: String,
    #[serde(flatten)]
    handed: Handed,
    unit: String,
    earned: String,
    paid: String,
}

#[derive(Deserialize)]
struct BatchAnswer {
    taken: u64,
    known: u64,
    refused: Vec<TakenNot>,
}

#[derive(Deserialize)]
struct TakenNot {
    at: usize,
    code: String,
    detail: String,
}

#[derive(Deserialize)]
struct Balance {
    unit: String,
    earned: String,
    paid: String,
}

impl Redeem {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let dir = match self.dir {
            Some(dir) => dir,
            None => folders::data()?.join("node"),
        };
        let ledger = LedgerApi::connect(&self.ledger).await?;
        let handed = hand_over(&ledger, &dir).await?;
        let (node, Redeemed { unit, earned, paid, .. }) = redeemed(&ledger, &dir, &handed).await?;
        globals.output().answer(&Answer { node, handed, unit, earned, paid })?;
        Ok(Outcome::Complete)
    }
}

/// Hands in what lies in a node's folder to the ledger at this address.
pub(super) async fn hand_in(ledger: &str, dir: &Path) -> anyhow::Result<Handed> {
    let ledger = LedgerApi::connect(ledger).await?;
    let handed = hand_over(&ledger, dir).await?;
    redeemed(&ledger, dir, &handed).await?;
    Ok(handed)
}

/// What a ledger has said of a node when vouchers were handed in last.
pub(crate) fn kept(dir: &Path) -> anyhow::Result<Option<Redeemed>> {
    let path = dir.join(REDEEMED_FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).with_context(|| format!("{} is damaged", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Asks what the node has earned by now, and keeps that in its folder; the node's key, too.
async fn redeemed(ledger: &LedgerApi, dir: &Path, handed: &Handed) -> anyhow::Result<(String, Redeemed)> {
    let secret = key_file::read(&dir.join("node.key"))?;
    let at = UnixSeconds::from(SystemTime::now());
    let Balance { unit, earned, paid } = ledger.inquire(&secret, Inquired::Balance, None).await?;
    let (bytes, promised) = (handed.bytes, handed.promised.clone());
    let redeemed = Redeemed { at: at.get(), bytes, promised, unit, earned, paid };
    let path = dir.join(REDEEMED_FILE);
    folders::write_atomically(&path, &serde_json::to_vec(&redeemed)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok((secret.public().to_string(), redeemed))
}

async fn hand_over(ledger: &LedgerApi, dir: &Path) -> anyhow::Result<Handed> {
    let (issuer, network) = (ledger.issuer()?, ledger.signed_for()?);
    let open_epoch = Epoch::new(ledger.terms().open_epoch);
    let all = kept_vouchers(dir).with_context(|| format!("cannot read the vouchers in {}", dir.display()))?;
    let is_open = |kept: &KeptVoucher| {
        kept.lane().epoch >= open_epoch && kept.promise.by() == issuer && kept.voucher.network() == network
    };
    let vouchers: Vec<_> = all.into_iter().filter(is_open).collect();
    let mut handed = Handed {
        taken: 0,
        known: 0,
        refused: Vec::new(),
        vouchers: vouchers.iter().map(Owed::new).collect(),
        bytes: 0,
        promised: String::new(),
        open_epoch,
    };
    let mut promised = Amount::ZERO;
    for batch in vouchers.chunks(BATCH_MAX) {
        let records = list(batch.iter().map(|kept| kept.voucher.encode()));
        let answer: BatchAnswer = serde_json::from_slice(&ledger.post("v1/batches", records).await?)
            .context("the ledger answers as none does")?;
        handed.taken += answer.taken;
        handed.known += answer.known;
        handed.refused.extend(answer.refused.into_iter().filter_map(|not| Refused::new(batch, not)));
        for kept in batch {
            let said = kept.voucher.body();
            handed.bytes = handed.bytes.saturating_add(said.bytes);
            promised = promised.plus(said.amount).unwrap_or(Amount::MAX);
        }
    }
    handed.promised = promised.to_string();
    Ok(handed)
}

impl Owed {
    fn new(kept: &KeptVoucher) -> Self {
        let (lane, said) = (kept.lane(), kept.voucher.body());
        Self {
            payer: lane.payer.to_string(),
            epoch: lane.epoch.get(),
            lane: lane.number.get(),
            bytes: said.bytes,
            micro: said.amount.get(),
        }
    }
}

impl Refused {
    fn new(batch: &[KeptVoucher], not: TakenNot) -> Option<Self> {
        let lane = batch.get(not.at)?.lane();
        Some(Self {
            payer: lane.payer.to_string(),
            epoch: lane.epoch.get(),
            lane: lane.number.get(),
            code: not.code,
            detail: not.detail,
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, handed, unit, earned, paid } = self;
        writeln!(f, "node        {node}")?;
        writeln!(
            f,
            "vouchers    {} new, {} known, {} refused",
            handed.taken,
            handed.known,
            handed.refused.len()
        )?;
        writeln!(f, "they say    {} bytes, at least {} {unit}", handed.bytes, handed.promised)?;
        for Refused { payer, epoch, lane, code, detail } in &handed.refused {
            writeln!(f, "refused     of {payer}, epoch {epoch}, lane {lane} ({code}): {detail}")?;
        }
        writeln!(f, "earned      {earned} {unit}")?;
        writeln!(f, "paid out    {paid} {unit}")
    }
}
