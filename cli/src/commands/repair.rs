//! `headwater repair`: brings lost shards back, on other nodes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use chunker::AccountSecret;
use clap::Args;
use client::{Client, ClientOptions, MissingPart, RepairAuthority, RepairReport};
use proofs::Cid;
use protocol::{AnyRecord, ByteHours, Mandate, Signed, UnixSeconds};
use serde::Serialize;

use crate::account;
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::quantity::{ByteSize, Duration};
use crate::record_file::{KnownRecord, RecordFile};
use crate::secrets::SecretArg;
use crate::target::Target;

/// Bring lost shards back from those that are left
///
/// Reads what is left of the object, recomputes and checks every shard, and stores the lost ones on other
/// nodes. It never needs the key: nothing is decrypted. It takes the account that put the object, or a mandate
/// signed by it. Exit status 1 when something is still lost.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater repair @film.link
  headwater repair bafyr4i… --mandate care.mandate --keep 90d --bandwidth 20MB")]
pub(crate) struct Repair {
    /// The link, or the address alone: itself, @FILE, or - for standard input
    target: SecretArg,

    /// A mandate by the object's owner to your account, where the object is not yours
    #[arg(long, value_name = "FILE")]
    mandate: Option<PathBuf>,

    /// How long the nodes are to keep what is repaired, such as 90d
    #[arg(long, value_name = "TIME", default_value = "365d")]
    keep: Duration,

    /// How fast to read and send at most, per second, such as 20MB [default: no limit]
    #[arg(long, value_name = "SIZE")]
    bandwidth: Option<ByteSize>,
}

#[derive(Serialize)]
struct Answer {
    cid: String,
    whole: bool,
    repaired: Vec<Repaired>,
    missing: Vec<MissingPart>,
}

#[derive(Serialize)]
struct Repaired {
    part: String,
    node: String,
}

/// How long the mandate is good that an owner writes for one repair, in seconds.
const OWN_MANDATE_LIFETIME_S: u64 = 24 * 3600;

impl Repair {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let cid = Target::read(&self.target)?.cid();
        let network = Network::load(globals.network.as_deref()).await?;
        let account = account::open(globals.account.as_deref(), globals.output())?;
        let repair = async |client: &Client| {
            let mandate = match &self.mandate {
                Some(path) => read_mandate(path)?,
                None => own_mandate(client, &account, cid, OWN_MANDATE_LIFETIME_S).await?,
            };
            let expires = UnixSeconds::from(SystemTime::now()).plus(self.keep.seconds());
            let authority = RepairAuthority { mandate, expires };
            client.repair(&cid, &authority).await.context("cannot repair the object")
        };
        let care_rate = self.bandwidth.map(ByteSize::bytes);
        let options = ClientOptions { care_rate, ..ClientOptions::default() };
        let report = network.with_client_as(Some(account::payer(&account)), options, repair).await?;
        globals.output().answer(&Answer::new(&report))?;
        for missing in &report.missing {
            globals.output().note(format_args!("still lost: {}: {}", missing.part, missing.reason));
        }
        if !report.is_whole() {
            globals.output().note(format_args!(
                "of the {} nodes of this network too few can take what is lost: bring back those that are down, which \
                 `headwater nodes` shows, or add others with `headwater nodes --add`",
                network.file.nodes.len()
            ));
        }
        Ok(if report.is_whole() { Outcome::Complete } else { Outcome::Incomplete })
    }
}

/// The mandate that the owner of an object writes for itself.
pub(crate) async fn own_mandate(
    client: &Client,
    account: &AccountSecret,
    cid: Cid,
    lifetime_s: u64,
) -> anyhow::Result<Signed<Mandate>> {
    let control = account::control_key(client, account, cid)
        .await
        .context("a mandate by the object's owner is passed with --mandate")?;
    let mandate = Mandate {
        byte_hours: ByteHours::new(u64::MAX),
        expires: UnixSeconds::from(SystemTime::now()).plus(lifetime_s),
        holder: account::payer(account).public(),
        object: Some(cid),
    };
    Ok(Signed::sign(&control, &client.network(), mandate))
}

pub(crate) fn read_mandate(path: &Path) -> anyhow::Result<Signed<Mandate>> {
    match RecordFile::read(path)?.record {
        KnownRecord::Protocol(AnyRecord::Mandate(mandate)) => Ok(mandate),
        other => Err(Usage::because(format!(
            "{} is a record of type {}, not a mandate",
            path.display(),
            other.kind()
        ))),
    }
}

impl Answer {
    fn new(report: &RepairReport) -> Self {
        let repaired = report.repaired.iter();
        Self {
            cid: report.cid.to_string(),
            whole: report.is_whole(),
            repaired: repaired
                .map(|(part, node)| Repaired { part: part.to_string(), node: node.to_string() })
                .collect(),
            missing: report.missing.clone(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for repaired in &self.repaired {
            writeln!(f, "repaired {} on node {}", repaired.part, &repaired.node[..10])?;
        }
        match (self.whole, self.repaired.len()) {
            (true, 0) => writeln!(f, "the object was whole already"),
            (true, count) => writeln!(f, "the object is whole again: {count} parts repaired"),
            (false, _) => writeln!(f, "{} parts are still lost", self.missing.len()),
        }
    }
}
