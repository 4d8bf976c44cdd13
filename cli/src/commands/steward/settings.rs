//! The settings of a steward, by whatever way they came.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use protocol::SecretKey;
use serde::{Deserialize, Deserializer};
use steward::StewardConfig;

use crate::failure::Usage;
use crate::folders;
use crate::money::Money;
use crate::output::Output;
use crate::paying::{self, PaySettings};
use crate::quantity::{ByteSize, Duration};
use crate::storage_pay::{self, Reporter};

/// A steward that retries sooner than usual also waits no longer than so many retries for its turn without a claim.
const TURN_IN_RETRIES: u64 = 10;

#[derive(Args, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct StewardSettings {
    /// The folder for state and log [default: steward in your data folder]
    #[arg(long, env = "HEADWATER_STEWARD_DIR")]
    dir: Option<PathBuf>,

    /// The folder whose mandates are followed [default: mandates in that folder]
    #[arg(long, value_name = "DIR", env = "HEADWATER_STEWARD_MANDATES")]
    mandates: Option<PathBuf>,

    /// How fast audits and repairs may read and send together, per second, such as 20MB [default: no limit]
    #[arg(long, value_name = "SIZE", env = "HEADWATER_STEWARD_BANDWIDTH")]
    bandwidth: Option<ByteSize>,

    /// How many segments to repair at the same time [default: 2]
    #[arg(long, value_name = "N", env = "HEADWATER_STEWARD_REPAIRS")]
    repairs: Option<usize>,

    /// How often every node is audited [default: 1h]
    #[arg(long, value_name = "TIME", env = "HEADWATER_STEWARD_AUDIT_EVERY")]
    audit_every: Option<Duration>,

    /// How often every shard of every object is looked at [default: 30d]
    #[arg(long, value_name = "TIME", env = "HEADWATER_STEWARD_CHECK_EVERY")]
    check_every: Option<Duration>,

    /// How long a node may be offline before what it has is put elsewhere [default: 4h]
    #[arg(long, value_name = "TIME", env = "HEADWATER_STEWARD_GRACE")]
    grace: Option<Duration>,

    /// How old a loss may grow that needs no repair yet, before it is made good all the same [default: 30d]
    #[arg(long, value_name = "TIME", env = "HEADWATER_STEWARD_TIDY_AFTER")]
    tidy_after: Option<Duration>,

    /// How soon a repair that failed is tried again; each failure in a row doubles it [default: 1m]
    #[arg(long, value_name = "TIME", env = "HEADWATER_STEWARD_RETRY_AFTER")]
    retry_after: Option<Duration>,

    /// A ledger: nodes that sell what is read from them are paid by way of it, and it is told what nodes have proved to keep
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    ledger: Option<String>,

    /// A prepayment that names this steward as auditor, for all that it looks after: its file, from `headwater ledger prepay`.
    /// May be repeated: each hour is reported for the first one that is for it and has something left
    #[arg(
        long = "prepayment",
        value_name = "FILE",
        value_delimiter = ',',
        requires = "ledger",
        env = "HEADWATER_STEWARD_PREPAYMENT"
    )]
    #[serde(rename = "prepayment", deserialize_with = "one_or_more")]
    prepayments: Option<Vec<PathBuf>>,

    /// What is set aside in each epoch for nodes that sell what is read from them, in units of the ledger. Without it they
    /// are not paid
    #[arg(long, value_name = "AMOUNT", requires = "ledger", env = "HEADWATER_STEWARD_COLLATERAL")]
    collateral: Option<Money>,

    /// Where the key that pays lies, and what nodes are owed [default: payments in DIR]
    #[arg(long, value_name = "DIR", requires = "collateral", env = "HEADWATER_STEWARD_PAY_FOLDER")]
    pay_folder: Option<PathBuf>,

    /// The most that is paid for a GiB, in micro-units; dearer nodes are read from last, and not paid [default: 100000]
    #[arg(long, value_name = "N", requires = "collateral", env = "HEADWATER_STEWARD_NODE_PRICE_MAX")]
    node_price_max: Option<u64>,

    /// Serve metrics for Prometheus at this address, under /metrics
    #[arg(long, value_name = "IP:PORT", env = "HEADWATER_STEWARD_METRICS")]
    pub(super) metrics: Option<SocketAddr>,

    /// A shell command to run with every warning that something ends
    #[arg(long, value_name = "CMD", env = "HEADWATER_STEWARD_ON_WARNING")]
    on_warning: Option<String>,
}

