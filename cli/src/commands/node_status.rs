//! `headwater node status`: how a node is, and what auditors said of audits that it did not pass.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use client::Client;
use protocol::{
    AuditVerdict, Ending, NodeRecord, NodeStatus as Status, Outcome as Found, PublicKey, Signed, Unanswered,
    UnixSeconds,
};
use serde::Serialize;

use crate::arguments::Globals;
use crate::commands::node::redeem::{self, Redeemed};
use crate::commands::ticket::node_record;
use crate::failure::{Outcome, Usage};
use crate::folders;
use crate::membership::Network;
use crate::output::Output;
use crate::quantity::ByteSize;

/// Show how a node is, and what auditors say of it
///
/// With the id of a node, or the beginning of it, that node is asked over the network; otherwise its folder
/// is read, whether the node runs or not; if it runs, it says besides what it keeps. Every verdict was signed by its auditor, who has the transcript
/// that it names.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater node status --dir /var/lib/headwater
  headwater node status 8a88e3dd74")]
pub(crate) struct NodeStatus {
    /// The node's id in hexadecimal, or at least four digits of its beginning
    #[arg(value_name = "ID", conflicts_with = "dir")]
    id: Option<String>,

    /// The node's folder [default: node in your data folder]
    #[arg(long, env = "HEADWATER_NODE_DIR")]
    dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    id: Option<String>,
    shards: Option<u64>,
    stored: Option<u64>,
    capacity: Option<u64>,
    version: Option<String>,
    /// What is known from vouchers, where the folder was read.
    sold: Option<Sold>,
    verdicts: Vec<VerdictLine>,
}

/// What payers have said that they owe, of the last month or so.
#[derive(Default, Serialize)]
struct Sold {
    lanes: usize,
    /// Bytes that were delivered when the vouchers came.
    served: u64,
    /// Bytes that they acknowledge.
    acknowledged: u64,
    /// What they promise at least, in micro-units.
    promised_micro: u64,
    /// What was set aside for this node on these lanes and is not promised yet, in micro-units.
    allowance_micro: u64,
    /// What the ledger has said when they were handed in last.
    redeemed: Option<Redeemed>,
}

#[derive(Serialize)]
struct VerdictLine {
    auditor: String,
    issued: u64,
    ended: &'static str,
    picks: u8,
    failed: u8,
    transcript: String,
    /// What it means for whoever runs the node.
    means: &'static str,
    #[serde(skip)]
    text: String,
}

/// Fewest digits of an id: with fewer, the wrong node is soon meant.
const ID_DIGITS_MIN: usize = 4;

impl NodeStatus {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let answer = match &self.id {
            Some(id) => ask(globals, id).await?,
            None => self.look(globals.output()).await?,
        };
        globals.output().answer(&answer)?;
        Ok(Outcome::Complete)
    }

    async fn look(&self, output: Output) -> anyhow::Result<Answer> {
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => folders::data()?.join("node"),
        };
        if !dir.join("node.key").exists() {
            bail!("there is no node in {}", dir.display());
        }
        let verdicts = storage_node::kept_verdicts(&dir);
        let verdicts = verdicts.with_context(|| format!("cannot read the verdicts in {}", dir.display()))?;
        let verdicts = verdicts.iter().map(VerdictLine::new).collect();
        // It has written who it is since it was first started.
        let record = node_record(&dir).ok();
        let id = record.as_ref().map(|record| record.by().to_string());
        let sold = Some(Sold::in_folder(&dir)?);
        let mut answer =
            Answer { id, shards: None, stored: None, capacity: None, version: None, sold, verdicts };
        let Some(record) = record else { return Ok(answer) };
        match status_of(record).await {
            Ok(status) => answer.add(&status),
            Err(error) => output.note(format_args!(
                "what it keeps is not known here, since it does not answer; of a node that is stopped, `headwater node check` \
                 reads all: {error:#}"
            )),
        }
        Ok(answer)
    }
}

/// How the node is that runs over a folder, by its own word.
async fn status_of(record: Signed<NodeRecord>) -> anyhow::Result<Status> {
    let node = record.by();
    let ask = async |client: &Client| client.node_status(node).await.map_err(anyhow::Error::msg);
    Network::of_node(record)?.with_client(None, ask).await
}

async fn ask(globals: &Globals, id: &str) -> anyhow::Result<Answer> {
    let network = Network::load(globals.network.as_deref()).await?;
    let node = find(network.file.nodes.iter().map(Signed::by), id)?;
    let ask = async |client: &Client| client.node_status(node).await.map_err(anyhow::Error::msg);
    let status = network.with_client(None, ask).await?;
    let verified = status.verdicts.iter().map(|kept| kept.verify(&network.file.network));
    let verdicts =
        verified.collect::<Result<Vec<_>, _>>().context("the node shows verdicts that do not verify")?;
    let (id, verdicts) = (Some(node.to_string()), verdicts.iter().map(VerdictLine::new).collect());
    let mut answer =
        Answer { id, shards: None, stored: None, capacity: None, version: None, sold: None, verdicts };
    answer.add(&status);
    Ok(answer)
}

