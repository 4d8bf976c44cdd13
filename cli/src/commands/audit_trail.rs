//! `headwater audit-trail`: who was given what, who read it, and proof that nothing was left out.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use chunker::AccountSecret;
use clap::{Args, ValueEnum};
use protocol::{Digest, NetworkId, Sequence, UnixSeconds};
use serde::Serialize;
use sharing::{
    ACCOUNTING_S, Disclosure, Facts, Identity, PatientId, Trail, TrailEntry, TrailHead, TrailText, TrailWhat,
    accounting, accounting_as_csv, trail_as_fhir, trail_as_page,
};

use super::attest::witnessed;
use crate::arguments::Globals;
use crate::attest::{KnownLog, WholeLog};
use crate::counted::counted;
use crate::failure::{Outcome, Usage};
use crate::ledger_api::LedgerApi;
use crate::membership::Network;
use crate::names::now;
use crate::trail::{self, CommittedHead, Fetching, TrailFile};
use crate::{account as account_file, ends, folders, printable};

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
  headwater audit-trail --review 17                      you have looked at who broke the glass
  headwater audit-trail --verify
  headwater audit-trail --page trail.html --patient 4711
  headwater audit-trail --commit                         prints a commitment to all that is in it now
  headwater audit-trail --commit --ledger https://ledger.example
  headwater audit-trail --verify --ledger https://ledger.example --policy witnesses.policy
  headwater audit-trail --verify --against 12:5f0c…")]
pub(crate) struct AuditTrail {
    /// Write it as a FHIR R4 bundle, audit events in the shapes of IHE's Basic Audit Log Patterns; - prints it
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

    /// Note that you have looked at an entry, by its number: one of those in which somebody broke the glass
    #[arg(long, value_name = "ENTRY", conflicts_with_all = ["fhir", "verify", "commit", "accounting"])]
    review: Option<u64>,

    /// The ledger in whose log it is committed
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    ledger: Option<String>,

    #[command(flatten)]
    known: KnownLog,

    /// Ask no gateway and no ledger
    #[arg(long)]
    offline: bool,

    /// Go on behind events that a gateway does not tell, such as after an older copy of the trail was put back; the trail says so
    #[arg(long, conflicts_with = "offline")]
    skip_missing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Csv,
    Json,
}

