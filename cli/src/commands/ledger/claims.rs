//! `headwater ledger claims`: whom the operator has to pay.

use std::fmt;

use clap::Args;
use protocol::UnixSeconds;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{At, Folder};
use crate::arguments::Globals;
use crate::failure::Outcome;

/// As the operator: list what parties have asked to be paid, by which way and where to
///
/// A claim is taken off what its party has earned at once; it is the operator who then pays it, outside the ledger. What cannot
/// be paid is taken back with `headwater ledger reverse --entry NAME`, and stands in this list no more.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger claims --ledger http://127.0.0.1:8700 --dir /srv/ledger
  headwater ledger claims --ledger http://127.0.0.1:8700 --dir /srv/ledger --csv > to-pay.csv")]
pub(super) struct Claims {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    folder: Folder,

    /// Lines of comma-separated values, for the bank or a table
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

#[derive(Deserialize, Serialize)]
struct Answer {
    unit: String,
    claims: Vec<Claim>,
    #[serde(skip)]
    csv: bool,
}

#[derive(Deserialize, Serialize)]
struct Claim {
    name: String,
    party: String,
    amount: String,
    rail: String,
    remark: Option<String>,
    /// Unix time in seconds.
    issued: u64,
}

impl Claims {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let ledger = self.at.connect().await?;
        let answer = ledger.operate(Method::GET, "v1/claims", &self.folder.dir, Vec::new()).await?;
        let answer: Answer = serde_json::from_slice(&answer)?;
        globals.output().answer(&Answer { csv: self.csv, ..answer })?;
        Ok(Outcome::Complete)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.csv {
            writeln!(f, "issued,amount,unit,rail,remark,party,claim")?;
        } else if self.claims.is_empty() {
            writeln!(f, "nobody has asked to be paid")?;
        }
        for Claim { name, party, amount, rail, remark, issued } in &self.claims {
            let (unit, issued, remark) =
                (&self.unit, UnixSeconds::new(*issued), remark.as_deref().unwrap_or(""));
            if self.csv {
                writeln!(f, "{issued},{amount},{unit},{rail},{},{party},{name}", cell(remark))?;
            } else {
                writeln!(f, "{issued}  {amount:>16} {unit} by {rail}: {remark}")?;
                writeln!(f, "    to {party}, claim {name}")?;
            }
        }
        Ok(())
    }
}

/// A text that others wrote as a cell (RFC 4180), which no table takes for a formula.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_stays_one_cell_and_is_no_formula() {
        assert_eq!(cell("DE00 1234, \"me\""), "\"DE00 1234, \"\"me\"\"\"");
        assert_eq!(cell("=cmd()"), "\"'=cmd()\"");
    }
}
