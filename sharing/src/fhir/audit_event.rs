//! Audit events.

use serde::Serialize;

use super::{CodeableConcept, Coding, Meta, Reference};

/// Something that happened, and who took part in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    pub(crate) resource_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<Meta>,
    #[serde(rename = "type")]
    pub(crate) kind: Coding,
    pub(crate) subtype: Vec<Coding>,
    pub(crate) action: &'static str,
    pub(crate) recorded: String,
    pub(crate) outcome: &'static str,
    pub(crate) outcome_desc: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) purpose_of_event: Vec<CodeableConcept>,
    pub(crate) agent: Vec<Agent>,
    pub(crate) source: Source,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) entity: Vec<Entity>,
}

/// Who took part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Agent {
    /// In which role.
    #[serde(rename = "type")]
    pub kind: CodeableConcept,
    /// Who.
    pub who: Reference,
    /// Whether it was their wish.
    pub requestor: bool,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<AgentNetwork>,
}

/// Where an agent was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AgentNetwork {
    /// The address.
    pub address: String,
    /// `1` machine name, `2` IP address, `5` URI.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// Who says so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Source {
    /// Who.
    pub observer: Reference,
    /// What kind of system.
    #[serde(rename = "type")]
    pub kind: Vec<Coding>,
}

/// What it was about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Entity {
    /// What.
    pub what: Reference,
    /// What kind of thing.
    #[serde(rename = "type")]
    pub kind: Coding,
    /// In which role.
    pub role: Coding,
    /// More about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<Detail>,
}

/// A fact about an entity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What it says.
    pub value_string: String,
}
