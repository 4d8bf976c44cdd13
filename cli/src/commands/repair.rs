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
use crate::paying::PaySettings;
use crate::quantity::{ByteSize, Duration};
use crate::record_file::{self, KnownRecord, RecordFile};
use crate::secrets::SecretArg;
use crate::target::Targets;

/// Bring lost shards back from those that are left
///
/// Reads what is left of the object, recomputes and checks every shard, and stores the lost ones on other
/// nodes. It never needs the key: nothing is decrypted. It takes the account that put the object, or a mandate
/// signed by it. Exit status 1 when something is still lost.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater repair @film.link
  headwater repair bafyr4i… --mandate care.mandate --keep 90d --bandwidth 20MB
  headwater repair @film.link --ledger https://ledger.example --collateral 2      from nodes that sell what is read")]
pub(crate) struct Repair {
    /// The name, the link, or the address alone: itself, @FILE, or - for standard input. Of a folder of records all packs are repaired
    target: SecretArg,

    /// A file with mandates by the object's owner to your account, as `headwater mandate` prints them, where the object is not yours
    #[arg(long, value_name = "FILE")]
    mandate: Option<PathBuf>,

    /// How long the nodes are to keep what is repaired, such as 90d
    #[arg(long, value_name = "TIME", default_value = "365d")]
    keep: Duration,

    /// How fast to read and send at most, per second, such as 20MB [default: no limit]
    #[arg(long, value_name = "SIZE")]
    bandwidth: Option<ByteSize>,

    #[command(flatten)]
    pay: PaySettings,
}

#[derive(Serialize)]
struct Answer {
    cid: String,
    whole: bool,
    repaired: Vec<Repaired>,
    missing: Vec<MissingPart>,
    /// The packs, where it is a folder of records; `whole` above says it of all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packs: Vec<Answer>,
}

#[derive(Serialize)]
struct Repaired {
    part: String,
    node: String,
}

/// How long the mandate is good that an owner writes for one repair, in seconds.
const OWN_MANDATE_LIFETIME_S: u64 = 24 * 3600;
/// The longest file of mandates, in bytes: one for each pack of the largest folder of records.
const MANDATES_LEN_MAX: u64 = 16 << 20;

impl Repair {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let targets = Targets::read(&self.target, globals).await?;
        let network = Network::load(globals.network.as_deref()).await?;
        let account = account::open(globals.account.as_deref(), globals.output())?;
        let mandates = self.mandate.as_deref().map(read_mandates).transpose()?;
        let work = async |client: &Client| {
            let mut reports = Vec::new();
            for cid in targets.objects(client).await?.cids {
                let mandate = match &mandates {
                    Some(mandates) => mandate_for(mandates, cid)?,
                    None => own_mandate(client, &account, cid, OWN_MANDATE_LIFETIME_S).await?,
                };
                let expires = UnixSeconds::from(SystemTime::now()).plus(self.keep.seconds());
                let authority = RepairAuthority { mandate, expires };
                let repaired = client.repair(&cid, &authority).await;
                reports.push(repaired.with_context(|| format!("cannot repair {cid}"))?);
            }
            Ok(reports)
        };
        let repair = async |client: &Client| self.pay.with(client, work).await;
        let care_rate = self.bandwidth.map(ByteSize::bytes);
        let options = ClientOptions { care_rate, ..ClientOptions::default() };
        let reports = network.with_client_as(Some(account::payer(&account)), options, repair).await?;
        globals.output().answer(&Answer::of_all(&reports))?;
        for missing in reports.iter().flat_map(|report| &report.missing) {
            globals.output().note(format_args!("still lost: {}: {}", missing.part, missing.reason));
        }
        let is_whole = reports.iter().all(RepairReport::is_whole);
        if !is_whole {
            globals.output().note(format_args!(
                "of the {} nodes of this network too few can take what is lost: bring back those that are down, which \
                 `headwater nodes` shows, or add others with `headwater nodes --add`",
                network.file.nodes.len()
            ));
        }
        Ok(if is_whole { Outcome::Complete } else { Outcome::Incomplete })
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

/// The mandates in a file: one, or one in each line.
pub(crate) fn read_mandates(path: &Path) -> anyhow::Result<Vec<Signed<Mandate>>> {
    let bytes = record_file::read(path, MANDATES_LEN_MAX)?;
    let one = RecordFile::verify(path, bytes.clone());
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let files = match one {
        Err(_) if lines.clone().count() > 1 => {
            lines.map(|line| RecordFile::verify(path, line.to_vec())).collect::<Result<_, _>>()?
        }
        one => vec![one?],
    };
    files.into_iter().map(|file| as_mandate(path, file.record)).collect()
}

/// The mandate of a file that is for this object.
pub(crate) fn mandate_for(mandates: &[Signed<Mandate>], cid: Cid) -> anyhow::Result<Signed<Mandate>> {
    let fits = |mandate: &&Signed<Mandate>| mandate.body().object.is_none_or(|object| object == cid);
    let found = mandates.iter().find(fits).cloned();
    found.ok_or_else(|| Usage::because(format!("the mandate was written for another object than {cid}")))
}

fn as_mandate(path: &Path, record: KnownRecord) -> anyhow::Result<Signed<Mandate>> {
    match record {
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
            packs: Vec::new(),
        }
    }

    /// The first with all others in it.
    fn of_all(reports: &[RepairReport]) -> Self {
        let mut answers = reports.iter().map(Self::new);
        let mut first = answers.next().expect("an argument stands for one object at least");
        first.packs = answers.collect();
        first.whole &= first.packs.iter().all(|pack| pack.whole);
        first
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = || std::iter::once(self).chain(&self.packs);
        for repaired in all().flat_map(|answer| &answer.repaired) {
            writeln!(f, "repaired {} on node {}", repaired.part, &repaired.node[..10])?;
        }
        let packs = match self.packs.len() {
            0 => String::new(),
            packs => format!(", with its {packs} packs"),
        };
        let (repaired, missing): (usize, usize) =
            all().fold((0, 0), |(r, m), a| (r + a.repaired.len(), m + a.missing.len()));
        match (self.whole, repaired) {
            (true, 0) => writeln!(f, "the object was whole already{packs}"),
            (true, count) => writeln!(f, "the object is whole again{packs}: {count} parts repaired"),
            (false, _) => writeln!(f, "{missing} parts are still lost"),
        }
    }
}
