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
    Disclosure, Facts, PatientId, Trail, TrailEntry, TrailHead, TrailText, TrailWhat, accounting,
    accounting_as_csv, link_key, trail_as_fhir,
};

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::health::{self, Book};
use crate::membership::Network;
use crate::names::now;
use crate::shares::KeptShares;
use crate::trail::{TrailFile, facts_of, facts_of_share, line};
use crate::{account as account_file, failure, folders, gateway_api};

/// Show who was given what, and who read it
///
/// Your audit trail lies on this machine, beside your index: a chain of signed entries that only grows. What happened to your links
/// at their gateways is fetched first. Of readers it knows what they called themselves.
///
/// With --verify it is checked from the first entry to the last, and against a commitment that you kept, or that stands in a public
/// log: then nothing was left out at its end either.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater audit-trail
  headwater audit-trail --patient 4711 --accounting > disclosures.csv
  headwater audit-trail --fhir events.json --patient 4711
  headwater audit-trail --review 17                      you have looked at who broke the glass
  headwater audit-trail --verify
  headwater audit-trail --commit                         prints a commitment to all that is in it now
  headwater audit-trail --verify --against 12:5f0c…")]
pub(crate) struct AuditTrail {
    /// Write it as a FHIR R4 bundle, audit events in the shapes of IHE's Basic Audit Log Patterns
    #[arg(long, value_name = "FILE")]
    fhir: Option<PathBuf>,

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

    /// Ask no gateway
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
}

#[derive(Serialize)]
struct Committed {
    entries: Sequence,
    commitment: Digest,
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
        let mut file = TrailFile::open(globals, &secret, network)?;
        let output = globals.output();
        if let Some(entry) = self.review {
            review(&mut file, entry)?;
            output.answer(&listed(file.trail(), patient.as_ref()))?;
        } else if self.verify {
            let against =
                self.against.iter().map(|text| check(&file, text)).collect::<Result<Vec<_>, _>>()?;
            let TrailHead { entries, last } = file.trail().head();
            output.answer(&Verified { entries, last, against: against.len() })?;
        } else if self.commit {
            let head = file.trail().head();
            let commitment = head.commitment(file.keys());
            let about = line(&format!("{}:{commitment}", head.entries));
            file.append(Facts { about, ..Facts::new(TrailWhat::Committed, now()) })?;
            output.answer(&Committed { entries: head.entries, commitment })?;
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
            output.answer(&listed(file.trail(), patient.as_ref()))?;
        }
        Ok(if is_complete { Outcome::Complete } else { Outcome::Incomplete })
    }
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

/// Notes that the owner has looked at an entry.
fn review(file: &mut TrailFile, entry: u64) -> anyhow::Result<()> {
    let Some(alarm) = file.trail().unreviewed().find(|alarm| alarm.seq.get() == entry) else {
        bail!("entry {entry} is none that waits to be reviewed");
    };
    let Facts { about, patient, who, .. } = alarm.facts.clone();
    let texts = [who, about].map(|text| text.map_or_else(String::new, |text| text.to_string()));
    let about = line(&format!("entry {entry}: {}", texts.join(": ")));
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
        let Facts { about, at, patient, purpose, source, what, who, .. } = entry.facts.clone();
        Self { seq: entry.seq, facts: Shown { at, what, who, about, patient, purpose, source } }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown { at, what, who, about, patient, purpose, .. } = &self.facts;
        write!(f, "{:>6}  {at}  {}", self.seq.get(), what.as_str())?;
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
        self.entries.iter().try_for_each(|line| write!(f, "{line}"))?;
        if self.entries.is_empty() { writeln!(f, "nothing yet") } else { Ok(()) }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} entries, each signed and in its place; {} commitments fit",
            self.entries, self.against
        )
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
