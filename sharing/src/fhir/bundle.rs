//! Bundles of resources.

use serde::Serialize;

use super::{AuditEvent, Consent, DocumentReference};

/// A collection of resources.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<BundleLink>,
}

/// A resource of a bundle, and its name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleLink {
    /// A URN by which others refer to it.
    pub full_url: String,
    /// The resource.
    pub resource: Resource,
}

/// A resource of the types that are emitted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Resource {
    /// Something that happened.
    AuditEvent(Box<AuditEvent>),
    /// What was allowed.
    Consent(Box<Consent>),
    /// What was given.
    DocumentReference(Box<DocumentReference>),
}

impl Bundle {
    /// A collection of these resources, made at `timestamp` (RFC 3339).
    pub fn collection(timestamp: String, entry: Vec<BundleLink>) -> Self {
        Self { resource_type: "Bundle", kind: "collection", timestamp, entry }
    }

    /// Its resources.
    pub fn entries(&self) -> &[BundleLink] {
        &self.entry
    }
}
