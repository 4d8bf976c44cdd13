//! `headwater ledger statement`: what you have earned and paid, epoch by epoch.

use std::fmt;

use clap::Args;
use ledger::Inquired;
use protocol::{Epoch, UnixSeconds};
use serde::Serialize;
use serde_json::Value;

use super::At;
use super::signer::Signer;
use crate::arguments::Globals;
use crate::failure::Outcome;

/// Show what you have earned and paid, with the places in the log that say so
///
/// What a settled epoch says can be checked by anybody: `headwater ledger verify` recomputes it from the log.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger statement --ledger http://127.0.0.1:8700
  headwater ledger statement --ledger http://127.0.0.1:8700 --epoch 12 --csv > may.csv
  headwater ledger statement --ledger http://127.0.0.1:8700 --as-creator --json")]
pub(super) struct Statement {
    #[command(flatten)]
    at: At,

    /// The only epoch that is meant [default: all that are settled]
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,

    #[command(flatten)]
    signer: Signer,

    /// Lines of comma-separated values, one for each entry of the log, with the same columns as on the page
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// The statement as the ledger tells it.
#[derive(Serialize)]
#[serde(transparent)]
struct Answer {
    said: Value,
    #[serde(skip)]
    csv: bool,
    /// Whether another key of the same account cannot be meant.
    #[serde(skip)]
    is_of_creator: bool,
}

/// The columns of a row, the same as on the page; what a kind of row does not have stays empty. `charged` is what all have paid
/// there, `paid` what this key has of it, or beside it.
const COLUMNS: [&str; 17] = [
    "epoch",
    "settled",
    "index",
    "kind",
    "agreement",
    "content",
    "licence",
    "gateway",
    "node",
    "attested",
    "plays",
    "bytes",
    "ms",
    "unit",
    "charged",
    "paid",
    "earned",
];
/// Where rows stand: by plays, by sales of licences, and by carrying and keeping, with the word for rows without a kind.
const PARTS: [(&str, &str); 3] = [("lines", "plays"), ("sales", "licence"), ("carried", "carried")];
const NOTHING: &str = "0.000000";

impl Statement {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let secret = self.signer.open(globals)?;
        let ledger = self.at.connect_to_sign(globals).await?;
        let epoch = self.epoch.map(Epoch::new);
        let said = ledger.inquire(&secret, Inquired::Statement, epoch).await?;
        globals.output().answer(&Answer { said, csv: self.csv, is_of_creator: !self.signer.is_payment() })?;
        Ok(Outcome::Complete)
    }
}

impl Answer {
    fn epochs(&self) -> impl Iterator<Item = &Value> {
        self.said["epochs"].as_array().into_iter().flatten()
    }

    fn write_csv(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", COLUMNS.join(","))?;
        for epoch in self.epochs() {
            for (kind, row) in parts(epoch) {
                let cells = COLUMNS.map(|column| self.cell(column, epoch, kind, row));
                writeln!(f, "{}", cells.join(","))?;
            }
        }
        Ok(())
    }

    fn cell(&self, column: &str, epoch: &Value, kind: &str, row: &Value) -> String {
        match column {
            "epoch" => text(&epoch[column]),
            "settled" => UnixSeconds::new(epoch[column].as_u64().unwrap_or_default()).to_string(),
            "unit" => text(&self.said[column]),
            "kind" => kind_of(kind, row),
            "charged" => charged(row),
            "paid" => paid(row),
            column => row.get(column).map(text).unwrap_or_default(),
        }
    }
}

/// All rows of an epoch, each with the word for its kind.
fn parts(epoch: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    PARTS
        .into_iter()
        .flat_map(|(name, kind)| epoch[name].as_array().into_iter().flatten().map(move |line| (kind, line)))
}

fn kind_of(kind: &str, row: &Value) -> String {
    match (kind, &row["kind"]) {
        ("licence", _) if row["resale"] == Value::Bool(true) => "resale".to_owned(),
        (kind, Value::Null) => kind.to_owned(),
        (_, named) => text(named),
    }
}

/// What all have paid there.
fn charged(row: &Value) -> String {
    text(row.get("charged").unwrap_or(&row["paid"]))
}

/// What this key has paid: all of what it has watched and bought, and what the row of a carrier says.
fn paid(row: &Value) -> String {
    let is_own = row.get("own").is_none_or(|own| *own == Value::Bool(true));
    if is_own { text(&row["paid"]) } else { NOTHING.to_owned() }
}

