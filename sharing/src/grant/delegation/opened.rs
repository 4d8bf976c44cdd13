//! What was passed on, as the object that lies on the network.

use std::collections::BTreeSet;

use proofs::canonical;
use protocol::{BoundedList, NetworkId, PublicKey, Sequence, Signed, Slot, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::chain::{self, Level, Terms};
use super::{ChainError, DELEGATION_DEPTH_MAX, Delegation, DelegationNote, Depth, Holding};
use crate::grant::sealed::{self, GRANT_LEN_MAX, NO_WRAPS, Unsealed};
use crate::grant::{GrantLink, HolderSecret, Identity, NoteError, OpenGrantError, OwnIdentity};
use crate::{ContentHash, GrantedFile, Reason};

/// The version of the format.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields {
    above: BoundedList<Level, { DELEGATION_DEPTH_MAX as usize }>,
    contents: ByteBuf,
    note: ByteBuf,
    own: Level,
    v: u8,
    wraps: ByteBuf,
}

/// What was passed on to a reader, who has opened it.
#[derive(Clone, Debug)]
pub struct OpenedDelegation {
    /// What it opens.
    pub files: Vec<GrantedFile>,
    /// For how many it is, its giver included.
    pub recipients: usize,
    /// By what the reader shows that it was given to them.
    pub holder: HolderSecret,
    levels: Vec<Level>,
    chain: Vec<Terms>,
}

/// What was passed on, as its giver and those above see it. All but the note is checked by its readers too.
#[derive(Clone, Debug)]
pub struct SeenDelegation {
    /// What its giver has noted, in their own words.
    pub note: Result<DelegationNote, NoteError>,
    /// Those whom the note names and for whom it is.
    pub to: Vec<Identity>,
    /// For how many more it is.
    pub unnamed: usize,
    chain: Vec<Terms>,
}

/// An object that is what its record says; whether it opens is not known.
struct Checked {
    chain: Vec<Terms>,
    levels: Vec<Level>,
    contents: ByteBuf,
    note: ByteBuf,
    wraps: ByteBuf,
    body: Delegation,
}

impl Fields {
    pub(super) fn new(
        above: Vec<Level>,
        own: Level,
        contents: Vec<u8>,
        note: Vec<u8>,
        wraps: Vec<u8>,
    ) -> Self {
        let above = BoundedList::new(above).expect("the chain was verified");
        Self { above, contents: contents.into(), note: note.into(), own, v: VERSION, wraps: wraps.into() }
    }

    fn check(bytes: &[u8], network: &NetworkId) -> Result<Checked, OpenGrantError> {
        let Self { above, contents, note, own, v, wraps } = canonical::from_slice(bytes, GRANT_LEN_MAX)?;
        if v != VERSION {
            return Err(OpenGrantError::Version { found: v });
        }
        let mut levels = above.into_vec();
        if levels.is_empty() {
            return Err(ChainError::Levels { found: 0 }.into());
        }
        levels.push(own);
        let chain = chain::verify(&levels, network)?;
        let record = &levels.last().expect("it was pushed").record;
        let body = Signed::<Delegation>::decode_verified_before(record, network)?.into_body();
        let hashes = [&contents, &note, &wraps].map(|part| ContentHash::of(part));
        if hashes != [body.contents, body.note, body.wraps] {
            return Err(OpenGrantError::Hash);
        }
        Ok(Checked { chain, levels, contents, note, wraps, body })
    }
}

impl OpenedDelegation {
    /// Opens what was passed on in this network with the key of a reader.
    pub fn open(bytes: &[u8], network: &NetworkId, reader: &OwnIdentity) -> Result<Self, OpenGrantError> {
        let Checked { chain, levels, contents, wraps, body, .. } = Fields::check(bytes, network)?;
        let by = chain.last().expect("it has two records").by;
        let terms = sealed::terms(&Delegation { wraps: NO_WRAPS, ..body }, &by, network);
        let Unsealed { files, holder, recipients } = sealed::unseal(&contents, &wraps, &terms, reader)?;
        let passing = chain.last().expect("it has two records").passing();
        if let Some(file) = files.iter().find(|file| !passing.has_file(file)) {
            return Err(ChainError::File { name: file.name.to_string() }.into());
        }
        let signs = reader.signing_key().public();
        if by != signs && !passing.has_recipient(&holder.key().public(), &signs) {
            return Err(ChainError::Unlisted.into());
        }
        Ok(Self { files, recipients, holder, levels, chain })
    }

    /// Who has granted it.
    pub fn by(&self) -> PublicKey {
        self.chain[0].by
    }

