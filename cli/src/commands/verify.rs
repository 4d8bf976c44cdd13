//! `headwater verify`: says what a signed record, a transcript or an audit log says, if it verifies; or that a file was attested to.

mod attested;
mod evidence;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use client::AuditLogReader;
use data_encoding::HEXLOWER;
use ipld_core::ipld::Ipld;
use protocol::limits::TRANSCRIPT_LEN_MAX;
use protocol::{AUDIT_LOG_MAGIC, Ending, Record as _, Transcript};
use serde::Serialize;
use serde_json::{Value, json};
use sharing::{ERASURE_LEN_MAX, Erasure, ErasureCertificate};

use self::attested::AttestedFile;
use self::evidence::Evidence;
use crate::arguments::Globals;
use crate::attest::KnownLog;
use crate::failure::{Outcome, Usage};
use crate::record_file::{self, RecordFile};

/// Check a signed record or an audit: a lease, a node record, a publication, a transcript, a log, … or an attested file
///
/// Verifies the signature and prints what the record says, who signed it and for which network. Whether
/// that is a network and a signer you trust is yours to judge. The file holds the record's bytes, or the
/// same in base64url as `headwater node` prints them. With --json the whole body is printed, and that of a
/// publication holds the key to its bundle.
///
/// Of a certificate of erasure everything is checked: the owner's word, and each word of a node against the manifest of what was erased.
///
/// Of an audit everything is checked again with nothing but the file: what was committed to before anything
/// was drawn, what was drawn, what the node signed, and the proofs where they are attached. A log of audits
/// is read to its end, and its chain is checked too. Exit status 1 when anything is off; an audit that the
/// node did not pass is not, as long as its transcript says so rightly.
///
/// Of the evidence that `headwater ledger evidence` has made everything is checked with nothing but the log that you name: proofs,
/// signatures, shares and sums; and it is said what of it nobody can verify.
///
/// With a second file, the proof that `headwater attest` has made, the first one may be any file: it is the one that was
/// attested to, to the byte, and the log that you name has it. Of an Open Badge is told what it says. Nobody is asked.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater verify /var/lib/headwater/node.record
  headwater verify audit.transcript
  headwater verify audits.log
  headwater verify scan.dcm.erasure.txt
  headwater verify - < lease.cbor
  headwater verify evidence.zip --policy witnesses.policy
  headwater verify badge.json badge.json.proof --policy witnesses.policy")]
pub(crate) struct Verify {
    /// The file with the record, the transcript or the log; - for standard input, except for logs
    file: PathBuf,

    /// The proof that the file was attested to
    proof: Option<PathBuf>,

    #[command(flatten)]
    known: KnownLog,
}

/// Longest file that is read whole, in bytes: a certificate of erasure in base64 with what stands above it.
const FILE_LEN_MAX: u64 = 2 * ERASURE_LEN_MAX as u64 + TRANSCRIPT_LEN_MAX as u64;

/// Longest file of evidence, in bytes.
const EVIDENCE_LEN_MAX: u64 = 512 << 20;

/// A record whose signature verified, or a transcript of which everything did.
#[derive(Serialize)]
struct Verified {
    #[serde(rename = "type")]
    kind: &'static str,
    network: String,
    by: String,
    body: Value,
    #[serde(skip)]
    text: String,
}

impl Verify {
    pub(crate) fn run(&self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        if let Some(proof) = &self.proof {
            output.answer(&AttestedFile::check(&self.file, proof, &self.known.wanted()?)?)?;
            return Ok(Outcome::Complete);
        }
        let bytes = record_file::read(&self.file, EVIDENCE_LEN_MAX)?;
        let kind = Kind::of(&bytes);
        match kind {
            kind if bytes.len() as u64 > kind.len_max() => bail!("{}", self.unknown()),
            Kind::Evidence => {
                output.answer(&Evidence::check(&self.file, &bytes, &self.known.wanted()?)?)?;
            }
            Kind::Proof => {
                return Err(Usage::because("this is a proof: name the file that it is about before it"));
            }
            Kind::Log => output.answer(&Log::read(&self.file)?)?,
            Kind::Erasure => output.answer(&Verified::erasure(&self.file, &bytes)?)?,
            Kind::Transcript => output.answer(&Verified::transcript(&self.file, &bytes)?)?,
            Kind::Unknown => bail!("{}", self.unknown()),
            Kind::Record => output.answer(&Verified::record(RecordFile::verify(&self.file, bytes)?)?)?,
        }
        Ok(Outcome::Complete)
    }

    /// What to say of a file that is nothing that can be checked alone.
    fn unknown(&self) -> String {
        let file = self.file.display();
        format!(
            "{file} is no signed record, transcript, log of audits, certificate of erasure or evidence; if it was attested to, name its \
             proof as well: headwater verify '{file}' '{file}.proof' --log KEY"
        )
    }
}

/// What a file begins as.
enum Kind {
    Erasure,
    /// A zip file.
    Evidence,
    /// That something is in a transparency log.
    Proof,
    Log,
    Transcript,
    Record,
    /// Nothing that has a signature.
    Unknown,
}

