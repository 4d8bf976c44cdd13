//! To whom an owner has given the content key of what was erased.

use std::fmt;

use protocol::{PublicKey, UnixSeconds, keys};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::{GRANT_RECIPIENTS_MAX, LinkId};

/// One way by which others came to have the content key, as the owner has written it down (spec §33). It says of nobody that they used it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "KeyGivenFields", into = "KeyGivenFields")]
pub struct KeyGiven {
    at: UnixSeconds,
    grant: LinkId,
    by: KeyGivenBy,
    to: Vec<PublicKey>,
}

/// By what a key was given.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyGivenBy {
    /// A recipient has passed the grant on.
    Delegation,
    /// The grant opens what a gateway keeps sealed for emergencies.
    Emergency,
    /// The grant has the key.
    Grant,
}

/// A key that was given to nobody, or to too many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a key is given to 1 to {GRANT_RECIPIENTS_MAX} others, whose keys ascend")]
pub struct KeyGivenError;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyGivenFields {
    at: UnixSeconds,
    by: KeyGivenBy,
    grant: LinkId,
    to: Vec<ByteArray<32>>,
}

impl KeyGiven {
    /// That these, of whom each is known by the key that signs, were given a key then, in whatever order they come.
    pub fn new(
        at: UnixSeconds,
        by: KeyGivenBy,
        grant: LinkId,
        to: impl IntoIterator<Item = PublicKey>,
    ) -> Result<Self, KeyGivenError> {
        let mut to: Vec<_> = to.into_iter().collect();
        to.sort();
        to.dedup();
        if to.is_empty() || to.len() > GRANT_RECIPIENTS_MAX {
            return Err(KeyGivenError);
        }
        Ok(Self { at, grant, by, to })
    }

    /// When it was given first.
    pub const fn at(&self) -> UnixSeconds {
        self.at
    }

    /// By which grant.
    pub const fn grant(&self) -> LinkId {
        self.grant
    }

    /// How.
    pub const fn by(&self) -> KeyGivenBy {
        self.by
    }

    /// To whom: the keys that sign for them, ascending.
    pub fn to(&self) -> &[PublicKey] {
        &self.to
    }

    /// What orders them: one grant gives a key in one way once, to more and more recipients.
    pub(super) const fn place(&self) -> (KeyGivenBy, LinkId) {
        (self.by, self.grant)
    }

    /// Enters it into a list, in its place; where the same grant is there already, its recipients are added.
    pub fn enter(self, list: &mut Vec<Self>) -> Result<(), KeyGivenError> {
        match list.binary_search_by_key(&self.place(), Self::place) {
            Err(at) => list.insert(at, self),
            Ok(at) => {
                let known = &list[at];
                let to = known.to.iter().chain(&self.to).copied();
                list[at] = Self::new(known.at.min(self.at), self.by, self.grant, to)?;
            }
        }
        Ok(())
    }
}

impl KeyGivenBy {
    /// In words, after "given".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delegation => "by a recipient who passed a grant on",
            Self::Emergency => "by a grant for emergencies",
            Self::Grant => "by a grant",
        }
    }
}

impl TryFrom<KeyGivenFields> for KeyGiven {
    type Error = KeyGivenError;

    fn try_from(KeyGivenFields { at, by, grant, to }: KeyGivenFields) -> Result<Self, KeyGivenError> {
        let read = to.iter().map(|key| keys::from_bytes(key).map_err(|_| KeyGivenError));
        let read = read.collect::<Result<Vec<_>, _>>()?;
        let given = Self::new(at, by, grant, read.iter().copied())?;
        if given.to == read { Ok(given) } else { Err(KeyGivenError) }
    }
}

impl From<KeyGiven> for KeyGivenFields {
    fn from(KeyGiven { at, grant, by, to }: KeyGiven) -> Self {
        Self { at, by, grant, to: to.iter().map(|key| ByteArray::new(*key.as_bytes())).collect() }
    }
}

impl fmt::Display for KeyGiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "key given   {}  {} to", self.at, self.by.as_str())?;
        self.to.iter().try_for_each(|key| writeln!(f, "            {key}"))
    }
}

#[cfg(test)]
mod tests {
    use protocol::SecretKey;

    use super::*;

    #[test]
    fn a_list_has_each_grant_once_with_all_to_whom_it_gave_the_key() {
        let [one, two, three] = [1, 2, 3].map(|seed| SecretKey::from_bytes(&[seed; 32]).public());
        let given = |at, by, grant, to: &[PublicKey]| {
            KeyGiven::new(UnixSeconds::new(at), by, LinkId::from_bytes([grant; 32]), to.iter().copied())
                .unwrap()
        };
        let mut list = Vec::new();
        for entry in [
            given(9, KeyGivenBy::Grant, 7, &[two]),
            given(5, KeyGivenBy::Grant, 7, &[one, two]),
            given(6, KeyGivenBy::Emergency, 7, &[three]),
            given(7, KeyGivenBy::Grant, 1, &[three]),
        ] {
            entry.enter(&mut list).unwrap();
        }
        let mut both = vec![one, two];
        both.sort();
        assert!(list.is_sorted_by_key(KeyGiven::place));
        assert_eq!(list.iter().map(KeyGiven::at).map(UnixSeconds::get).collect::<Vec<_>>(), [6, 7, 5]);
        assert_eq!(list[2].to(), both);
        assert_eq!(
            KeyGiven::new(UnixSeconds::new(1), KeyGivenBy::Grant, list[0].grant(), []),
            Err(KeyGivenError)
        );
    }
}
