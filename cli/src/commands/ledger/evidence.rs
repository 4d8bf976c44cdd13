//! `headwater ledger evidence`: everything that shows what somebody is owed, in one file that others can check.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use ledger::Inquired;
use ledger::tlog::{Bundle, Checkpoint, LogBytes, SignedNote};
use serde::Serialize;
use serde_json::{Value, json};

use super::At;
use super::signer::Signer;
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::folders::write_privately;
use crate::ledger_api::LedgerApi;
use crate::zip_file::ZipFile;

/// Most lines of a statement that are proved in one file.
const LINES_MAX: usize = 5000;

const README: &str = "\
What is in here shows what one party was paid by a ledger, and that the ledger said so in public.

statement.json     what was earned and paid, with the places in the log that say so
entries/N.cbor     entry N of the log: canonical CBOR, as docs/spec.md section 25 of Headwater says
proofs/N.tlog-proof    the proof of it (C2SP tlog-proof): a path to a signed checkpoint
checkpoint         the checkpoint itself (C2SP tlog-checkpoint)
policy             the log's key and its witnesses (C2SP tlog-policy): compare the key with one that you trust
terms.json         what the ledger says of itself

To check all of it, with the key of the log that you trust: headwater verify FILE.zip --log KEY

To check with programs of others:
  * The checkpoint is a signed note: sum.golang.org's package golang.org/x/mod/sumdb/note opens it with the key in policy.
  * The leaf of entry N is SHA-256 over a zero byte and entries/N.cbor; sumdb/tlog.CheckRecord leads from it, along the hashes
    of proofs/N.tlog-proof, to the root in the checkpoint. `openssl dgst -sha256 -binary` computes each step.
  * cbor.me, or any CBOR program, shows what an entry says.
  * `headwater ledger verify --ledger URL` computes the whole log again.
A checkpoint without a line of a witness is unwitnessed: somebody else may have been shown another log.
";

/// Put what shows your earnings into one zip file: statement, entries of the log, proofs, keys
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger evidence --ledger http://127.0.0.1:8700 --out evidence.zip
  headwater ledger evidence --ledger http://127.0.0.1:8700 --as-creator --out evidence.zip")]
pub(super) struct Evidence {
    #[command(flatten)]
    at: At,

    /// The file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    #[command(flatten)]
    signer: Signer,
}

#[derive(Serialize)]
struct Answer {
    file: PathBuf,
    entries: usize,
}

impl Evidence {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = self.signer.open(globals)?;
        let ledger = self.at.connect_to_sign(globals).await?;
        let statement: Value = ledger.inquire(&secret, Inquired::Statement, None).await?;
        let (zip, entries) = gather(&ledger, &statement).await?;
        write_privately(&self.out, &zip).with_context(|| format!("cannot write {}", self.out.display()))?;
        globals.output().answer(&Answer { file: self.out, entries })?;
        Ok(Outcome::Complete)
    }
}

/// The file, and how many entries are proved in it.
async fn gather(ledger: &LedgerApi, statement: &Value) -> anyhow::Result<(Vec<u8>, usize)> {
    let terms = ledger.terms();
    let terms = json!({
        "issuer": terms.issuer, "network": terms.network, "treasury": terms.treasury, "unit": terms.unit,
        "log": terms.log, "origin": terms.origin,
    });
    let mut zip = ZipFile::default();
    zip.add("README.txt", README.as_bytes())?;
    zip.add("terms.json", &serde_json::to_vec_pretty(&terms)?)?;
    zip.add("statement.json", &serde_json::to_vec_pretty(statement)?)?;
    zip.add("policy", &ledger.bytes("log/policy").await?)?;
    let note = ledger.bytes("log/checkpoint").await?;
    zip.add("checkpoint", &note)?;
    let size = Checkpoint::parse(SignedNote::decode(&note)?.text())?.size;
    let places = places(statement);
    if places.len() > LINES_MAX {
        bail!("{} lines are more than the {LINES_MAX} that one file is made for: ask for less", places.len());
    }
    let mut bundles = BTreeMap::new();
    for &index in &places {
        let entry = entry(ledger, index, size, &mut bundles).await?;
        zip.add(&format!("entries/{index}.cbor"), entry.as_bytes())?;
        zip.add(&format!("proofs/{index}.tlog-proof"), &ledger.bytes(&format!("log/proof/{index}")).await?)?;
    }
    Ok((zip.finish()?, places.len()))
}

/// Every place in the log that a statement names.
fn places(statement: &Value) -> Vec<u64> {
    let mut places = Vec::new();
    for epoch in statement["epochs"].as_array().into_iter().flatten() {
        // Whoever has a part: viewers and parties of lines, of licences, gateways, and nodes that carry or keep.
        for kind in ["lines", "sales", "carried"] {
            let entries = epoch[kind].as_array().into_iter().flatten();
            places.extend(entries.filter_map(|entry| entry["index"].as_u64()));
        }
        // By which it was divided.
        let agreements = epoch["agreements"].as_array().into_iter().flatten();
        places.extend(agreements.filter_map(Value::as_u64));
        places.extend(epoch["summary"].as_u64());
    }
    places.sort_unstable();
    places.dedup();
    places
}

async fn entry(
    ledger: &LedgerApi,
    index: u64,
    size: u64,
    bundles: &mut BTreeMap<u64, Vec<LogBytes>>,
) -> anyhow::Result<LogBytes> {
    let bundle = Bundle::of(index, size).with_context(|| format!("the log ends before entry {index}"))?;
    let start = bundle.range().start;
    if let std::collections::btree_map::Entry::Vacant(place) = bundles.entry(start) {
        let file = ledger.bytes(&format!("log/{}", bundle.path())).await?;
        place.insert(bundle.decode(&file)?);
    }
    let place = usize::try_from(index - start)?;
    Ok(bundles[&start][place].clone())
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} entries of the log are proved in {}", self.entries, self.file.display())
    }
}
