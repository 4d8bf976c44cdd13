//! SMART Health Links: what stands in one, how its files are encrypted, and what its gateway answers (spec §28).

mod file_type;
mod flags;
mod jwe;
mod key;
mod link;
mod manifest;

pub use file_type::HealthFileType;
pub use flags::{HealthFlags, HealthFlagsError};
pub use jwe::{HEALTH_FILE_LEN_MAX, JweError, JweIv, open_jwe, seal_jwe};
pub use key::{HealthKey, link_key};
pub use link::{HEALTH_LABEL_CHARS_MAX, HEALTH_LINK_URL_CHARS_MAX, HealthLinkError, HealthLinkText};
pub use manifest::{
    HEALTH_EMBEDDED_DEFAULT_LEN, HealthManifest, HealthQuestion, ManifestFile, ManifestStatus,
};
