//! `headwater ledger statement`: what you have earned and paid, epoch by epoch.

use std::fmt;

use clap::Args;
use ledger::Inquired;
use protocol::Epoch;
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

    /// Lines of comma-separated values, one for each line of the log
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

/// The columns of a line, by the names that it has in JSON; what a kind of line does not have stays empty.
const COLUMNS: [&str; 14] = [
    "kind",
    "index",
    "agreement",
    "content",
    "licence",
    "resale",
    "gateway",
    "attested",
    "plays",
    "bytes",
    "ms",
    "paid",
    "earned",
    "own",
];
/// Where what was earned stands: by plays, by sales of licences, and by carrying and keeping, with the word for lines without a kind.
const PARTS: [(&str, &str); 3] = [("lines", "plays"), ("sales", "licence"), ("carried", "carried")];

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
        writeln!(f, "epoch,{}", COLUMNS.join(","))?;
        for epoch in self.epochs() {
            for (kind, line) in parts(epoch) {
                let cells = COLUMNS.map(|column| match (column, &line[column]) {
                    ("kind", Value::Null) => kind.to_owned(),
                    (_, Value::Null) => String::new(),
                    (_, value) => text(value),
                });
                writeln!(f, "{},{}", text(&epoch["epoch"]), cells.join(","))?;
            }
        }
        Ok(())
    }
}

/// All lines of an epoch, each with the word for its kind.
fn parts(epoch: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    PARTS
        .into_iter()
        .flat_map(|(name, kind)| epoch[name].as_array().into_iter().flatten().map(move |line| (kind, line)))
}

fn write_line(f: &mut fmt::Formatter<'_>, kind: &str, line: &Value) -> fmt::Result {
    let [index, paid, earned] = ["index", "paid", "earned"].map(|name| text(&line[name]));
    match kind {
        "plays" => {
            let [content, plays, ms] = ["content", "plays", "ms"].map(|name| text(&line[name]));
            writeln!(f, "  #{index} {content}: {plays} plays, {ms} ms, paid {paid}, earned {earned}")
        }
        "licence" => {
            let how = if line["resale"] == Value::Bool(true) { "sold on" } else { "sold" };
            writeln!(f, "  #{index} licence {} {how}, paid {paid}, earned {earned}", text(&line["licence"]))
        }
        _ => writeln!(f, "  #{index} as {}, earned {earned}", text(&line["kind"])),
    }
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
                if earned != "0.000000" {
                    writeln!(f, "  earned as {role:<8} {earned:>16} {unit}")?;
                }
            }
            writeln!(f, "  paid               {:>16} {unit}", text(&epoch["paid"]))?;
            for (kind, line) in parts(epoch) {
                write_line(f, kind, line)?;
            }
        }
        Ok(())
    }
}
