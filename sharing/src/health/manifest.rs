//! What a reader asks of a gateway, and what it is answered.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::HealthFileType;

/// How long a JWE may be that is embedded where the reader names no length, in bytes.
pub const HEALTH_EMBEDDED_DEFAULT_LEN: u64 = 16_384;

/// The request for a manifest. What a gateway does not know it ignores.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthQuestion {
    /// Who reads, by their own word.
    pub recipient: String,
    /// The passcode, for links that ask for one.
    #[serde(default)]
    passcode: Option<String>,
    /// How long a file may be that stands in the manifest itself, in bytes of its JWE.
    #[serde(default)]
    pub embedded_length_max: Option<u64>,
}

impl HealthQuestion {
    /// The passcode, taken out.
    pub fn take_passcode(&mut self) -> Option<Zeroizing<String>> {
        self.passcode.take().map(Zeroizing::new)
    }
}

/// Without the passcode.
impl std::fmt::Debug for HealthQuestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealthQuestion").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}

/// What a link has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HealthManifest {
    /// Whether it may change.
    pub status: ManifestStatus,
    /// Its files.
    pub files: Vec<ManifestFile>,
}

/// Whether what a link has may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestStatus {
    /// It will not.
    Finalized,
    /// It may: the link is for long.
    CanChange,
}

/// A file of a link; either `embedded` or `location` is there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestFile {
    /// What it is.
    pub content_type: HealthFileType,
    /// When its owner put it there, as RFC 3339.
    pub last_updated: String,
    /// The JWE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded: Option<String>,
    /// Where the JWE is, for an hour at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}
