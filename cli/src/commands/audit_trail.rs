//! `headwater audit-trail`: who was given what, who read it, and proof that nothing was left out.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use chunker::AccountSecret;
use clap::{Args, ValueEnum};
use protocol::{Digest, NetworkId, Sequence, UnixSeconds};
use reqwest::Url;
use serde::Serialize;
use sharing::{
    Disclosure, Facts, PatientId, TrailEntry, TrailHead, TrailText, TrailWhat, accounting, accounting_as_csv,
    link_key, trail_as_fhir, trail_as_page,
};

use super::attest::witnessed;
use crate::arguments::Globals;
use crate::attest::{KnownLog, WholeLog};
use crate::failure::{Outcome, Usage};
use crate::health::{self, Book};
use crate::ledger_api::LedgerApi;
use crate::membership::Network;
use crate::names::now;
use crate::shares::KeptShares;
use crate::trail::{self, CommittedHead, TrailFile, facts_of, facts_of_share, line};
use crate::{account as account_file, failure, folders, gateway_api};

/// Show who was given what, and who read it
///
/// Your audit trail lies on this machine, beside your index: a chain of signed entries that only grows. What happened to your links
/// at their gateways is fetched first. Of readers it knows what they called themselves.
///
/// With --verify it is checked from the first entry to the last, and against a commitment that you kept, or against all that a
/// ledger's log has: then nothing was left out at its end either. Where a ledger is set (`HEADWATER_LEDGER`), what is new in it is
/// committed to that ledger's log each time, under a key that nobody else has.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater audit-trail
  headwater audit-trail --patient 4711 --accounting > disclosures.csv
  headwater audit-trail --fhir events.json --patient 4711
  headwater audit-trail --verify
  headwater audit-trail --page trail.html --patient 4711
  headwater audit-trail --commit                         prints a commitment to all that is in it now
  headwater audit-trail --commit --ledger https://ledger.example
  headwater audit-trail --verify --ledger https://ledger.example --policy witnesses.policy
  headwater audit-trail --verify --against 12:5f0c…")]
pub(crate) struct AuditTrail {
    /// Write it as a FHIR R4 bundle, audit events in the shapes of IHE's Basic Audit Log Patterns
    #[arg(long, value_name = "FILE")]
    fhir: Option<PathBuf>,

    /// Write it as a page for your browser, one file that needs nothing else; only you may read it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fhir", "verify", "commit", "accounting"])]
    page: Option<PathBuf>,

    /// Only what concerns this patient
    #[arg(long, value_name = "ID")]
    patient: Option<String>,

    /// List the disclosures of the last six years: date, recipient, description, purpose
    #[arg(long, requires = "patient", conflicts_with_all = ["fhir", "verify", "commit"])]
    accounting: bool,

    /// How the accounting is written
    #[arg(long, value_enum, default_value_t = Form::Csv, requires = "accounting")]
    form: Form,

    /// Check every entry, and that each follows the one before it
    #[arg(long)]
    verify: bool,

    /// A commitment that has to fit what the trail was then
    #[arg(long, value_name = "ENTRIES:HEX", requires = "verify")]
    against: Vec<String>,

    /// Print a commitment to the trail as it is now, which says nothing to whoever lacks your account
    #[arg(long, conflicts_with_all = ["fhir", "verify"])]
    commit: bool,

    /// The ledger in whose log it is committed
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    ledger: Option<String>,

    #[command(flatten)]
    known: KnownLog,

    /// Ask no gateway and no ledger
    #[arg(long)]
    offline: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Csv,
    Json,
}

#[derive(Serialize)]
struct Listed {
    entries: Vec<Line>,
    /// How many entries the whole trail has.
    all: u64,
}

#[derive(Serialize)]
struct Line {
    seq: Sequence,
    #[serde(flatten)]
    facts: Shown,
}

/// What is shown of an entry: not the id of a link, which opens health links.
#[derive(Serialize)]
struct Shown {
    at: UnixSeconds,
    what: TrailWhat,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<TrailText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<TrailText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: Option<PatientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<sharing::Purpose>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<TrailText>,
}

#[derive(Serialize)]
struct Verified {
    entries: Sequence,
    last: Digest,
    against: usize,
    /// How many commitments in the log of the ledger fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    logged: Option<usize>,
    /// How many witnesses have cosigned that log.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnesses: Option<usize>,
}

#[derive(Serialize)]
struct Committed {
    entries: Sequence,
    commitment: Digest,
}

#[derive(Serialize)]
struct Page {
    file: PathBuf,
}

#[derive(Serialize)]
struct Accounting {
    disclosures: Vec<Disclosure>,
}

