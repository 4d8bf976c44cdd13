//! What somebody may pass on, and passing it on.

use chunker::AccountSecret;
use hpke::rand_core::CryptoRng;
use protocol::{NetworkId, PublicKey, Sequence, Signed, Slot, UnixSeconds};
use serde_bytes::ByteBuf;

use super::chain::{self, Level, Terms};
use super::opened::Fields;
use super::{ChainError, Delegation, DelegationNote, Depth, Passing};
use crate::grant::sealed::{self, Holders, NO_WRAPS};
use crate::grant::{HolderSecret, Identity, OwnIdentity, SealGrantError};
use crate::{ContentHash, FileName, GrantedFile, Reason};

/// An opened grant that its reader may pass on.
#[derive(Clone, Debug)]
pub struct Holding {
    pub(super) above: Vec<Level>,
    terms: Terms,
    files: Vec<GrantedFile>,
    secret: HolderSecret,
}

/// What is to be passed on of a grant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDelegation {
    /// How often it may be passed on from there.
    pub depth: Option<Depth>,
    /// When it ends.
    pub expires: Option<UnixSeconds>,
    /// When it is passed on.
    pub issued: UnixSeconds,
    /// Which of the files that its giver has.
    pub files: Vec<GrantedFile>,
    /// What they may be used for.
    pub purpose: Option<Reason>,
    /// The version.
    pub seq: Sequence,
    /// By which pointer of the holder.
    pub slot: Slot,
}

impl Holding {
    /// What may be passed on of this; nothing where that is not allowed.
    pub(in crate::grant) fn new(
        above: Vec<Level>,
        files: Vec<GrantedFile>,
        secret: HolderSecret,
        network: &NetworkId,
    ) -> Result<Option<Self>, ChainError> {
        let terms = chain::verify(&above, network)?.pop().expect("a chain has a record");
        let is_allowed = terms.passing.as_ref().is_some_and(|passing| passing.depth.is_some());
        Ok(is_allowed.then_some(Self { above, terms, files, secret }))
    }

    /// By what its holder shows that it is theirs.
    pub const fn secret(&self) -> &HolderSecret {
        &self.secret
    }

    /// The files.
    pub fn files(&self) -> &[GrantedFile] {
        &self.files
    }

    /// When it ends.
    pub const fn expires(&self) -> Option<UnixSeconds> {
        self.terms.expires
    }

    /// What the files may be used for.
    pub const fn purpose(&self) -> Option<&Reason> {
        self.terms.purpose.as_ref()
    }

    /// Who else has it: its pointers are signed by this key.
    pub const fn series(&self) -> PublicKey {
        self.terms.series
    }

    /// The file with this name, which no other one may have.
    pub fn file(&self, name: &FileName) -> Result<&GrantedFile, ChainError> {
        let all: Vec<_> = self.files.iter().filter(|file| file.name == *name).collect();
        match all.as_slice() {
            [file] => Ok(file),
            [] => Err(ChainError::File { name: name.to_string() }),
            _ => Err(ChainError::Ambiguous { name: name.to_string(), found: all.len() }),
        }
    }

    /// Passes it on to these. `key` is random and used for nothing else.
    pub fn pass_on(
        &self,
        new: NewDelegation,
        account: &AccountSecret,
        network: &NetworkId,
        to: &[Identity],
        key: [u8; 32],
        random: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, SealGrantError> {
        let own = &OwnIdentity::of(account);
        if let Some(file) = new.files.iter().find(|file| !self.files.contains(file)) {
            return Err(ChainError::File { name: file.name.to_string() }.into());
        }
        let holders = Holders { giver: &self.secret, slot: new.slot };
        let passing = Passing::new(new.depth, &holders.keys(to), &new.files).encode();
        let names = new.files.iter().map(|file| file.name.clone()).collect();
        let contents = sealed::seal_files(new.files, &key)?;
        let about = ContentHash::of(&contents);
        let note = note(names, to).seal(&self.secret, &about)?;
        let unwrapped = Delegation {
            contents: about,
            expires: new.expires,
            issued: new.issued,
            note: ContentHash::of(&note),
            parent: self.terms.hash,
            passing: ContentHash::of(&passing),
            purpose: new.purpose,
            seq: new.seq,
            series: self.secret.key().public(),
            slot: new.slot,
            wraps: NO_WRAPS,
        };
        let terms = sealed::terms(&unwrapped, &own.signing_key().public(), network);
        let wraps = holders.wrap(own, to, &key, &terms, random)?;
        let body = Delegation { wraps: ContentHash::of(&wraps), ..unwrapped };
        let level = Level {
            passing: Some(passing.into()),
            record: ByteBuf::from(Signed::sign(own.signing_key(), network, body).encode()),
        };
        // What no reader would take is not written.
        let levels = [self.above.as_slice(), std::slice::from_ref(&level)].concat();
        chain::verify(&levels, network)?;
        sealed::encode(&Fields::new(self.above.clone(), level, contents, note, wraps))
    }
}

fn note(names: Vec<FileName>, to: &[Identity]) -> DelegationNote {
    let mut to: Vec<_> = to.iter().map(ToString::to_string).collect();
    to.sort_unstable();
    to.dedup();
    DelegationNote { names, to }
}
