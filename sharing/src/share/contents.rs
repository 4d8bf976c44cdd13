//! What a link gives to read: up to 16 objects with their keys.

use std::collections::HashSet;

use chunker::{ContentKey, Link};
use proofs::{Cid, canonical};
use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};

use super::wrapped::CBOR_LEN_MAX;
use crate::{FileName, MediaType, exposed_key};

/// Objects of one share.
pub const SHARE_FILES_MAX: usize = 16;
const LABEL_CHARACTERS_MAX: usize = 80;
const VERSION: u8 = 1;

text! {
    /// What the owner calls a share.
    ShareLabel, "the label of a share", "1 to 80 characters without control characters",
    |text| (1..=LABEL_CHARACTERS_MAX).contains(&text.chars().count()) && !text.contains(char::is_control)
}

/// One object of a share, as its reader sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedFile {
    /// The key of the object.
    #[serde(with = "exposed_key")]
    pub key: ContentKey,
    /// Its exact length in bytes.
    pub len: u64,
    /// Its name.
    pub name: FileName,
    /// Its address.
    pub object: Cid,
    /// Its media type, where one is known.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
}

impl SharedFile {
    /// The read capability of the object.
    pub fn link(&self) -> Link {
        Link::new(self.object, self.key.clone())
    }
}

/// All that is wrapped in a share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareContents {
    fields: Fields,
}

/// Why something is no contents of a share.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShareContentsError {
    /// None, or too many.
    #[error("a share has 1 to {SHARE_FILES_MAX} files, not {found}")]
    Files {
        /// How many.
        found: usize,
    },
    /// One object twice.
    #[error("two files of the share are the same object, {0}")]
    Twice(Cid),
    /// Names and types are too long together.
    #[error("{len} bytes of names and keys, there is room for {CBOR_LEN_MAX}: share them as a folder")]
    TooLong {
        /// Bytes of the CBOR.
        len: usize,
    },
    /// Another version.
    #[error("the contents have version {found}, only {VERSION} is known")]
    Version {
        /// Its version.
        found: u8,
    },
    /// Not a canonical map of the known keys.
    #[error("the contents are malformed: {0}")]
    Cbor(#[from] canonical::CanonicalError),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    files: Vec<SharedFile>,
    issued: UnixSeconds,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<ShareLabel>,
    v: u8,
}

impl ShareContents {
    /// The contents with these files, when they fit.
    pub fn new(
        files: Vec<SharedFile>,
        issued: UnixSeconds,
        label: Option<ShareLabel>,
    ) -> Result<Self, ShareContentsError> {
        let contents = Self::checked(Fields { files, issued, label, v: VERSION })?;
        let len = contents.encode().len();
        if len > CBOR_LEN_MAX { Err(ShareContentsError::TooLong { len }) } else { Ok(contents) }
    }

    /// The files.
    pub fn files(&self) -> &[SharedFile] {
        &self.fields.files
    }

    /// When it was shared.
    pub const fn issued(&self) -> UnixSeconds {
        self.fields.issued
    }

    /// What the owner calls it.
    pub const fn label(&self) -> Option<&ShareLabel> {
        self.fields.label.as_ref()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        canonical::to_vec(&self.fields)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ShareContentsError> {
        Self::checked(canonical::from_slice(bytes, CBOR_LEN_MAX)?)
    }

    fn checked(fields: Fields) -> Result<Self, ShareContentsError> {
        if fields.v != VERSION {
            return Err(ShareContentsError::Version { found: fields.v });
        }
        let found = fields.files.len();
        if !(1..=SHARE_FILES_MAX).contains(&found) {
            return Err(ShareContentsError::Files { found });
        }
        let mut objects = HashSet::new();
        match fields.files.iter().find(|file| !objects.insert(file.object)) {
            Some(file) => Err(ShareContentsError::Twice(file.object)),
            None => Ok(Self { fields }),
        }
    }
}