#[derive(Serialize)]
struct Written {
    file: PathBuf,
    resources: usize,
}

impl AuditTrail {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let patient = self.patient.as_deref().map(PatientId::new).transpose();
        let patient = patient.map_err(|error| Usage::because(error.to_string()))?;
        let secret = account_file::open(globals.account.as_deref(), globals.output())?;
        let network = Network::id(globals.network.as_deref())?;
        let is_complete = self.offline || fetch(globals, &secret, network).await?;
        let output = globals.output();
        if self.commit {
            let ledger = self.ledger(globals).await?;
            output.answer(&commit(globals, &secret, network, ledger.as_ref()).await?)?;
            return Ok(if is_complete { Outcome::Complete } else { Outcome::Incomplete });
        }
        if let Some(url) = self.ledger.as_ref().filter(|_| !self.verify && !self.offline) {
            trail::commit_or_say(globals, url).await;
        }
        let file = TrailFile::open(globals, &secret, network)?;
        if self.verify {
            let ledger = self.ledger(globals).await?;
            output.answer(&self.verified(&file, ledger.as_ref()).await?)?;
        } else if let Some(path) = &self.page {
            let page = trail_as_page(file.trail().entries(), patient.as_ref(), now());
            folders::write_privately(path, page.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
            output.answer(&Page { file: path.clone() })?;
        } else if let Some(path) = &self.fhir {
            let bundle = trail_as_fhir(file.trail().entries(), patient.as_ref(), &network.to_string(), now());
            let json = serde_json::to_vec_pretty(&bundle)?;
            folders::write_privately(path, &json)
                .with_context(|| format!("cannot write {}", path.display()))?;
            output.answer(&Written { file: path.clone(), resources: bundle.entries().len() })?;
        } else if let (true, Some(patient)) = (self.accounting, &patient) {
            let disclosures = accounting(file.trail().entries(), patient, now());
            if self.form == Form::Csv && !output.is_json() {
                print!("{}", accounting_as_csv(&disclosures));
            } else {
                output.answer(&Accounting { disclosures })?;
            }
        } else {
            output.answer(&listed(file.trail().entries(), patient.as_ref()))?;
        }
        Ok(if is_complete { Outcome::Complete } else { Outcome::Incomplete })
    }

    /// The ledger that is set, when it may be asked.
    async fn ledger(&self, globals: &Globals) -> anyhow::Result<Option<LedgerApi>> {
        match self.ledger.as_deref().filter(|_| !self.offline) {
            Some(url) => trail::ledger_of(globals, url).await.map(Some),
            None => Ok(None),
        }
    }

    async fn verified(&self, file: &TrailFile, ledger: Option<&LedgerApi>) -> anyhow::Result<Verified> {
        let against = self.against.iter().map(|text| check(file, text)).collect::<Result<Vec<_>, _>>()?;
        let (mut logged, mut witnesses) = (None, None);
        if let Some(ledger) = ledger {
            let log = WholeLog::read(ledger, self.known.policy()?).await?;
            logged = Some(file.compare(&log, ledger.url().as_str())?);
            witnesses = Some(log.accepted.witnessed_by);
        }
        let TrailHead { entries, last } = file.trail().head();
        Ok(Verified { entries, last, against: against.len(), logged, witnesses })
    }
}

/// Commits to the trail as it is now: in the log of a ledger, or for whoever keeps what is printed.
async fn commit(
    globals: &Globals,
    secret: &AccountSecret,
    network: NetworkId,
    ledger: Option<&LedgerApi>,
) -> anyhow::Result<Committed> {
    let Some(ledger) = ledger else {
        let mut file = TrailFile::open(globals, secret, network)?;
        let head = file.committed_head();
        file.note_committed(head, None)?;
        return Ok(head.into());
    };
    let head = trail::commit(globals, secret, network, ledger).await?;
    head.map(Into::into).context("nothing was added to your audit trail since it was committed there")
}

/// Brings what gateways know into the trail; false where one does not answer, which is said.
async fn fetch(globals: &Globals, secret: &AccountSecret, network: NetworkId) -> anyhow::Result<bool> {
    let book = Book::open(globals)?;
    let mut is_complete = true;
    for mut link in book.entries()? {
        let facts = facts_of(&link, TrailWhat::Opened, now());
        let fetched = fetch_one(globals, secret, network, &link.gateway, facts, link.fetched).await;
        if let Some(last) = told(globals, fetched, &mut is_complete) {
            link.fetched = last;
            book.keep(&link)?;
        }
    }
    for share in KeptShares::open(globals)?.all()? {
        let gateway = gateway_api::address(&share.gateway)?;
        let facts = facts_of_share(&share, TrailWhat::Opened, now());
        told(globals, fetch_one(globals, secret, network, &gateway, facts, 0).await, &mut is_complete);
    }
    Ok(is_complete)
}