    /// Who has passed it on, in this order.
    pub fn through(&self) -> impl Iterator<Item = PublicKey> {
        self.chain[1..].iter().map(|terms| terms.by)
    }

    /// The grants above it, each with its pointer and its version: it counts as long as these are the newest ones.
    pub fn above(&self) -> impl Iterator<Item = (PublicKey, Slot, Sequence)> {
        let above = &self.chain[..self.chain.len() - 1];
        above.iter().map(|terms| (terms.series, terms.slot, terms.seq))
    }

    /// What it may be used for.
    pub fn purpose(&self) -> Option<&Reason> {
        self.own().purpose.as_ref()
    }

    /// When it ends.
    pub fn expires(&self) -> Option<UnixSeconds> {
        self.own().expires
    }

    /// What its reader may pass on; nothing where that is not allowed.
    pub fn holding(&self, network: &NetworkId) -> Result<Option<Holding>, OpenGrantError> {
        Ok(Holding::new(self.levels.clone(), self.files.clone(), self.holder.clone(), network)?)
    }

    /// Fails when this is not the version behind `link` that its pointer calls `seq`.
    pub fn check_version(&self, link: &GrantLink, seq: Sequence) -> Result<(), OpenGrantError> {
        let Terms { series, slot, seq: found, .. } = *self.own();
        if (series, slot) != (link.series(), link.slot()) {
            return Err(OpenGrantError::Series);
        }
        if found == seq { Ok(()) } else { Err(OpenGrantError::Place { seq, found }) }
    }

    /// Fails when it has ended.
    pub fn check_time(&self, now: UnixSeconds) -> Result<(), OpenGrantError> {
        match self.expires() {
            Some(at) if at <= now => Err(OpenGrantError::Expired { at }),
            _ => Ok(()),
        }
    }

    fn own(&self) -> &Terms {
        self.chain.last().expect("it has two records")
    }
}

impl SeenDelegation {
    /// What the holder of this secret has passed on in this object.
    pub fn read(bytes: &[u8], network: &NetworkId, holder: &HolderSecret) -> Result<Self, OpenGrantError> {
        let Checked { chain, note, body, .. } = Fields::check(bytes, network)?;
        if body.series != holder.key().public() {
            return Err(OpenGrantError::Series);
        }
        let note = DelegationNote::open(&note, holder, &body.contents);
        let passing = chain.last().expect("it has two records").passing();
        let named = note.iter().flat_map(|note| &note.to).filter_map(|text| text.parse::<Identity>().ok());
        let is_for = |one: &Identity| {
            passing.has_recipient(&holder.of_recipient(body.slot, one.signs()).key().public(), &one.signs())
        };
        let to: Vec<_> = named.filter(is_for).collect();
        let signers: BTreeSet<_> = to.iter().map(|one| *one.signs().as_bytes()).collect();
        let unnamed = passing.recipients() - signers.len();
        Ok(Self { note, to, unnamed, chain })
    }

    /// Those of the grant's files that it passes on.
    pub fn files<'a>(&self, granted: &'a [GrantedFile]) -> impl Iterator<Item = &'a GrantedFile> {
        granted.iter().filter(|file| self.own().passing().has_file(file))
    }

    /// How many files it passes on.
    pub fn files_len(&self) -> usize {
        self.own().passing().files()
    }

    /// Whether it passes on this version of a grant, as the owner or whoever gave it knows it.
    pub fn is_below(&self, series: PublicKey, slot: Slot, seq: Sequence) -> bool {
        let above = &self.chain[self.chain.len() - 2];
        (above.series, above.slot, above.seq) == (series, slot, seq)
    }

    /// Who has granted what was passed on.
    pub fn owner(&self) -> PublicKey {
        self.chain[0].by
    }

    /// Who has passed it on.
    pub fn by(&self) -> PublicKey {
        self.own().by
    }

    /// The key that signs its pointers, which of them, and its version.
    pub fn place(&self) -> (PublicKey, Slot, Sequence) {
        let Terms { series, slot, seq, .. } = *self.own();
        (series, slot, seq)
    }

    /// When it ends.
    pub fn expires(&self) -> Option<UnixSeconds> {
        self.own().expires
    }

    /// What it may be used for.
    pub fn purpose(&self) -> Option<&Reason> {
        self.own().purpose.as_ref()
    }

    /// How often it may be passed on from there.
    pub fn depth(&self) -> Option<Depth> {
        self.own().passing().depth
    }

    fn own(&self) -> &Terms {
        self.chain.last().expect("it has two records")
    }
}
