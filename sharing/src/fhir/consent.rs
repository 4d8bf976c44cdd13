//! Consents: what was allowed to whom, and until when.

use serde::Serialize;

use super::{CodeableConcept, Coding, Identifier, Period, Reference};

/// What was allowed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    pub(crate) resource_type: &'static str,
    pub(crate) identifier: Vec<Identifier>,
    pub(crate) status: &'static str,
    pub(crate) scope: CodeableConcept,
    pub(crate) category: Vec<CodeableConcept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) patient: Option<Reference>,
    pub(crate) date_time: String,
    pub(crate) policy_rule: CodeableConcept,
    pub(crate) provision: Provision,
}

/// Under which conditions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Provision {
    /// `permit` or `deny`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// From when until when.
    pub period: Period,
    /// To whom.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actor: Vec<ConsentActor>,
    /// What may be done.
    pub action: Vec<CodeableConcept>,
    /// Why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub purpose: Vec<Coding>,
}

/// To whom something is allowed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ConsentActor {
    /// In which role.
    pub role: CodeableConcept,
    /// Who.
    pub reference: Reference,
}