/// The number of the last event that was fetched; says so where a gateway does not tell. What it has forgotten is no fault.
fn told(globals: &Globals, fetched: anyhow::Result<u64>, is_complete: &mut bool) -> Option<u64> {
    match fetched {
        Ok(last) => Some(last),
        Err(error) => {
            if !health::is_gone(&error) {
                *is_complete = false;
                globals.output().note(format_args!("not all is here: {}", failure::one_line(&error)));
            }
            None
        }
    }
}

/// Fetches the events of one link, about which `facts` are known, after number `fetched`. An event is in the trail before its gateway
/// is told that it may forget it.
async fn fetch_one(
    globals: &Globals,
    secret: &AccountSecret,
    network: NetworkId,
    gateway: &Url,
    facts: Facts,
    fetched: u64,
) -> anyhow::Result<u64> {
    let id = facts.link.context("the list of shares is damaged")?;
    let (key, mut last) = (link_key(secret, id), fetched);
    loop {
        // The trail was written before what else is kept of the link.
        let mut file = TrailFile::open(globals, secret, network)?;
        let known = file.trail().entries().iter().filter(|entry| entry.facts.link == Some(id));
        last = known.filter_map(|entry| entry.facts.number).fold(last, u64::max);
        let events = health::events(gateway, &key, network, id, last).await?;
        let Some((newest, _)) = events.last() else { return Ok(last) };
        let entries = events.iter().filter_map(|(number, event)| {
            let what = TrailWhat::of(event.what)?;
            let who = event.who.as_ref().and_then(|who| line(who.as_str()));
            Some(Facts { at: event.at, what, who, number: Some(*number), ..facts.clone() })
        });
        file.append_all(entries)?;
        last = *newest;
    }
}

/// Checks a commitment against the trail as it was then.
fn check(file: &TrailFile, text: &str) -> anyhow::Result<()> {
    let bad = || {
        Usage::because(format!(
            "{text:?} is no commitment: it is the number of entries, a colon and 64 hexadecimal digits"
        ))
    };
    let (entries, commitment) = text.split_once(':').ok_or_else(bad)?;
    let entries: u64 = entries.parse().map_err(|_| bad())?;
    let Some(head) = file.trail().head_after(Sequence::new(entries)) else {
        bail!(
            "the trail has {} entries, {entries} were committed: some are missing",
            file.trail().head().entries
        );
    };
    if head.commitment(file.keys()).to_string() != commitment.to_ascii_lowercase() {
        bail!("the first {entries} entries are not those that were committed");
    }
    Ok(())
}

fn listed(entries: &[TrailEntry], patient: Option<&PatientId>) -> Listed {
    let chosen =
        entries.iter().filter(|entry| patient.is_none_or(|id| entry.facts.patient.as_ref() == Some(id)));
    let lines = chosen.map(|TrailEntry { facts, seq, .. }| {
        let Facts { about, at, patient, purpose, source, what, who, .. } = facts.clone();
        Line { seq: *seq, facts: Shown { at, what, who, about, patient, purpose, source } }
    });
    Listed { entries: lines.collect(), all: entries.len() as u64 }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Line { seq, facts } in &self.entries {
            let Shown { at, what, who, about, patient, purpose, .. } = facts;
            write!(f, "{:>6}  {at}  {}", seq.get(), what.as_str())?;
            if let Some(who) = who {
                write!(f, " by {who}")?;
            }
            if let Some(about) = about {
                write!(f, ": {about}")?;
            }
            if let Some(patient) = patient {
                write!(f, ", patient {patient}")?;
            }
            if let Some(purpose) = purpose {
                write!(f, ", {purpose}")?;
            }
            writeln!(f)?;
        }
        if self.entries.is_empty() { writeln!(f, "nothing yet") } else { Ok(()) }
    }
}

impl From<CommittedHead> for Committed {
    fn from(CommittedHead { entries, commitment }: CommittedHead) -> Self {
        Self { entries, commitment }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.file.display())
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} entries, each signed and in its place; {} commitments fit",
            self.entries, self.against
        )?;
        let (Some(logged), Some(witnesses)) = (self.logged, self.witnesses) else { return Ok(()) };
        writeln!(f, "log         {logged} commitments in it, and the trail has all that they are about")?;
        writeln!(f, "{}", witnessed(witnesses))
    }
}

impl fmt::Display for Committed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}", self.entries, self.commitment)
    }
}

impl fmt::Display for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", serde_json::to_string(self).expect("texts are JSON"))
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} resources in {}", self.resources, self.file.display())
    }
}
