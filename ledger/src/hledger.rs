//! Plain-text accounting: what was posted, for programs of others to check (hledger, and ledger).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use protocol::UnixSeconds;

use crate::{Account, Transaction, Unit};

/// A journal in hledger's format. Every posting says what must be on its account then, so no micro-unit can be changed
/// without its being noticed.
#[derive(Clone, Debug)]
pub struct HledgerJournal {
    unit: Unit,
    balances: BTreeMap<Account, i128>,
    text: String,
}

impl HledgerJournal {
    /// A journal without transactions.
    pub fn new(unit: Unit) -> Self {
        let text = format!("decimal-mark .\ncommodity 1000.000000 {unit}\n");
        Self { unit, balances: BTreeMap::new(), text }
    }

    /// Adds a transaction on the day of `at`. Of `title`, only what is safe on such a line is written.
    pub fn push(&mut self, at: UnixSeconds, title: &str, transaction: &Transaction) {
        let title: String = title.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect();
        let day = at.min(LAST_SECOND).to_string();
        self.line(format_args!("\n{} * {}\n", &day[.."9999-12-31".len()], title.trim()));
        for posting in transaction.postings() {
            let balance = self.balances.entry(posting.account).or_default();
            *balance += i128::from(posting.micro);
            let (micro, balance) = (decimal(posting.micro.into()), decimal(*balance));
            let unit = self.unit.clone();
            self.line(format_args!("    {}  {micro} {unit} = {balance} {unit}\n", posting.account));
        }
    }

    /// All of it.
    pub fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.text.write_fmt(line).expect("memory does not fail");
    }
}

/// The end of the year 9999, the last that is written with four digits.
const LAST_SECOND: UnixSeconds = UnixSeconds::new(253_402_300_799);

/// A semicolon begins a comment, a vertical bar divides payee and note.
fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, ';' | '|')
}

/// Whole units with six decimals.
fn decimal(micro: i128) -> String {
    let sign = if micro < 0 { "-" } else { "" };
    let size = micro.unsigned_abs();
    format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000)
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use protocol::{Amount, SecretKey};

    use super::*;

    #[test]
    fn postings_are_written_with_the_balances_that_they_lead_to() {
        let owner = SecretKey::from_bytes(&[1; 32]).public();
        let mut journal = HledgerJournal::new(Unit::new("EUR").unwrap());
        for micro in [1_500_000, 1] {
            let amount = Amount::new(micro).unwrap();
            let transaction =
                Transaction::transfer(Account::External, Account::Funds(owner), amount).unwrap();
            journal.push(UnixSeconds::new(1_795_341_012), "deposit; of\n1", &transaction);
        }
        let name = HEXLOWER.encode(owner.as_bytes());
        let expected = format!(
            "decimal-mark .\ncommodity 1000.000000 EUR\n\n2026-11-22 * deposit  of 1\n    \
             external  -1.500000 EUR = -1.500000 EUR\n    funds:{name}  1.500000 EUR = 1.500000 EUR\n\n\
             2026-11-22 * deposit  of 1\n    external  -0.000001 EUR = -1.500001 EUR\n    \
             funds:{name}  0.000001 EUR = 1.500001 EUR\n"
        );
        assert_eq!(journal.into_text(), expected);
    }

    #[test]
    fn no_date_has_five_digits() {
        let mut journal = HledgerJournal::new(Unit::new("EUR").unwrap());
        let owner = SecretKey::from_bytes(&[1; 32]).public();
        let transaction =
            Transaction::transfer(Account::External, Account::Funds(owner), Amount::MAX).unwrap();
        journal.push(UnixSeconds::new(u64::MAX), "late", &transaction);
        assert!(journal.into_text().contains("\n9999-12-31 * late\n"));
    }
}
