//! What a node says of itself in words of its network: `country=ch`, `class=hdd`.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::{NODE_TAGS_MAX, TAG_KEY_LEN_MAX, TAG_VALUE_LEN_MAX};

/// `key=value`: a key of `a` to `z`, digits and `-`, and a value of printable ASCII.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

/// A text that is no tag.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "tag {0:?} is not key=value with a key of 1 to {TAG_KEY_LEN_MAX} of a-z, 0-9 and -, \
     and a value of 1 to {TAG_VALUE_LEN_MAX} bytes of printable ASCII"
)]
pub struct TagError(String);

impl Tag {
    /// The tag in this text.
    pub fn new(text: impl Into<String>) -> Result<Self, TagError> {
        let text = text.into();
        match text.split_once('=') {
            Some((key, value)) if is_key(key) && is_value(value) => Ok(Self(text)),
            _ => Err(TagError(text)),
        }
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_key(key: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=TAG_KEY_LEN_MAX).contains(&key.len()) && key.bytes().all(is_allowed)
}

fn is_value(value: &str) -> bool {
    (1..=TAG_VALUE_LEN_MAX).contains(&value.len()) && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Tag {
    type Error = TagError;

    fn try_from(text: String) -> Result<Self, TagError> {
        Self::new(text)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Up to sixteen different tags, in the order of their bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Tag>", into = "Vec<Tag>")]
pub struct Tags(Vec<Tag>);

/// Why tags do not go together.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum TagsError {
    #[error("{0} tags, at most {NODE_TAGS_MAX} are allowed")]
    Count(usize),
    #[error("tag {0} does not stand in the order of bytes, or twice")]
    Order(Tag),
}

impl Tags {
    /// These tags, put in order; one that is named twice counts once.
    pub fn new(mut tags: Vec<Tag>) -> Result<Self, TagsError> {
        tags.sort_unstable();
        tags.dedup();
        Self::try_from(tags)
    }

    /// True when every one of `required` is among these.
    pub fn satisfy(&self, required: &[Tag]) -> bool {
        required.iter().all(|tag| self.0.binary_search(tag).is_ok())
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for Tags {
    type Target = [Tag];

    fn deref(&self) -> &[Tag] {
        &self.0
    }
}

/// Tags that come in order already.
impl TryFrom<Vec<Tag>> for Tags {
    type Error = TagsError;

    fn try_from(tags: Vec<Tag>) -> Result<Self, TagsError> {
        if tags.len() > NODE_TAGS_MAX {
            return Err(TagsError::Count(tags.len()));
        }
        match tags.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(TagsError::Order(pair[1].clone())),
            None => Ok(Self(tags)),
        }
    }
}

impl From<Tags> for Vec<Tag> {
    fn from(tags: Tags) -> Self {
        tags.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(texts: &[&str]) -> Vec<Tag> {
        texts.iter().map(|text| Tag::new(*text).unwrap()).collect()
    }

    #[test]
    fn a_tag_is_a_key_and_a_printable_value() {
        for text in
            ["country=ch", "a=b=c", &format!("{}={}", "k".repeat(32), "v".repeat(64)), "x-1=two words"]
        {
            assert_eq!(Tag::new(text).unwrap().as_str(), text);
        }
        let (long_key, long_value) = (format!("{}=v", "k".repeat(33)), format!("k={}", "v".repeat(65)));
        for text in
            ["", "country", "=ch", "country=", "Country=ch", "k_y=v", "k=\n", "k=é", &long_key, &long_value]
        {
            assert!(Tag::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn tags_are_put_in_order_and_come_in_order() {
        let ordered = Tags::new(tags(&["b=1", "a=2", "a=1", "b=1"])).unwrap();
        assert_eq!(&*ordered, &*tags(&["a=1", "a=2", "b=1"]));
        assert!(matches!(Tags::try_from(tags(&["b=1", "a=1"])), Err(TagsError::Order(_))));
        assert!(matches!(Tags::try_from(tags(&["a=1", "a=1"])), Err(TagsError::Order(_))));
        let many: Vec<_> = (0..17).map(|number| Tag::new(format!("k={number}")).unwrap()).collect();
        assert_eq!(Tags::new(many), Err(TagsError::Count(17)));
    }

    #[test]
    fn all_required_tags_must_be_there() {
        let node = Tags::new(tags(&["class=ssd", "country=ch"])).unwrap();
        assert!(node.satisfy(&[]));
        assert!(node.satisfy(&tags(&["country=ch", "class=ssd"])));
        assert!(!node.satisfy(&tags(&["country=ch", "class=hdd"])));
    }
}
