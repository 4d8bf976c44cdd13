//! The records from the owner's grant down to what was passed on last, each checked against the one above it.

use protocol::{NetworkId, PublicKey, RecordError, Sequence, Signed, Slot, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{DELEGATION_DEPTH_MAX, Delegation, Depth, Passing, is_delegation_slot};
use crate::grant::{GRANT_SLOT, Grant};
use crate::{ContentHash, Reason};

/// One record of the chain with what it signs besides; nothing in it has been checked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::grant) struct Level {
    /// What and to whom, and how often it may be passed on; absent in an owner's grant that may not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::grant) passing: Option<ByteBuf>,
    pub(in crate::grant) record: ByteBuf,
}

/// What a record of the chain says, after it was checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Terms {
    pub(super) by: PublicKey,
    pub(super) expires: Option<UnixSeconds>,
    pub(super) hash: ContentHash,
    pub(super) passing: Option<Passing>,
    pub(super) purpose: Option<Reason>,
    pub(super) seq: Sequence,
    pub(super) series: PublicKey,
    pub(super) slot: Slot,
}

/// Why a chain does not lead from a grant to what was passed on. `level` counts from the owner's grant, which is 0.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum ChainError {
    #[error("{found} grants stand above it, 1 to {DELEGATION_DEPTH_MAX} are allowed")]
    Levels { found: usize },
    #[error("record {level} of what was passed on does not count: {source}")]
    Record { level: usize, source: RecordError },
    #[error("what it takes to pass on {level} is not what was signed, or malformed")]
    Passing { level: usize },
    #[error("{level} may not be passed on")]
    NotAllowed { level: usize },
    #[error("who passed it on at {level} is none of those to whom the one above was given")]
    Holder { level: usize },
    #[error("it does not list you among those to whom it was passed on: its giver hides who gets it")]
    Unlisted,
    #[error("{level} passes on another version than the one above it")]
    Parent { level: usize },
    #[error("{level} is wider than what it passes on: its {what}")]
    Wider { level: usize, what: &'static str },
    #[error("{name} is none of the files that were granted")]
    File { name: String },
    #[error("{found} files of the grant are called {name}: by its name alone none of them can be chosen")]
    Ambiguous { name: String, found: usize },
}

/// What the records of a chain say, the owner's grant first, when each follows from the one above.
pub(super) fn verify(levels: &[Level], network: &NetworkId) -> Result<Vec<Terms>, ChainError> {
    let found = levels.len().saturating_sub(1);
    if found > usize::from(DELEGATION_DEPTH_MAX) || levels.is_empty() {
        return Err(ChainError::Levels { found });
    }
    let mut chain: Vec<Terms> = Vec::with_capacity(levels.len());
    for (number, level) in levels.iter().enumerate() {
        let terms = match chain.last() {
            None => level.grant(network)?,
            Some(above) => level.delegation(number, above, network)?,
        };
        chain.push(terms);
    }
    Ok(chain)
}

impl Level {
    fn grant(&self, network: &NetworkId) -> Result<Terms, ChainError> {
        let signed = Signed::<Grant>::decode(&self.record, network);
        let signed = signed.map_err(|source| ChainError::Record { level: 0, source })?;
        let by = signed.by();
        let Grant { expires, passing, purpose, seq, series, .. } = signed.into_body();
        let (hash, passing) = (ContentHash::of(&self.record), self.passing(0, passing)?);
        Ok(Terms { by, expires, hash, passing, purpose, seq, series, slot: GRANT_SLOT })
    }

    fn delegation(&self, level: usize, above: &Terms, network: &NetworkId) -> Result<Terms, ChainError> {
        let signed = Signed::<Delegation>::decode(&self.record, network);
        let signed = signed.map_err(|source| ChainError::Record { level, source })?;
        let allowed = above.passing.as_ref().and_then(|passing| Some((passing, passing.depth?)));
        let (allowed, depth) = allowed.ok_or(ChainError::NotAllowed { level: level - 1 })?;
        let by = signed.by();
        // Its pointers are signed by the holder key, which whoever gave it to them knows: what is passed on lies where they look.
        if !allowed.has_recipient(&signed.body().series, &by) {
            return Err(ChainError::Holder { level });
        }
        let Delegation { expires, parent, passing, purpose, seq, series, slot, .. } = signed.into_body();
        if parent != above.hash {
            return Err(ChainError::Parent { level });
        }
        let (hash, passing) = (ContentHash::of(&self.record), self.passing(level, Some(passing))?);
        let terms = Terms { by, expires, hash, passing, purpose, seq, series, slot };
        match terms.wider_than(above, allowed, depth) {
            Some(what) => Err(ChainError::Wider { level, what }),
            None => Ok(terms),
        }
    }

    fn passing(&self, level: usize, signed: Option<ContentHash>) -> Result<Option<Passing>, ChainError> {
        let here = self.passing.as_ref().map(|bytes| ContentHash::of(bytes));
        if here != signed {
            return Err(ChainError::Passing { level });
        }
        let decode = |bytes: &ByteBuf| Passing::decode(bytes).ok_or(ChainError::Passing { level });
        self.passing.as_ref().map(decode).transpose()
    }
}

impl Terms {
    /// What was passed on to whom.
    pub(super) const fn passing(&self) -> &Passing {
        self.passing.as_ref().expect("no delegation is without")
    }

    /// In what these are wider than those above.
    fn wider_than(&self, above: &Self, allowed: &Passing, depth: Depth) -> Option<&'static str> {
        if !is_delegation_slot(self.slot) {
            return Some("pointer");
        }
        if above.expires.is_some_and(|until| self.expires.is_none_or(|expires| expires > until)) {
            return Some("end");
        }
        if above.purpose.as_ref().is_some_and(|purpose| !is_closer(self.purpose.as_ref(), purpose)) {
            return Some("purpose");
        }
        let passing = self.passing.as_ref()?;
        if passing.depth >= Some(depth) {
            return Some("depth");
        }
        (!allowed.has_files_of(passing)).then_some("files")
    }
}

/// Whether a purpose is the one above, or that one, a colon and a closer word.
fn is_closer(purpose: Option<&Reason>, above: &Reason) -> bool {
    let rest = purpose.and_then(|purpose| purpose.as_str().strip_prefix(above.as_str()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": "))
}
