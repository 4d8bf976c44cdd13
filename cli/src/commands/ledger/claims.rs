//! `headwater ledger claims`: whom the operator has to pay, and whom it has paid.

use std::collections::BTreeSet;
use std::fmt;

use clap::Args;
use protocol::UnixSeconds;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::paid_claims::PaidClaims;
use super::{At, Folder};
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};

/// The rail of claims that the operator does not pay.
const CONTRACT: &str = "contract";

/// As the operator: list what parties have asked to be paid, by which way and where to; mark what is paid
///
/// A claim is taken off what its party has earned at once; it is the operator who then pays it, outside the ledger, and marks it
/// with --paid, which the ledger's folder remembers. What cannot be paid is taken back with
/// `headwater ledger reverse --entry NAME`, and stands in this list no more; what contracts pay is not in it.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger claims --ledger http://127.0.0.1:8700 --dir /srv/ledger
  headwater ledger claims --ledger http://127.0.0.1:8700 --dir /srv/ledger --csv > to-pay.csv
  headwater ledger claims --ledger http://127.0.0.1:8700 --dir /srv/ledger --paid 17 --paid 18")]
pub(super) struct Claims {
    #[command(flatten)]
    at: At,

    #[command(flatten)]
    folder: Folder,

    /// Only claims after the one with this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,

    /// Also what is marked as paid, and what contracts pay
    #[arg(long)]
    all: bool,

    /// Mark the claim with this number as paid; the list is of those that are left
    #[arg(long, value_name = "NUMBER")]
    paid: Vec<u64>,

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
    number: u64,
    /// When the ledger took it, Unix time in seconds.
    at: u64,
    name: String,
    party: String,
    amount: String,
    rail: String,
    remark: Option<String>,
    /// When its party says that it was said, Unix time in seconds.
    issued: u64,
    #[serde(default)]
    paid: bool,
}

impl Claims {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let ledger = self.at.connect().await?;
        let path = format!("v1/claims?after={}", if self.paid.is_empty() { self.after } else { 0 });
        let answer = ledger.operate(Method::GET, &path, &self.folder.dir, Vec::new()).await?;
        let mut answer: Answer = serde_json::from_slice(&answer)?;
        let mut marked = PaidClaims::open(&self.folder.dir)?;
        marked.add(&answer.named(&self.paid)?)?;
        answer.mark(marked.names());
        answer.claims.retain(|claim| claim.number > self.after && (self.all || claim.is_to_be_paid()));
        globals.output().answer(&Answer { csv: self.csv, ..answer })?;
        Ok(Outcome::Complete)
    }
}

impl Answer {
    /// The names of the claims with these numbers, which the operator says to have paid.
    fn named(&self, numbers: &[u64]) -> anyhow::Result<Vec<String>> {
        let named = |number: &u64| match self.claims.iter().find(|claim| claim.number == *number) {
            None => Err(Usage::because(format!("no claim has the number {number}, or it was taken back"))),
            Some(claim) if claim.rail == CONTRACT => {
                Err(Usage::because(format!("claim {number} is paid by a contract, not by you")))
            }
            Some(claim) => Ok(claim.name.clone()),
        };
        numbers.iter().map(named).collect()
    }

    fn mark(&mut self, paid: &BTreeSet<String>) {
        for claim in &mut self.claims {
            claim.paid = paid.contains(&claim.name);
        }
    }
}

impl Claim {
    fn is_to_be_paid(&self) -> bool {
        !self.paid && self.rail != CONTRACT
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.csv {
            writeln!(f, "number,at,amount,unit,rail,remark,party,claim,paid")?;
        } else if self.claims.is_empty() {
            writeln!(f, "nobody waits to be paid")?;
        }
        for Claim { number, at, name, party, amount, rail, remark, paid, .. } in &self.claims {
            let (unit, at, remark) = (&self.unit, UnixSeconds::new(*at), remark.as_deref().unwrap_or(""));
            if self.csv {
                writeln!(f, "{number},{at},{amount},{unit},{rail},{},{party},{name},{paid}", cell(remark))?;
            } else {
                let paid = if *paid { " (paid)" } else { "" };
                writeln!(f, "{number:>6}  {at}  {amount:>16} {unit} by {rail}: {remark}{paid}")?;
                writeln!(f, "        to {party}, claim {name}")?;
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

    fn claim(number: u64, rail: &str) -> Claim {
        let (name, party, amount) = (format!("name-{number}"), "p".to_owned(), "1.000000".to_owned());
        Claim {
            number,
            at: 5,
            name,
            party,
            amount,
            rail: rail.to_owned(),
            remark: None,
            issued: 1,
            paid: false,
        }
    }

    #[test]
    fn what_is_paid_or_for_a_contract_is_not_paid_again() {
        let claims = vec![claim(1, "bank"), claim(2, CONTRACT), claim(4, "voucher")];
        let mut answer = Answer { unit: "EUR".to_owned(), claims, csv: true };
        assert_eq!(answer.named(&[4, 1]).unwrap(), ["name-4", "name-1"]);
        assert!(answer.named(&[1, 2]).is_err() && answer.named(&[3]).is_err());
        answer.mark(&BTreeSet::from(["name-1".to_owned()]));
        let left: Vec<_> = answer.claims.iter().filter(|it| it.is_to_be_paid()).map(|it| it.number).collect();
        assert_eq!(left, [4]);
        let csv = answer.to_string();
        assert!(csv.contains("\n1,1970-01-01T00:00:05Z,1.000000,EUR,bank,\"\",p,name-1,true\n"), "{csv}");
    }
}
