//! What the files of health links are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The media type of a file of a health link.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum HealthFileType {
    /// A FHIR resource in JSON.
    #[serde(rename = "application/fhir+json")]
    Fhir,
    /// A SMART Health Card.
    #[serde(rename = "application/smart-health-card")]
    HealthCard,
    /// How to get at an API with SMART on FHIR.
    #[serde(rename = "application/smart-api-access")]
    ApiAccess,
}

impl HealthFileType {
    /// The media type as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fhir => "application/fhir+json",
            Self::HealthCard => "application/smart-health-card",
            Self::ApiAccess => "application/smart-api-access",
        }
    }

    /// The type with this text.
    pub fn of(text: &str) -> Option<Self> {
        [Self::Fhir, Self::HealthCard, Self::ApiAccess].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for HealthFileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