#[derive(Serialize)]
struct Listed {
    /// Who broke the glass, and nobody has reviewed it: before all else.
    unreviewed: Vec<Line>,
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
    /// Who, as they have shown: how their identity begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    /// How the owner calls them.
    #[serde(skip_serializing_if = "Option::is_none")]
    known_as: Option<TrailText>,
    /// Why it was read in an emergency, by the reader's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<TrailText>,
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
    /// Disclosures of the same time that name no patient.
    unnamed: usize,
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
        let output = globals.output();
        let (mut file, is_complete) = self.trail(globals, &secret, network).await?;
        if self.commit {
            let ledger = self.ledger(globals).await?;
            output.answer(&commit(globals, &secret, network, ledger.as_ref()).await?)?;
            return Ok(if is_complete { Outcome::Complete } else { Outcome::Incomplete });
        }
        if let Some(url) = self.ledger.as_ref().filter(|_| !self.verify && !self.offline) {
            trail::commit_or_say(globals, url).await;
            file = TrailFile::read(globals, &secret, network)?;
        }
        if let Some(entry) = self.review {
            review(&mut file, entry)?;
            output.answer(&listed(file.trail(), patient.as_ref()))?;
        } else if self.verify {
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
            if path.as_os_str() == "-" {
                println!("{}", String::from_utf8_lossy(&json));
            } else {
                folders::write_privately(path, &json)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                output.answer(&Written { file: path.clone(), resources: bundle.entries().len() })?;
            }
        } else if let (true, Some(patient)) = (self.accounting, &patient) {
            let disclosures = accounting(file.trail().entries(), patient, now());
            let unnamed = without_patient(file.trail().entries(), now());
            if unnamed > 0 {
                output.note(format_args!(
                    "{unnamed} disclosures of these six years name no patient, and are not listed"
                ));
            }
            if self.form == Form::Csv && !output.is_json() {
                print!("{}", accounting_as_csv(&disclosures));
            } else {
                output.answer(&Accounting { disclosures, unnamed })?;
            }
        } else {
            output.answer(&listed(file.trail(), patient.as_ref()))?;
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

    /// The trail, brought up to date where that is wanted; whether all is in it.
    async fn trail(
        &self,
        globals: &Globals,
        secret: &AccountSecret,
        network: NetworkId,
    ) -> anyhow::Result<(TrailFile, bool)> {
        if self.offline && self.review.is_none() {
            return Ok((TrailFile::read(globals, secret, network)?, true));
        }
        let (mut file, output) = (TrailFile::open(globals, secret, network)?, globals.output());
        if self.offline {
            return Ok((file, true));
        }
        ends::send(globals, secret, network).await?;
        let mut fetching = Fetching { file: &mut file, secret, network, output, skip: self.skip_missing };
        let is_complete = fetching.all(globals).await?;
        Ok((file, is_complete))
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

/// How many disclosures an accounting leaves out because nobody has said whom they are about.
fn without_patient(entries: &[TrailEntry], now: UnixSeconds) -> usize {
    let since = UnixSeconds::new(now.get().saturating_sub(ACCOUNTING_S));
    let facts = entries.iter().map(|entry| &entry.facts);
    facts.filter(|facts| facts.is_disclosure() && facts.patient.is_none() && facts.at >= since).count()
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

/// Notes that the owner has looked at an entry.
fn review(file: &mut TrailFile, entry: u64) -> anyhow::Result<()> {
    let Some(alarm) = file.trail().unreviewed().find(|alarm| alarm.seq.get() == entry) else {
        bail!("entry {entry} is none that waits to be reviewed");
    };
    let Facts { about, patient, reason, who, .. } = alarm.facts.clone();
    let texts = [who, reason, about].into_iter().flatten().map(|text| text.to_string());
    let about = TrailText::cut(&format!("entry {entry}: {}", texts.collect::<Vec<_>>().join(": ")));
    // Without the link: the numbers of entries that have one are those of its gateway.
    file.append(Facts { about, number: Some(entry), patient, ..Facts::new(TrailWhat::Reviewed, now()) })
}

fn listed(trail: &Trail, patient: Option<&PatientId>) -> Listed {
    let is_chosen = |entry: &&TrailEntry| patient.is_none_or(|id| entry.facts.patient.as_ref() == Some(id));
    let entries = trail.entries();
    Listed {
        unreviewed: trail.unreviewed().map(Line::of).collect(),
        entries: entries.iter().filter(is_chosen).map(Line::of).collect(),
        all: entries.len() as u64,
    }
}

impl Line {
    fn of(entry: &TrailEntry) -> Self {
        let Facts { about, at, by, known_as, patient, purpose, reason, source, what, who, .. } =
            entry.facts.clone();
        let identity = by.map(Identity::beginning);
        let facts = Shown { at, what, who, identity, known_as, reason, about, patient, purpose, source };
        Self { seq: entry.seq, facts }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { at, what, who, identity, known_as, reason, about, patient, purpose, .. } = &self.facts;
        write!(f, "{:>6}  {at}  {}", self.seq.get(), what.as_str())?;
        if let Some(who) = who {
            write!(f, " {} {}", what.preposition(), printable::quoted(who.as_str()))?;
        }
        match (known_as, identity) {
            (Some(known_as), _) => write!(f, ", who is {}", printable::escaped(known_as.as_str()))?,
            (None, Some(identity)) => write!(f, ", who is {identity}")?,
            (None, None) => {}
        }
        if let Some(reason) = reason {
            write!(f, ", because {}", printable::quoted(reason.as_str()))?;
        }
        if let Some(about) = about {
            write!(f, ": {}", printable::escaped(about.as_str()))?;
        }
        if let Some(patient) = patient {
            write!(f, ", patient {}", printable::escaped(patient.as_str()))?;
        }
        if let Some(purpose) = purpose {
            write!(f, ", {purpose}")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.unreviewed.is_empty() {
            writeln!(
                f,
                "NOT REVIEWED: somebody has read in an emergency; `headwater audit-trail --review ENTRY` when you have looked at it"
            )?;
            self.unreviewed.iter().try_for_each(|line| write!(f, "{line}"))?;
            writeln!(f)?;
        }
        // As it happened: what a gateway has told entered later.
        let mut lines: Vec<_> = self.entries.iter().collect();
        lines.sort_by_key(|line| line.facts.at);
        lines.into_iter().try_for_each(|line| write!(f, "{line}"))?;
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
            "{}, each signed and in its place; {} that fit",
            counted(self.entries.get(), "entry"),
            counted(self.against as u64, "commitment")
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
