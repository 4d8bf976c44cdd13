//! A file of `headwater ledger evidence`, checked with nothing but the key of the log that somebody trusts.

mod statement;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, bail};
use ledger::tlog::{AcceptedCheckpoint, LogProof, Policy};
use ledger::{Divisions, LogEntry, Unit};
use protocol::{NetworkId, PublicKey};
use serde::{Deserialize, Serialize};

use self::statement::{EpochSums, Statement};
use crate::commands::attest::witnessed;
use crate::ledger_api::parse_key;
use crate::zip_file::ZipFile;

/// What was verified, and what not.
#[derive(Serialize)]
pub(super) struct Evidence {
    #[serde(rename = "type")]
    kind: &'static str,
    party: String,
    unit: String,
    origin: String,
    /// The key that has signed for the log.
    log: String,
    /// How many entries the log has, and how many of them are proved in the file.
    size: u64,
    entries: usize,
    /// How many witnesses of the policy, who are not the log itself, have cosigned.
    witnesses: usize,
    epochs: Vec<EpochSums>,
}

/// What the ledger says of itself.
#[derive(Deserialize)]
struct Terms {
    issuer: String,
    network: String,
    treasury: String,
    unit: String,
}

/// The entries of a file, each of which the log has.
struct Proved {
    entries: BTreeMap<u64, LogEntry>,
    /// The newest checkpoint that a proof is under.
    accepted: AcceptedCheckpoint,
}

const TERMS: &str = "terms.json";
const STATEMENT: &str = "statement.json";
/// What else is in a file of ours: it proves nothing.
const BESIDE: [&str; 3] = ["README.txt", "policy", "checkpoint"];

impl Evidence {
    /// Checks the bytes of the file `path`.
    pub(super) fn check(path: &Path, bytes: &[u8], policy: &Policy) -> anyhow::Result<Self> {
        let shown = path.display();
        Self::of(bytes, policy).with_context(|| format!("{shown} does not verify"))
    }

    fn of(bytes: &[u8], policy: &Policy) -> anyhow::Result<Self> {
        let files = ZipFile::contents(bytes)?;
        let terms: Terms = json(&files, TERMS)?;
        let statement: Statement = json(&files, STATEMENT)?;
        let network: NetworkId = terms.network.parse().context("terms.json names no network")?;
        let proved = Proved::of(&files, policy, &network.at_ledger(&parse_key(&terms.issuer)?))?;
        let treasury = parse_key(&terms.treasury)?;
        let divisions = divisions(&proved, &terms, treasury)?;
        if statement.unit() != terms.unit {
            bail!("the statement is in {:?}, and the ledger in {:?}", statement.unit(), terms.unit);
        }
        let epochs = statement.check(&proved.entries, &divisions, treasury)?;
        let AcceptedCheckpoint { checkpoint, log, witnessed_by } = proved.accepted;
        Ok(Self {
            kind: "evidence",
            party: statement.party().to_owned(),
            unit: terms.unit,
            origin: checkpoint.origin.to_string(),
            log: log.to_string(),
            size: checkpoint.size,
            entries: proved.entries.len(),
            witnesses: witnessed_by,
            epochs,
        })
    }
}

impl Proved {
    fn of(files: &BTreeMap<String, &[u8]>, policy: &Policy, network: &NetworkId) -> anyhow::Result<Self> {
        let (mut entries, mut newest) = (BTreeMap::new(), None::<AcceptedCheckpoint>);
        for (name, bytes) in files {
            let Some(index) = place_in(name)? else { continue };
            let proof = format!("proofs/{index}.tlog-proof");
            let proof = LogProof::decode(file(files, &proof)?).with_context(|| proof.clone())?;
            if proof.index != index {
                bail!("{name} has the proof of entry {}", proof.index);
            }
            let accepted = proof.verify(bytes, policy).with_context(|| name.clone())?;
            if newest.as_ref().is_none_or(|newest| newest.checkpoint.size < accepted.checkpoint.size) {
                newest = Some(accepted);
            }
            entries.insert(index, LogEntry::decode(bytes, network).with_context(|| name.clone())?);
        }
        Ok(Self { entries, accepted: newest.context("no entry of a log is in it")? })
    }
}

/// The place in the log of an entry by the name of its file; `None` for what is no entry, and an error for what has no place here.
fn place_in(name: &str) -> anyhow::Result<Option<u64>> {
    let number = |rest: &str, ending: &str| rest.strip_suffix(ending)?.parse().ok();
    if let Some(index) = name.strip_prefix("entries/").and_then(|rest| number(rest, ".cbor")) {
        return Ok(Some(index));
    }
    let is_proof = name.strip_prefix("proofs/").and_then(|rest| number(rest, ".tlog-proof")).is_some();
    if is_proof || [TERMS, STATEMENT].contains(&name) || BESIDE.contains(&name) {
        return Ok(None);
    }
    bail!("{name:?} belongs into no file of evidence")
}

/// By what the entries are divided: the agreements among them, which follow each other as in the log.
fn divisions(proved: &Proved, terms: &Terms, treasury: PublicKey) -> anyhow::Result<Divisions> {
    let mut divisions = Divisions::new(Unit::new(terms.unit.clone())?, treasury);
    for (index, entry) in &proved.entries {
        if let LogEntry::Agreement(agreed) = entry {
            divisions.register(agreed).with_context(|| format!("entry {index}"))?;
        }
    }
    Ok(divisions)
}

fn file<'a>(files: &BTreeMap<String, &'a [u8]>, name: &str) -> anyhow::Result<&'a [u8]> {
    files.get(name).copied().with_context(|| format!("there is no {name} in it"))
}

fn json<T: for<'de> Deserialize<'de>>(files: &BTreeMap<String, &[u8]>, name: &str) -> anyhow::Result<T> {
    serde_json::from_slice(file(files, name)?).with_context(|| format!("{name} says nothing that is known"))
}

const VERIFIED: &str = "\
verified      Every entry in the file is in this log. What the statement says of lines, licences and bytes that were carried or
              kept is what these entries say, each named once; shares follow from agreements that everybody has signed whom
              they concern; sums are the sums of these.";
const NOT_VERIFIED: &str = "\
not verified  That nothing was left out of the file; when an epoch was settled; which of the lines the party has watched itself;
              whose the part of the network is; what contracts have paid out. `headwater ledger verify` computes the whole log.";

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "evidence      of what {} has earned and paid, in {}", self.party, self.unit)?;
        writeln!(f, "log           {}, {} entries, {} of them here", self.origin, self.size, self.entries)?;
        writeln!(f, "log's key     {}", self.log)?;
        writeln!(f, "{}", witnessed(self.witnesses))?;
        self.epochs.iter().try_for_each(|epoch| writeln!(f, "{epoch}"))?;
        writeln!(f, "{VERIFIED}")?;
        writeln!(f, "{NOT_VERIFIED}")
    }
}
