//! What a grant has to say so that it can be passed on: how often, by whom, and what.

use proofs::canonical;
use protocol::PublicKey;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::GrantedFile;
use crate::grant::sealed::{GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX};

/// How often a grant can be passed on, one after the other, at most.
pub const DELEGATION_DEPTH_MAX: u8 = 4;
const ENTRY_LEN: usize = 32;

/// How often a grant may be passed on, one after the other: 1 to [`DELEGATION_DEPTH_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Depth(u8);

/// What those to whom a grant was passed on check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::grant) struct Passing {
    pub(in crate::grant) depth: Depth,
    /// The holder keys of the recipients, ascending.
    holders: Vec<[u8; ENTRY_LEN]>,
    /// The tags of the files, ascending.
    tags: Vec<[u8; ENTRY_LEN]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    depth: u8,
    holders: ByteBuf,
    tags: ByteBuf,
}

impl Depth {
    /// The depth of this number, when it is one.
    pub fn new(depth: u8) -> Option<Self> {
        (1..=DELEGATION_DEPTH_MAX).contains(&depth).then_some(Self(depth))
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Passing {
    pub(in crate::grant) fn new(depth: Depth, holders: &[PublicKey], files: &[GrantedFile]) -> Self {
        let holders = holders.iter().map(|key| *key.as_bytes()).collect();
        let tags = files.iter().map(GrantedFile::tag).collect();
        Self { depth, holders: ascending(holders), tags: ascending(tags) }
    }

    pub(in crate::grant) fn encode(&self) -> Vec<u8> {
        let Self { depth, holders, tags } = self;
        let (holders, tags) = (holders.concat().into(), tags.concat().into());
        canonical::to_vec(&Fields { depth: depth.0, holders, tags })
    }

    /// None when the bytes are not in order, or say too much or nothing.
    pub(in crate::grant) fn decode(bytes: &[u8]) -> Option<Self> {
        let Fields { depth, holders, tags } = canonical::from_slice(bytes, GRANT_LEN_MAX).ok()?;
        let (depth, holders, tags) = (Depth::new(depth)?, entries(&holders)?, entries(&tags)?);
        let fits = holders.len() <= GRANT_RECIPIENTS_MAX && tags.len() <= GRANT_FILES_MAX;
        fits.then_some(Self { depth, holders, tags })
    }

    pub(super) fn has_holder(&self, key: &PublicKey) -> bool {
        self.holders.binary_search(key.as_bytes()).is_ok()
    }

    pub(super) fn has_file(&self, file: &GrantedFile) -> bool {
        self.tags.binary_search(&file.tag()).is_ok()
    }

    /// Whether every file of the other is one of this.
    pub(super) fn has_files_of(&self, other: &Self) -> bool {
        other.tags.iter().all(|tag| self.tags.binary_search(tag).is_ok())
    }
}

fn ascending(mut entries: Vec<[u8; ENTRY_LEN]>) -> Vec<[u8; ENTRY_LEN]> {
    entries.sort_unstable();
    entries.dedup();
    entries
}

/// One entry at least, ascending, each once.
fn entries(bytes: &[u8]) -> Option<Vec<[u8; ENTRY_LEN]>> {
    let (entries, rest) = bytes.as_chunks::<ENTRY_LEN>();
    let ascends = entries.is_sorted_by(|one, two| one < two);
    (rest.is_empty() && !entries.is_empty() && ascends).then(|| entries.to_vec())
}