fn write_row(f: &mut fmt::Formatter<'_>, kind: &str, row: &Value) -> fmt::Result {
    let [index, earned] = ["index", "earned"].map(|name| text(&row[name]));
    let (kind, charged, paid) = (kind_of(kind, row), charged(row), paid(row));
    match kind.as_str() {
        "plays" => {
            let [content, plays, ms] = ["content", "plays", "ms"].map(|name| text(&row[name]));
            write!(f, "  #{index} {content}: {plays} plays, {ms} ms, charged {charged}")?;
        }
        "licence" => write!(f, "  #{index} licence {} sold for {charged}", text(&row["licence"]))?,
        "resale" => write!(f, "  #{index} licence {} sold on for {charged}", text(&row["licence"]))?,
        "gateway" => {
            let bytes = text(&row["bytes"]);
            write!(
                f,
                "  #{index} as a gateway: {bytes} bytes acknowledged, the nodes' share of them {charged}"
            )?;
        }
        "carrier" => {
            let [gateway, node, bytes] = ["gateway", "node", "bytes"].map(|name| text(&row[name]));
            write!(f, "  #{index} node {node} for gateway {gateway}: {bytes} bytes, promised {charged}")?;
        }
        "keeper" => write!(f, "  #{index} as a node that keeps: {} bytes by hours", text(&row["bytes"]))?,
        kind => write!(f, "  #{index} as {kind}")?,
    }
    for (what, amount) in [("paid", paid), ("earned", earned)] {
        if amount != NOTHING {
            write!(f, ", {what} {amount}")?;
        }
    }
    writeln!(f)
}

/// None of the values has a comma or a quotation mark in it: they are numbers, names in hexadecimal, and true or false.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.csv {
            return self.write_csv(f);
        }
        let unit = text(&self.said["unit"]);
        writeln!(f, "party {}", text(&self.said["party"]))?;
        if self.epochs().next().is_none() {
            writeln!(
                f,
                "nothing that this key has earned or paid is settled and in the log yet{}",
                if self.is_of_creator { "" } else { "; what your creator key has: --as-creator" }
            )?;
        }
        for epoch in self.epochs() {
            writeln!(f, "\nepoch {}, log entry {}", text(&epoch["epoch"]), text(&epoch["summary"]))?;
            for role in ["party", "gateway", "node", "network"] {
                let earned = text(&epoch["roles"][role]);
                if earned != NOTHING {
                    writeln!(f, "  earned as {role:<8} {earned:>16} {unit}")?;
                }
            }
            writeln!(f, "  paid               {:>16} {unit}", text(&epoch["paid"]))?;
            if epoch["more"] == Value::Bool(true) {
                writeln!(f, "  there are more rows in the log than are listed here")?;
            }
            for (kind, line) in parts(epoch) {
                write_row(f, kind, line)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_row_says_what_was_charged_paid_and_earned() {
        let play = json!({ "index": 7, "agreement": "a0", "content": "c0", "gateway": "60", "attested": true, "plays": 2,
            "bytes": 500, "ms": 61_500, "paid": "1.000000", "earned": "0.830001", "own": false });
        let bought = json!({ "index": 8, "agreement": "a0", "licence": "11", "resale": true, "paid": "3.000000",
            "earned": "0.000000", "own": true });
        let carried = json!({ "index": 9, "kind": "carrier", "gateway": "60", "node": "20", "bytes": 9,
            "charged": "0.500000", "paid": "0.100000", "earned": "0.000000" });
        let epoch = json!({ "epoch": 3, "settled": 1_800_000_000_u64, "lines": [play], "sales": [bought], "carried": [carried] });
        let said = json!({ "unit": "EUR", "epochs": [epoch] });
        let csv = Answer { said, csv: true, is_of_creator: false }.to_string();
        let rows: Vec<_> = csv.lines().skip(1).collect();
        assert_eq!(
            rows,
            [
                "3,2027-01-15T08:00:00Z,7,plays,a0,c0,,60,,true,2,500,61500,EUR,1.000000,0.000000,0.830001",
                "3,2027-01-15T08:00:00Z,8,resale,a0,,11,,,,,,,EUR,3.000000,3.000000,0.000000",
                "3,2027-01-15T08:00:00Z,9,carrier,,,,60,20,,,9,,EUR,0.500000,0.100000,0.000000",
            ]
        );
    }
}