impl Sold {
    fn in_folder(dir: &Path) -> anyhow::Result<Self> {
        let kept = storage_node::kept_vouchers(dir);
        let kept = kept.with_context(|| format!("cannot read the vouchers in {}", dir.display()))?;
        let nothing = Self { redeemed: redeem::kept(dir)?, ..Self::default() };
        Ok(kept.iter().fold(nothing, |sold, kept| {
            let said = kept.voucher.body();
            let left = kept.allocation.body().amount.get().saturating_sub(said.amount.get());
            Self {
                allowance_micro: sold.allowance_micro.saturating_add(left),
                lanes: sold.lanes + 1,
                served: sold.served.saturating_add(kept.counted),
                acknowledged: sold.acknowledged.saturating_add(said.bytes),
                promised_micro: sold.promised_micro.saturating_add(said.amount.get()),
                redeemed: sold.redeemed,
            }
        }))
    }
}

impl Answer {
    fn add(&mut self, status: &Status) {
        (self.shards, self.stored) = (Some(status.shards), Some(status.stored));
        self.capacity = Some(status.capacity);
        self.version = Some(status.version.as_str().to_owned());
    }
}

fn find(nodes: impl Iterator<Item = PublicKey>, id: &str) -> anyhow::Result<PublicKey> {
    if id.len() < ID_DIGITS_MIN {
        return Err(Usage::because(format!(
            "{id:?} is too short: name {ID_DIGITS_MIN} digits of the id or more"
        )));
    }
    let found: Vec<_> = nodes.filter(|node| node.to_string().starts_with(&id.to_lowercase())).collect();
    match found[..] {
        [node] => Ok(node),
        [] => bail!("no node of this network has an id that begins with {id}"),
        _ => bail!("{} nodes have an id that begins with {id}", found.len()),
    }
}

impl VerdictLine {
    fn new(verdict: &Signed<AuditVerdict>) -> Self {
        let body = verdict.body();
        Self {
            auditor: verdict.by().to_string(),
            issued: body.issued.get(),
            ended: body.ending.name(),
            picks: body.picks,
            failed: body.failed,
            transcript: body.transcript.to_string(),
            means: meaning(body),
            text: format!("signed by   {}\n{body}", verdict.by()),
        }
    }
}

/// What a verdict means for whoever runs the node: the worst of what was found.
fn meaning(verdict: &AuditVerdict) -> &'static str {
    let has = |outcome| verdict.faults.iter().any(|fault| fault.outcome == outcome);
    match verdict.ending {
        _ if has(Found::Corrupt) => {
            "what it keeps is damaged: look at the disk (smartctl -a), and at its memory"
        }
        _ if has(Found::Missing) => {
            "it has not what it signed a lease for: was its folder replaced, or files in it removed?"
        }
        Ending::Unanswered(Unanswered::Offline) => {
            "the auditor could not reach it: did it run, and does UDP reach its address from outside?"
        }
        Ending::Unanswered(Unanswered::Late) => "it answered too late: are its disk or its line overloaded?",
        Ending::Unanswered(Unanswered::Invalid) => {
            "what it answered makes no sense: is its program as new as the auditor's?"
        }
        Ending::Unanswered(Unanswered::Refused(_)) | Ending::Answered => {
            "it refused: the code says why; busy or egress mean that its limits are too low for what it keeps"
        }
    }
}

impl fmt::Display for Sold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lanes, served, acknowledged, promised_micro, allowance_micro, redeemed } = self;
        if *lanes > 0 {
            let (served, acknowledged) = (ByteSize::from_bytes(*served), ByteSize::from_bytes(*acknowledged));
            writeln!(
                f,
                "sold        {served} read, {acknowledged} of it acknowledged by vouchers of at least {promised_micro} µ"
            )?;
            writeln!(f, "allowance   {allowance_micro} µ more are set aside for it by those who read")?;
        }
        if let Some(Redeemed { at, bytes, promised, unit, earned, paid }) = redeemed {
            let (at, bytes) = (UnixSeconds::new(*at), ByteSize::from_bytes(*bytes));
            writeln!(
                f,
                "redeemed    {at}: vouchers of {bytes}, at least {promised} {unit}, are not settled yet"
            )?;
            writeln!(f, "earned      {earned} {unit} to claim, {paid} paid out")?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.id {
            writeln!(f, "node        {id}")?;
        }
        if let (Some(shards), Some(stored), Some(capacity)) = (self.shards, self.stored, self.capacity) {
            let (stored, capacity) = (ByteSize::from_bytes(stored), ByteSize::from_bytes(capacity));
            writeln!(f, "keeps       {shards} shards, {stored} of {capacity}")?;
        }
        if let Some(sold) = &self.sold {
            sold.fmt(f)?;
        }
        if self.verdicts.is_empty() {
            return writeln!(f, "no auditor has said that an audit was not passed");
        }
        let count = self.verdicts.len();
        let newest = self.verdicts.iter().map(|verdict| verdict.issued).max().unwrap_or_default();
        writeln!(f, "{count} audits not passed are kept, the last of {}", UnixSeconds::new(newest))?;
        for verdict in &self.verdicts {
            writeln!(f, "\n{}\nmeans       {}", verdict.text, verdict.means)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    #[test]
    fn a_node_is_named_by_the_beginning_of_its_id() {
        let nodes = || (1..=3).map(|seed| SecretKey::from_bytes(&[seed; 32]).public());
        for node in nodes() {
            let id = node.to_string();
            for len in [4, 10, 64] {
                assert_eq!(find(nodes(), &id[..len].to_uppercase()).unwrap(), node);
            }
            assert!(find(nodes(), &id[..3]).is_err());
        }
        assert!(find(nodes(), "0000").is_err());
        assert!(find(nodes().chain(nodes()), &nodes().next().unwrap().to_string()).is_err());
    }
}