impl StewardSettings {
    /// These settings, and where they say nothing those of `file`.
    pub(super) fn or(self, file: Self) -> Self {
        Self {
            dir: self.dir.or(file.dir),
            mandates: self.mandates.or(file.mandates),
            bandwidth: self.bandwidth.or(file.bandwidth),
            repairs: self.repairs.or(file.repairs),
            audit_every: self.audit_every.or(file.audit_every),
            check_every: self.check_every.or(file.check_every),
            grace: self.grace.or(file.grace),
            tidy_after: self.tidy_after.or(file.tidy_after),
            retry_after: self.retry_after.or(file.retry_after),
            ledger: self.ledger.or(file.ledger),
            prepayments: self.prepayments.or(file.prepayments),
            collateral: self.collateral.or(file.collateral),
            pay_folder: self.pay_folder.or(file.pay_folder),
            node_price_max: self.node_price_max.or(file.node_price_max),
            metrics: self.metrics.or(file.metrics),
            on_warning: self.on_warning.or(file.on_warning),
        }
    }

    /// The same over this folder.
    pub(crate) fn in_folder(self, dir: PathBuf) -> Self {
        Self { dir: Some(dir), ..self }
    }

    pub(super) fn bandwidth(&self) -> Option<u64> {
        self.bandwidth.map(ByteSize::bytes)
    }

    /// How nodes are paid for what is read from them.
    pub(super) fn pay(&self, dir: &Path) -> PaySettings {
        PaySettings {
            ledger: self.ledger.clone(),
            collateral: self.collateral,
            pay_folder: Some(self.pay_folder.clone().unwrap_or_else(|| dir.join("payments"))),
            node_price_max: self.node_price_max,
        }
    }

    /// Says when what is to be set aside for nodes is not there.
    pub(super) async fn tell_shortfall(&self, dir: &Path, output: Output) {
        let PaySettings { ledger, collateral, pay_folder, .. } = self.pay(dir);
        if let (Some(ledger), Some(collateral), Some(folder)) = (ledger, collateral, pay_folder) {
            paying::tell_shortfall(&ledger, &folder, collateral, output).await;
        }
    }

    /// What tells a ledger what the steward in `dir` finds, where somebody has prepaid for it.
    pub(super) fn reporter(&self, dir: &Path, auditor: SecretKey) -> anyhow::Result<Option<Reporter>> {
        let Some(paths) = &self.prepayments else { return Ok(None) };
        let Some(ledger) = self.ledger.clone() else {
            return Err(Usage::because("a prepayment needs the ledger that has taken it: --ledger URL"));
        };
        let read = |path: &PathBuf| storage_pay::read_prepayment(path, auditor.public());
        let prepayments = paths.iter().map(read).collect::<anyhow::Result<_>>()?;
        Reporter::new(ledger, prepayments, auditor, dir).map(Some)
    }

    pub(super) fn config(&self) -> anyhow::Result<StewardConfig> {
        let mut config = StewardConfig::new(dir(self.dir.clone())?);
        if let Some(mandates) = &self.mandates {
            config.mandates.clone_from(mandates);
        }
        config.on_warning.clone_from(&self.on_warning);
        let rules = &mut config.rules;
        if let Some(repairs) = self.repairs {
            rules.repairs_abreast = repairs.max(1);
        }
        if let Some(every) = self.audit_every {
            rules.node_audit_every = every.seconds().max(1);
            rules.offline_look_every = rules.offline_look_every.min(rules.node_audit_every);
        }
        if let Some(every) = self.check_every {
            rules.object_audit_every = every.seconds().max(1);
        }
        if let Some(grace) = self.grace {
            rules.grace = grace.seconds();
        }
        if let Some(age) = self.tidy_after {
            rules.tidy_after = age.seconds();
        }
        if let Some(again) = self.retry_after {
            rules.retry_min = again.seconds().max(1);
            rules.turn_within = rules.turn_within.min(TURN_IN_RETRIES * rules.retry_min);
        }
        Ok(config)
    }
}

/// One file, or a list of them.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<PathBuf>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Files {
        One(PathBuf),
        More(Vec<PathBuf>),
    }
    Ok(Some(match Files::deserialize(from)? {
        Files::One(file) => vec![file],
        Files::More(files) => files,
    }))
}

/// The folder of a steward.
pub(super) fn dir(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match named {
        Some(dir) => Ok(dir),
        None => Ok(folders::data()?.join("steward")),
    }
}
