//! Tags that a node must have in its record to be given a part of an object (spec §8).

/// Most tags that a manifest may require.
pub const REQUIRED_TAGS_MAX: usize = 8;
/// Longest tags that a manifest may require, in bytes together.
pub const REQUIRED_TAGS_LEN_MAX: usize = 200;
/// Longest key of a tag, in bytes, and longest value (spec §11).
const KEY_LEN_MAX: usize = 32;
const VALUE_LEN_MAX: usize = 64;

/// Up to eight different tags `key=value`, in the order of their bytes; usually none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredTags(Vec<String>);

/// Why tags cannot be required.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum RequiredTagsError {
    #[error("{0} required tags, 1 to {REQUIRED_TAGS_MAX} are possible")]
    Count(usize),
    #[error("required tags of {0} bytes together, at most {REQUIRED_TAGS_LEN_MAX} are possible")]
    Length(usize),
    #[error("required tag {0:?} is not key=value, as in the record of a node")]
    Tag(String),
    #[error("required tag {0:?} does not stand in the order of bytes, or twice")]
    Order(String),
}

impl RequiredTags {
    /// These tags, put in order; one that is named twice counts once. None at all are possible.
    pub fn new(mut tags: Vec<String>) -> Result<Self, RequiredTagsError> {
        tags.sort_unstable();
        tags.dedup();
        if tags.is_empty() { Ok(Self::default()) } else { Self::in_order(tags) }
    }

    /// Tags as they stand in a manifest: at least one, each after the one before.
    pub(crate) fn in_order(tags: Vec<String>) -> Result<Self, RequiredTagsError> {
        if tags.is_empty() || tags.len() > REQUIRED_TAGS_MAX {
            return Err(RequiredTagsError::Count(tags.len()));
        }
        let len = tags.iter().map(String::len).sum();
        if len > REQUIRED_TAGS_LEN_MAX {
            return Err(RequiredTagsError::Length(len));
        }
        if let Some(tag) = tags.iter().find(|tag| !is_tag(tag)) {
            return Err(RequiredTagsError::Tag(tag.clone()));
        }
        match tags.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => Err(RequiredTagsError::Order(pair[1].clone())),
            None => Ok(Self(tags)),
        }
    }

    /// The tags in the order of their bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.0.iter().map(String::as_str)
    }

    /// True when any node will do.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As they stand in a manifest; `None` when there are none.
    pub(crate) fn to_field(&self) -> Option<Vec<String>> {
        (!self.is_empty()).then(|| self.0.clone())
    }
}

fn is_tag(text: &str) -> bool {
    let is_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.split_once('=').is_some_and(|(key, value)| {
        (1..=KEY_LEN_MAX).contains(&key.len())
            && key.bytes().all(is_key)
            && (1..=VALUE_LEN_MAX).contains(&value.len())
            && value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tags: &[&str]) -> Vec<String> {
        tags.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn tags_are_put_in_order_and_counted_once() {
        let tags = RequiredTags::new(texts(&["country=DE", "class=ssd", "country=DE"])).unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), ["class=ssd", "country=DE"]);
        assert!(RequiredTags::new(Vec::new()).unwrap().is_empty());
        assert!(RequiredTags::in_order(Vec::new()).is_err());
    }

    #[test]
    fn what_is_no_tag_or_too_much_is_refused() {
        let long = format!("key={}", "v".repeat(65));
        for tag in ["country", "=DE", "country=", "Country=DE", "country=D\u{e9}", "a b=c", &long] {
            assert_eq!(RequiredTags::new(texts(&[tag])), Err(RequiredTagsError::Tag(tag.to_owned())));
        }
        let many = |count: usize| (0..count).map(|number| format!("n={number}")).collect();
        assert!(RequiredTags::new(many(REQUIRED_TAGS_MAX)).is_ok());
        assert_eq!(RequiredTags::new(many(9)), Err(RequiredTagsError::Count(9)));
        let heavy = (0..4).map(|number| format!("n{number}={}", "v".repeat(60))).collect();
        assert_eq!(RequiredTags::new(heavy), Err(RequiredTagsError::Length(252)));
    }
}
