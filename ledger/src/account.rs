//! Accounts of the double entry: whose money, and what it is there for (spec §25).

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use protocol::{PublicKey, keys};
use serde::{Deserialize, Serialize};

/// One account; ordered by what it is for, then by whose it is. Written as `funds:` and 64 hexadecimal digits, or `external`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Account {
    /// What somebody has earned and not been paid out.
    Earned(PublicKey),
    /// The world outside: it is owed what was deposited and not paid out, so its balance is never positive.
    External,
    /// What somebody has deposited and may spend.
    Funds(PublicKey),
    /// What somebody has earned and is kept back while a dispute about it is open.
    Held(PublicKey),
    /// What of somebody's funds is set aside for grants, budgets and lanes that are not settled.
    Reserved(PublicKey),
}

/// A text names no account.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no account is called {text:?}")]
pub struct ParseAccountError {
    text: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (purpose, owner) = match self {
            Self::External => return f.write_str(EXTERNAL),
            Self::Earned(owner) => ("earned", owner),
            Self::Funds(owner) => ("funds", owner),
            Self::Held(owner) => ("held", owner),
            Self::Reserved(owner) => ("reserved", owner),
        };
        write!(f, "{purpose}:{}", HEXLOWER.encode(owner.as_bytes()))
    }
}

impl FromStr for Account {
    type Err = ParseAccountError;

    fn from_str(text: &str) -> Result<Self, ParseAccountError> {
        parse(text).ok_or_else(|| ParseAccountError { text: text.chars().take(80).collect() })
    }
}

impl TryFrom<String> for Account {
    type Error = ParseAccountError;

    fn try_from(text: String) -> Result<Self, ParseAccountError> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}

const EXTERNAL: &str = "external";

fn parse(text: &str) -> Option<Account> {
    if text == EXTERNAL {
        return Some(Account::External);
    }
    let (purpose, owner) = text.split_once(':')?;
    let bytes: [u8; 32] = HEXLOWER.decode(owner.as_bytes()).ok()?.try_into().ok()?;
    let owner = keys::from_bytes(&bytes).ok()?;
    match purpose {
        "earned" => Some(Account::Earned(owner)),
        "funds" => Some(Account::Funds(owner)),
        "held" => Some(Account::Held(owner)),
        "reserved" => Some(Account::Reserved(owner)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    #[test]
    fn accounts_are_read_as_they_are_written() {
        let owner = SecretKey::from_bytes(&[1; 32]).public();
        for account in [
            Account::Earned(owner),
            Account::External,
            Account::Funds(owner),
            Account::Held(owner),
            Account::Reserved(owner),
        ] {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
        let good = Account::Funds(owner).to_string();
        for bad in
            ["", "funds", "funds:", "savings:00", &good.to_uppercase(), &good[..69], &format!("{good} ")]
        {
            assert!(bad.parse::<Account>().is_err(), "{bad:?}");
        }
    }
}
