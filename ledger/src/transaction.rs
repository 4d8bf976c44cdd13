//! Double entry: what is posted to one account is taken from others (spec §25).

use std::collections::BTreeMap;

use protocol::{Amount, Digest};
use serde::{Deserialize, Serialize};

use crate::Account;
use crate::ids::digest_of;

/// Postings to at least two accounts, ascending, none of them 0, that add up to 0.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct Transaction {
    postings: Vec<Posting>,
}

/// What is added to one account, or taken from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// Micro-units; below 0 when they are taken away.
    pub micro: i64,
}

impl Transaction {
    /// All postings, ascending by account.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// The hash of its canonical encoding.
    pub fn digest(&self) -> Digest {
        digest_of(self)
    }

    /// The opposite: applying both changes nothing.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let opposite = |posting: &Posting| Posting { micro: -posting.micro, ..*posting };
        Self { postings: self.postings.iter().map(opposite).collect() }
    }

    /// Moves money from one account to another; `None` when there is nothing to move.
    pub(crate) fn transfer(from: Account, to: Account, amount: Amount) -> Option<Self> {
        let mut draft = Draft::default();
        draft.take(from, amount);
        draft.give(to, amount);
        draft.finish()
    }
}

/// A transaction that is being made.
#[derive(Default)]
pub(crate) struct Draft {
    sums: BTreeMap<Account, i128>,
}

impl Draft {
    /// Takes money from an account.
    pub(crate) fn take(&mut self, from: Account, amount: Amount) {
        *self.sums.entry(from).or_default() -= i128::from(amount.get());
    }

    /// Gives money to an account.
    pub(crate) fn give(&mut self, to: Account, amount: Amount) {
        *self.sums.entry(to).or_default() += i128::from(amount.get());
    }

    /// The transaction; `None` when all of it cancels out.
    pub(crate) fn finish(self) -> Option<Transaction> {
        let sum: i128 = self.sums.values().sum();
        assert_eq!(sum, 0, "what is given was taken");
        let moved = self.sums.into_iter().filter(|(_, micro)| *micro != 0);
        let posting = |(account, micro)| {
            let micro = i64::try_from(micro).expect("no more moves than was deposited");
            Posting { account, micro }
        };
        let postings: Vec<_> = moved.map(posting).collect();
        (!postings.is_empty()).then_some(Transaction { postings })
    }
}

/// What is in all accounts; together always 0.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Balances {
    of: BTreeMap<Account, i128>,
}

/// There is not so much on an account, or there would be more than can be counted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{account} has {}, {} are asked of it", in_units(*balance), in_units(-i128::from(*micro)))]
pub struct Overdrawn {
    account: Account,
    balance: i128,
    micro: i64,
}

/// Micro-units in whole units with six decimals.
fn in_units(micro: i128) -> String {
    let sign = if micro < 0 { "-" } else { "" };
    let micro = micro.unsigned_abs();
    format!("{sign}{}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

impl Balances {
    /// Micro-units on an account.
    pub fn of(&self, account: Account) -> i128 {
        self.of.get(&account).copied().unwrap_or(0)
    }

    /// All accounts that are not empty, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Account, i128)> {
        self.of.iter().map(|(account, balance)| (*account, *balance))
    }

    /// Posts all of a transaction, or nothing of it.
    pub(crate) fn post(&mut self, transaction: &Transaction) -> Result<(), Overdrawn> {
        let refused = transaction.postings.iter().find(|posting| !self.bears(posting));
        if let Some(&Posting { account, micro }) = refused {
            return Err(Overdrawn { account, balance: self.of(account), micro });
        }
        for posting in &transaction.postings {
            let balance = self.of(posting.account) + i128::from(posting.micro);
            if balance == 0 {
                self.of.remove(&posting.account);
            } else {
                self.of.insert(posting.account, balance);
            }
        }
        Ok(())
    }

    /// The outside owes and is owed nothing more than can be counted; everybody else has what they have.
    fn bears(&self, posting: &Posting) -> bool {
        let balance = self.of(posting.account) + i128::from(posting.micro);
        let bounds = match posting.account {
            Account::External => -i128::from(i64::MAX)..=0,
            _ => 0..=i128::from(i64::MAX),
        };
        bounds.contains(&balance)
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    fn funds(seed: u8) -> Account {
        Account::Funds(SecretKey::from_bytes(&[seed; 32]).public())
    }

    fn transfer(from: Account, to: Account, micro: u64) -> Transaction {
        Transaction::transfer(from, to, Amount::new(micro).unwrap()).unwrap()
    }

    #[test]
    fn nobody_is_overdrawn_and_then_nothing_moves() {
        let mut balances = Balances::default();
        balances.post(&transfer(Account::External, funds(1), 5)).unwrap();
        let before = balances.clone();
        assert_eq!(balances.post(&transfer(funds(1), funds(2), 6)).unwrap_err().balance, 5);
        assert!(balances.post(&transfer(funds(1), Account::External, 6)).is_err());
        assert_eq!(balances, before);
        balances.post(&transfer(funds(1), funds(2), 5)).unwrap();
        assert_eq!(
            (balances.of(funds(1)), balances.of(funds(2)), balances.of(Account::External)),
            (0, 5, -5)
        );
    }

    #[test]
    fn all_that_was_ever_deposited_can_be_counted() {
        let mut balances = Balances::default();
        let all = transfer(Account::External, funds(1), i64::MAX.unsigned_abs());
        balances.post(&all).unwrap();
        assert!(balances.post(&transfer(Account::External, funds(2), 1)).is_err());
        balances.post(&all.reversed()).unwrap();
        assert_eq!(balances, Balances::default());
    }

    #[test]
    fn what_cancels_out_is_no_transaction() {
        assert_eq!(Transaction::transfer(funds(1), funds(1), Amount::MAX), None);
        assert_eq!(Transaction::transfer(funds(1), funds(2), Amount::ZERO), None);
    }
}
