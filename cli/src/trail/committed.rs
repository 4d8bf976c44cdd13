//! The head of a trail in a ledger's public log, as a keyed commitment (spec §25, §29).

use anyhow::bail;
use chunker::AccountSecret;
use ledger::{Attestation, AttestedKind, Commitment, LogEntry};
use ledger_service::PROMISE_S;
use protocol::{Digest, NetworkId, Sequence, Signed};
use sharing::{Facts, TrailEntry, TrailText, TrailWhat};

use super::TrailFile;
use crate::arguments::Globals;
use crate::attest::WholeLog;
use crate::failure::{self, Outcome};
use crate::ledger_api::LedgerApi;
use crate::membership::Network;
use crate::names::now;
use crate::{account, ledger_network};

/// Where the ledger is set to whose log the trail is committed.
const LEDGER: &str = "HEADWATER_LEDGER";

/// What was committed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CommittedHead {
    pub(crate) entries: Sequence,
    pub(crate) commitment: Digest,
}

impl TrailFile {
    /// Notes in the trail to what it was committed, and where.
    pub(crate) fn note_committed(&mut self, head: CommittedHead, at: Option<&str>) -> anyhow::Result<()> {
        let about = TrailText::cut(&format!("{}:{}", head.entries, head.commitment));
        let source = at.and_then(TrailText::cut);
        self.append(Facts { about, source, ..Facts::new(TrailWhat::Committed, now()) })
    }

    /// The commitment to all that is in it now.
    pub(crate) fn committed_head(&self) -> CommittedHead {
        let head = self.trail().head();
        CommittedHead { entries: head.entries, commitment: head.commitment(self.keys()) }
    }

    /// Whether nothing was added since it was committed at this ledger.
    pub(crate) fn is_committed(&self, ledger: &str) -> bool {
        self.trail().entries().last().is_some_and(|entry| is_noted(entry, ledger))
    }

    /// Compares the trail with all that its owner has committed to in a log; how many there are.
    ///
    /// Fails where entries are missing that were committed to, or where the log lacks what was promised.
    pub(crate) fn compare(&self, log: &WholeLog, ledger: &str) -> anyhow::Result<usize> {
        let (owner, fitting) = (self.keys().signer().public(), self.trail().commitments(self.keys()));
        let mut logged = Vec::new();
        for (index, entry) in log.entries.iter().enumerate() {
            let LogEntry::Attestation(record) = entry else { continue };
            if record.by() != owner || record.body().kind != AttestedKind::Trail {
                continue;
            }
            let commitment = Digest::from_bytes(*record.body().commitment.as_bytes());
            if !fitting.contains_key(&commitment) {
                bail!(
                    "entry {index} of the log {} commits to a trail that this one never was: entries are missing at its end, or \
                     others stand in their place",
                    log.accepted.checkpoint.origin
                );
            }
            logged.push(commitment.to_string());
        }
        let noted = self.trail().entries().iter().filter(|entry| is_noted(entry, ledger));
        for TrailEntry { facts, seq, .. } in noted {
            let hash = facts.about.as_ref().and_then(|about| about.as_str().split_once(':'));
            let is_there = hash.is_some_and(|(_, hash)| logged.iter().any(|logged| logged == hash));
            if !is_there && facts.at.plus(PROMISE_S).has_passed(now()) {
                bail!(
                    "the log lacks what the ledger has promised to put into it: the commitment of entry {seq}"
                );
            }
        }
        Ok(logged.len())
    }
}

fn is_noted(entry: &TrailEntry, ledger: &str) -> bool {
    let source = entry.facts.source.as_ref().map(TrailText::as_str);
    entry.facts.what == TrailWhat::Committed && source == Some(ledger)
}

/// Has the ledger promise that its log commits to the trail as it is now, and notes it in the trail; nothing where that was done.
pub(crate) async fn commit(
    globals: &Globals,
    secret: &AccountSecret,
    network: NetworkId,
    ledger: &LedgerApi,
) -> anyhow::Result<Option<CommittedHead>> {
    let file = TrailFile::open(globals, secret, network)?;
    let (head, signer) = (file.committed_head(), file.keys().signer());
    if head.entries.get() == 0 || file.is_committed(ledger.url().as_str()) {
        return Ok(None);
    }
    // Other commands need not wait for the ledger.
    drop(file);
    let commitment = Commitment::from_bytes(*head.commitment.as_bytes());
    let body = Attestation { commitment, issued: now(), kind: AttestedKind::Trail };
    ledger.record(&Signed::sign(&signer, &ledger.signed_for()?, body)).await?;
    TrailFile::open(globals, secret, network)?.note_committed(head, Some(ledger.url().as_str()))?;
    Ok(Some(head))
}

/// The ledger at this address, when it is one of this network.
pub(crate) async fn ledger_of(globals: &Globals, url: &str) -> anyhow::Result<LedgerApi> {
    let ledger = LedgerApi::connect(url).await?;
    ledger_network::check(globals.network.as_deref(), ledger.url(), ledger.network()?)?;
    Ok(ledger)
}

/// How a command has ended that may have added to the trail. Where a ledger is set, the trail is committed; where that fails it is
/// said, and done with the next command.
pub(crate) async fn then_committed(
    globals: &Globals,
    outcome: anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    if let (Ok(_), Ok(url)) = (&outcome, std::env::var(LEDGER)) {
        commit_or_say(globals, &url).await;
    }
    outcome
}

/// Commits the trail at the ledger of this address, or says why not.
pub(crate) async fn commit_or_say(globals: &Globals, url: &str) {
    if let Err(error) = commit_at(globals, url).await {
        let why = failure::one_line(&error);
        globals.output().note(format_args!("your audit trail is not committed at the ledger: {why}"));
    }
}

async fn commit_at(globals: &Globals, url: &str) -> anyhow::Result<()> {
    let secret = account::open(globals.account.as_deref(), globals.output())?;
    let ledger = ledger_of(globals, url).await?;
    commit(globals, &secret, Network::id(globals.network.as_deref())?, &ledger).await?;
    Ok(())
}
