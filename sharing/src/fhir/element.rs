//! The data types of FHIR that resources are made of.

use serde::Serialize;

/// A code out of a system of codes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Coding {
    /// The system, by its URL.
    pub system: &'static str,
    /// The code.
    pub code: String,
    /// The code in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<&'static str>,
}

/// Something that codes say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CodeableConcept {
    /// The codes.
    pub coding: Vec<Coding>,
}

/// Somebody or something, by what they are called.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Reference {
    /// Where in the same bundle it is described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The type of what is meant.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// Its identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// What something is called in a system of names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Identifier {
    /// The system of names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The name.
    pub value: String,
}

/// From when until when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Period {
    /// The beginning, as RFC 3339.
    pub start: String,
    /// The end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

/// What a resource says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Meta {
    /// The profiles that it keeps to.
    pub profile: Vec<&'static str>,
}

impl Coding {
    /// A code with its words.
    pub fn new(system: &'static str, code: impl Into<String>, display: &'static str) -> Self {
        Self { system, code: code.into(), display: Some(display) }
    }

    /// A code without words.
    pub fn bare(system: &'static str, code: impl Into<String>) -> Self {
        Self { system, code: code.into(), display: None }
    }
}

impl From<Coding> for CodeableConcept {
    fn from(coding: Coding) -> Self {
        Self { coding: vec![coding] }
    }
}

impl Reference {
    /// Somebody who is known by what they are called alone.
    pub fn named(display: impl Into<String>) -> Self {
        Self { display: Some(display.into()), ..Self::default() }
    }

    /// A resource of this type with this identifier.
    pub fn identified(kind: &'static str, system: Option<&str>, value: impl Into<String>) -> Self {
        let identifier = Identifier { system: system.map(str::to_owned), value: value.into() };
        Self { kind: Some(kind), identifier: Some(identifier), ..Self::default() }
    }
}
