//! What a ledger says that it has counted, against its public log.

use anyhow::{Context, bail};
use data_encoding::BASE64;
use ledger::tlog::{Bundle, Checkpoint, LogProof, Policy, SignedNote};
use ledger::{Line, ListRoot, LogEntry, Shown, Summary};
use proofs::canonical;
use protocol::{Epoch, Serial, SessionGrant, Usage};
use serde::Deserialize;

use crate::ledger_api::LedgerApi;

/// Longest list that shows one grant, in bytes: 18 items with their proofs.
const SHOWN_LEN_MAX: usize = 64 << 10;

/// Most lines of an epoch that are looked through.
const LINES_MAX: u64 = 1 << 20;

/// Where in the log a settlement begins.
#[derive(Deserialize)]
struct Place {
    log_first: u64,
}

/// The answer to an inquiry about the sessions of a settled epoch.
#[derive(Deserialize)]
pub(super) struct CountedAnswer {
    counted: Counted,
}

#[derive(Deserialize)]
struct Counted {
    /// Where in the log its summary is.
    summary: u64,
    grants: Vec<CountedGrant>,
}

#[derive(Deserialize)]
struct CountedGrant {
    serial: String,
    receipts: String,
}

impl CountedAnswer {
    /// What was shown for a grant.
    pub(super) fn shown(&self, serial: Serial) -> anyhow::Result<Shown> {
        let serial = serial.to_string();
        let grant = self.counted.grants.iter().find(|grant| grant.serial == serial);
        let grant = grant.with_context(|| format!("the ledger shows nothing of session {serial}"))?;
        let bytes = BASE64.decode(grant.receipts.as_bytes())?;
        canonical::from_slice(&bytes, SHOWN_LEN_MAX).context("the ledger shows no items of its list")
    }
}

/// The answer to an inquiry about a settled epoch: the lines in which the asker has a part.
#[derive(Deserialize)]
pub(super) struct LinesAnswer {
    epochs: Vec<EpochLines>,
}

#[derive(Deserialize)]
struct EpochLines {
    lines: Vec<LineAnswer>,
}

#[derive(Deserialize)]
struct LineAnswer {
    index: u64,
    agreement: String,
    gateway: String,
    own: bool,
}

impl LinesAnswer {
    /// Where in the log lines are that should have counted what came under this grant.
    pub(super) fn places(&self, grant: &SessionGrant) -> impl Iterator<Item = u64> {
        let (agreement, gateway) = (grant.agreement.to_string(), grant.gateway.to_string());
        let lines = self.epochs.iter().flat_map(|epoch| &epoch.lines);
        let own = lines.filter(move |it| it.own && it.agreement == agreement && it.gateway == gateway);
        own.map(|line| line.index)
    }
}

/// The summary of an epoch, as it stands in the log.
pub(super) async fn summary(
    ledger: &LedgerApi,
    policy: &Policy,
    answer: &CountedAnswer,
    epoch: Epoch,
) -> anyhow::Result<Summary> {
    let index = answer.counted.summary;
    match entry(ledger, policy, index).await? {
        LogEntry::Settlement(summary) if summary.epoch == epoch => Ok(*summary),
        _ => bail!("entry {index} of the log is not the settlement of epoch {epoch}"),
    }
}

/// Whether this line of the log has counted so much for the viewer of a grant.
pub(super) async fn line_has(
    ledger: &LedgerApi,
    policy: &Policy,
    index: u64,
    grant: &SessionGrant,
    usage: Usage,
) -> anyhow::Result<bool> {
    let LogEntry::Line(line) = entry(ledger, policy, index).await? else { return Ok(false) };
    let is_of_grant = (line.agreement, line.alias, line.attested, line.gateway)
        == (grant.agreement, grant.alias, grant.attested, grant.gateway);
    Ok(is_of_grant && usage.is_within(line.usage))
}

/// All lines of a settlement, as its summary names them.
pub(super) async fn lines(ledger: &LedgerApi, epoch: Epoch, summary: &Summary) -> anyhow::Result<Vec<Line>> {
    let count = summary.lines.count;
    if count > LINES_MAX {
        bail!("epoch {epoch} has {count} lines, which is more than the {LINES_MAX} that are looked through");
    }
    let place: Place = ledger.get(&format!("v1/settlements/{epoch}")).await?;
    let (mut lines, network) = (Vec::new(), ledger.signed_for()?);
    let size = Checkpoint::parse(SignedNote::decode(&ledger.bytes("log/checkpoint").await?)?.text())?.size;
    let (mut next, end) = (place.log_first, place.log_first.saturating_add(count));
    while next < end {
        let bundle = Bundle::of(next, size).with_context(|| format!("the log ends before entry {next}"))?;
        let entries = bundle.decode(&ledger.bytes(&format!("log/{}", bundle.path())).await?)?;
        for (index, bytes) in bundle.range().zip(&entries) {
            if (next..end).contains(&index)
                && let LogEntry::Line(line) = LogEntry::decode(bytes.as_bytes(), &network)?
            {
                lines.push(line);
            }
        }
        next = bundle.range().end;
    }
    if ListRoot::of(&lines) != summary.lines {
        bail!("the log has other lines for epoch {epoch} than its settlement");
    }
    Ok(lines)
}

/// An entry of the log, which the checkpoint proves.
async fn entry(ledger: &LedgerApi, policy: &Policy, index: u64) -> anyhow::Result<LogEntry> {
    let proof = LogProof::decode(&ledger.bytes(&format!("log/proof/{index}")).await?)?;
    let size = Checkpoint::parse(proof.checkpoint.text())?.size;
    let bundle = Bundle::of(index, size).with_context(|| format!("the log ends before entry {index}"))?;
    let entries = bundle.decode(&ledger.bytes(&format!("log/{}", bundle.path())).await?)?;
    let entry = usize::try_from(index - bundle.range().start).ok().and_then(|place| entries.get(place));
    let entry = entry.with_context(|| format!("the log has no entry {index}"))?.as_bytes();
    if proof.index != index {
        bail!("entry {} of the log is proved instead of {index}", proof.index);
    }
    proof.verify(entry, policy)?;
    Ok(LogEntry::decode(entry, &ledger.signed_for()?)?)
}
