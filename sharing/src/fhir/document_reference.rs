//! What was given: documents, by where they were.

use serde::Serialize;

use super::{CodeableConcept, Identifier, Reference};

/// A document that was shared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentReference {
    pub(crate) resource_type: &'static str,
    pub(crate) identifier: Vec<Identifier>,
    pub(crate) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Reference>,
    pub(crate) date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) security_label: Vec<CodeableConcept>,
    pub(crate) content: Vec<Content>,
}

/// Where a document is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Content {
    /// The document.
    pub attachment: Attachment,
}

/// A document.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Its media type.
    pub content_type: &'static str,
    /// What people call it.
    pub title: String,
}
