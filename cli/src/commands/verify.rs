//! `headwater verify`: says what a signed record says, if its signature verifies.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use data_encoding::HEXLOWER;
use ipld_core::ipld::Ipld;
use serde::Serialize;
use serde_json::Value;

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::record_file::RecordFile;

/// Check a signed record: a lease, a mandate, a node record, a publication, …
///
/// Verifies the signature and prints what the record says, who signed it and for which network. Whether
/// that is a network and a signer you trust is yours to judge. The file holds the record's bytes, or the
/// same in base64url as `headwater node` prints them. With --json the whole body is printed, and that of a
/// publication holds the key to its bundle.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater verify /var/lib/headwater/node.record
  headwater verify - < lease.cbor")]
pub(crate) struct Verify {
    /// The file with the record; - for standard input
    file: PathBuf,
}

/// A record whose signature verified.
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
        let RecordFile { record, bytes } = RecordFile::read(&self.file)?;
        globals.output().answer(&Verified {
            kind: record.kind(),
            network: record.network().to_string(),
            by: record.by().to_string(),
            body: body(&bytes)?,
            text: record.to_string(),
        })?;
        Ok(Outcome::Complete)
    }
}

/// The body of a record that has been verified, for programs.
fn body(record: &[u8]) -> anyhow::Result<Value> {
    let Ipld::Map(mut fields) = serde_ipld_dagcbor::from_slice(record)? else {
        unreachable!("a verified record is a map");
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
