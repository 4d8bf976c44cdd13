//! What a grant has to say so that it can be passed on, and what is passed on to whom: files and recipients that nobody else can name.

use proofs::canonical;
use protocol::PublicKey;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::GrantedFile;
use crate::grant::sealed::{GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX};

const RECIPIENT_CONTEXT: &str = "headwater v1 granted recipient";

/// How often a grant can be passed on, one after the other, at most.
pub const DELEGATION_DEPTH_MAX: u8 = 4;
const TAG_LEN: usize = 32;

/// How often a grant may be passed on, one after the other: 1 to [`DELEGATION_DEPTH_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Depth(u8);

/// What those to whom a grant was passed on check, and its owner as well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::grant) struct Passing {
    /// None where it may not be passed on.
    pub(in crate::grant) depth: Option<Depth>,
    /// The tags of the files, ascending.
    files: Vec<Tag>,
    /// The tags of the recipients, ascending.
    recipients: Vec<Tag>,
}

/// By what a file or a recipient is known to those who know them, and to nobody else.
type Tag = [u8; TAG_LEN];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    depth: u8,
    files: ByteBuf,
    recipients: ByteBuf,
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
    /// `recipients`: the holder key of each, and the key that signs for them.
    pub(in crate::grant) fn new(
        depth: Option<Depth>,
        recipients: &[(PublicKey, PublicKey)],
        files: &[GrantedFile],
    ) -> Self {
        let recipients = recipients.iter().map(|(holder, signs)| tag_of(holder, signs)).collect();
        let files = files.iter().map(GrantedFile::tag).collect();
        Self { depth, files: ascending(files), recipients: ascending(recipients) }
    }

    pub(in crate::grant) fn encode(&self) -> Vec<u8> {
        let Self { depth, files, recipients } = self;
        let depth = depth.map_or(0, Depth::get);
        let (files, recipients) = (files.concat().into(), recipients.concat().into());
        canonical::to_vec(&Fields { depth, files, recipients })
    }

    /// None when the bytes are not in order, or say too much or nothing.
    pub(in crate::grant) fn decode(bytes: &[u8]) -> Option<Self> {
        let Fields { depth, files, recipients } = canonical::from_slice(bytes, GRANT_LEN_MAX).ok()?;
        let depth = if depth == 0 { None } else { Some(Depth::new(depth)?) };
        let (files, recipients) = (tags(&files)?, tags(&recipients)?);
        let fits = recipients.len() <= GRANT_RECIPIENTS_MAX && files.len() <= GRANT_FILES_MAX;
        fits.then_some(Self { depth, files, recipients })
    }

    /// Whether it is for whoever has this holder key, and this key that signs for them.
    pub(super) fn has_recipient(&self, holder: &PublicKey, signs: &PublicKey) -> bool {
        self.recipients.binary_search(&tag_of(holder, signs)).is_ok()
    }

    pub(super) fn has_file(&self, file: &GrantedFile) -> bool {
        self.files.binary_search(&file.tag()).is_ok()
    }

    /// Whether every file of the other is one of this.
    pub(super) fn has_files_of(&self, other: &Self) -> bool {
        other.files.iter().all(|tag| self.files.binary_search(tag).is_ok())
    }

    /// How many files there are.
    pub(super) const fn files(&self) -> usize {
        self.files.len()
    }

    /// For how many it is.
    pub(super) const fn recipients(&self) -> usize {
        self.recipients.len()
    }
}

fn tag_of(holder: &PublicKey, signs: &PublicKey) -> Tag {
    blake3::derive_key(RECIPIENT_CONTEXT, &[*holder.as_bytes(), *signs.as_bytes()].concat())
}

fn ascending(mut tags: Vec<Tag>) -> Vec<Tag> {
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// One tag at least, ascending, each once.
fn tags(bytes: &[u8]) -> Option<Vec<Tag>> {
    let (tags, rest) = bytes.as_chunks::<TAG_LEN>();
    let ascends = tags.is_sorted_by(|one, two| one < two);
    (rest.is_empty() && !tags.is_empty() && ascends).then(|| tags.to_vec())
}