impl Kind {
    fn of(bytes: &[u8]) -> Self {
        /// Heads of CBOR maps of three and of four entries; a record has six.
        const TRANSCRIPT: [u8; 2] = [0xa3, 0xa4];
        const RECORD: u8 = 0xa6;
        if bytes.starts_with(AUDIT_LOG_MAGIC) {
            Self::Log
        } else if ErasureCertificate::is_in(bytes) {
            Self::Erasure
        } else if bytes.starts_with(b"c2sp.org/tlog-proof@") {
            Self::Proof
        } else if bytes.first().is_some_and(|head| TRANSCRIPT.contains(head)) {
            Self::Transcript
        } else if bytes.starts_with(b"PK\x03\x04") {
            Self::Evidence
        } else if record_file::is_one(bytes, RECORD) {
            Self::Record
        } else {
            Self::Unknown
        }
    }

    /// Longest file of the kind that is read whole, in bytes; logs are read from the disk.
    const fn len_max(&self) -> u64 {
        match self {
            Self::Evidence => EVIDENCE_LEN_MAX,
            Self::Log => u64::MAX,
            _ => FILE_LEN_MAX,
        }
    }
}

impl Verified {
    fn record(RecordFile { record, bytes }: RecordFile) -> anyhow::Result<Self> {
        Ok(Self {
            kind: record.kind(),
            network: record.network().to_string(),
            by: record.by().to_string(),
            body: body(&bytes)?,
            text: record.to_string(),
        })
    }

    fn erasure(path: &Path, bytes: &[u8]) -> anyhow::Result<Self> {
        let does_not_verify = || format!("{} does not verify", path.display());
        let text = str::from_utf8(bytes).with_context(does_not_verify)?;
        let certificate = ErasureCertificate::from_text(text).with_context(does_not_verify)?;
        let statement = certificate.statement();
        let objects = certificate.objects().iter().map(|object| {
            let (ended, parts) = object.parts();
            let nodes: Vec<_> = object.ends.iter().map(|end| end.by().to_string()).collect();
            let silent: Vec<_> = object.silent.iter().map(ToString::to_string).collect();
            json!({ "cid": object.cid().to_string(), "parts": parts, "ended": ended, "nodes": nodes, "silent": silent })
        });
        let given = certificate.given().iter().map(|given| {
            let to: Vec<_> = given.to().iter().map(ToString::to_string).collect();
            json!({ "at": given.at(), "by": given.by(), "to": to })
        });
        let given: Vec<_> = given.collect();
        let Erasure { at, key, name, .. } = statement.body();
        Ok(Self {
            kind: Erasure::TYPE,
            network: statement.network().to_string(),
            by: statement.by().to_string(),
            body: json!({ "at": at, "key": key, "name": name.as_str(), "given": given, "objects": objects.collect::<Vec<_>>() }),
            text: certificate.to_string(),
        })
    }

    fn transcript(path: &Path, bytes: &[u8]) -> anyhow::Result<Self> {
        let does_not_verify = || format!("{} does not verify", path.display());
        let transcript = Transcript::decode(bytes).with_context(does_not_verify)?;
        Ok(Self {
            kind: "transcript",
            network: transcript.network().to_string(),
            by: transcript.auditor().to_string(),
            body: body(bytes)?,
            text: transcript.to_string(),
        })
    }
}

/// A log of which every transcript verified.
#[derive(Serialize)]
struct Log {
    #[serde(rename = "type")]
    kind: &'static str,
    audits: u64,
    proved: u64,
    unanswered: u64,
    chain: String,
}

impl Log {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut reader = AuditLogReader::open(path)?;
        let (mut proved, mut unanswered) = (0, 0);
        while let Some(transcript) = reader.next_transcript()? {
            proved += u64::from(transcript.is_proved());
            unanswered += u64::from(transcript.ending() != Ending::Answered);
        }
        let head = reader.head();
        let (audits, chain) = (head.entries, head.chain.to_string());
        Ok(Self { kind: "audit_log", audits, proved, unanswered, chain })
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log of audits, all transcripts and the chain verified")?;
        writeln!(f, "audits      {}", self.audits)?;
        writeln!(f, "proved      {}", self.proved)?;
        writeln!(f, "unanswered  {}", self.unanswered)?;
        writeln!(f, "chain       {}", self.chain)
    }
}

/// The body of a record or transcript that has been verified, for programs.
fn body(record: &[u8]) -> anyhow::Result<Value> {
    let Ipld::Map(mut fields) = serde_ipld_dagcbor::from_slice(record)? else {
        unreachable!("what was verified is a map");
    };
    Ok(fields.remove("body").map_or(Value::Null, json))
}

/// The JSON form of a value, byte strings in hexadecimal.
fn json(value: Ipld) -> Value {
    match value {
        Ipld::Bool(truth) => truth.into(),
        Ipld::Integer(number) => i64::try_from(number)
            .map(Value::from)
            .or_else(|_| u64::try_from(number).map(Value::from))
            .unwrap_or_else(|_| number.to_string().into()),
        Ipld::String(text) => text.into(),
        Ipld::Bytes(bytes) => HEXLOWER.encode(&bytes).into(),
        Ipld::List(values) => values.into_iter().map(json).collect(),
        Ipld::Map(fields) => fields.into_iter().map(|(name, value)| (name, json(value))).collect(),
        Ipld::Null | Ipld::Float(_) | Ipld::Link(_) => Value::Null,
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text.trim_end())
    }
}
