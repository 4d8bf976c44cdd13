//! Header fields that come with a file: what a program wants back that put it over HTTP (spec §24).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most bytes of names and values together.
pub const HEADER_FIELDS_LEN_MAX: usize = 4096;
/// Most fields.
pub const HEADER_FIELDS_MAX: usize = 64;
/// Longest name of a field, in bytes.
const NAME_LEN_MAX: usize = 128;

/// Header fields by their names in lower case.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct HeaderFields(BTreeMap<String, String>);

/// Why fields cannot be kept with a file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderFieldsError {
    /// Too many of them, or too long ones.
    #[error(
        "{count} header fields of {len} bytes, at most {HEADER_FIELDS_MAX} of {HEADER_FIELDS_LEN_MAX} bytes are kept"
    )]
    Length {
        /// Fields found.
        count: usize,
        /// Bytes of their names and values.
        len: usize,
    },
    /// A name that is none.
    #[error(
        "{0:?} is no name of a header field: 1 to {NAME_LEN_MAX} of a-z 0-9 and the marks that RFC 9110 allows"
    )]
    Name(String),
    /// A value that cannot stand in a header.
    #[error("the header field {0} has a control character in its value, or a space around it")]
    Value(String),
}

impl HeaderFields {
    /// The fields, when they can be kept.
    pub fn new(fields: BTreeMap<String, String>) -> Result<Self, HeaderFieldsError> {
        let len = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if fields.len() > HEADER_FIELDS_MAX || len > HEADER_FIELDS_LEN_MAX {
            return Err(HeaderFieldsError::Length { count: fields.len(), len });
        }
        if let Some(name) = fields.keys().find(|name| !is_name(name)) {
            return Err(HeaderFieldsError::Name(name.clone()));
        }
        match fields.iter().find(|(_, value)| !is_value(value)) {
            Some((name, _)) => Err(HeaderFieldsError::Value(name.clone())),
            None => Ok(Self(fields)),
        }
    }

    /// The value of the field with this name, which is in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All fields in the order of their names.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<BTreeMap<String, String>> for HeaderFields {
    type Error = HeaderFieldsError;

    fn try_from(fields: BTreeMap<String, String>) -> Result<Self, HeaderFieldsError> {
        Self::new(fields)
    }
}

impl From<HeaderFields> for BTreeMap<String, String> {
    fn from(fields: HeaderFields) -> Self {
        fields.0
    }
}

/// A token of RFC 9110, section 5.6.2, without upper case.
fn is_name(name: &str) -> bool {
    let is_token = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9') || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_token)
}

fn is_value(value: &str) -> bool {
    !value.contains(char::is_control) && value.trim_matches(' ').len() == value.len()
}
