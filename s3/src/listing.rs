//! Which keys a page of a listing has: prefix, delimiter, and where to go on. Pure.

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Query<'a> {
    /// Only keys that begin with it.
    pub(crate) prefix: &'a str,
    /// Keys that have it after the prefix are shown together, as what they have up to it; empty: none.
    pub(crate) delimiter: &'a str,
    /// Where the page before ended.
    pub(crate) after: After<'a>,
    /// Most lines of the page.
    pub(crate) max: usize,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After<'a> {
    /// With the first key that is greater.
    Key(&'a str),
    /// With the first key that is greater than all that begin so.
    Prefix(&'a str),
}

/// One line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line<T> {
    /// A key and what it stands for.
    Key(String, T),
    /// What several keys have in common.
    Prefix(String),
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// In the order of keys and prefixes, byte by byte.
    pub(crate) lines: Vec<Line<T>>,
    /// Whether more follows.
    pub(crate) is_truncated: bool,
}

/// The page that a query asks for. `first_from` gives the first key that is not less than a text; each line asks for one.
pub(crate) fn list<T>(first_from: impl Fn(&str) -> Option<(String, T)>, query: &Query<'_>) -> Page<T> {
    let mut lines = Vec::new();
    let mut cursor = start(query);
    while let Some(from) = cursor.filter(|_| query.max > 0) {
        let found = first_from(&from).filter(|(key, _)| key.starts_with(query.prefix));
        let Some((key, what)) = found else { break };
        if lines.len() == query.max {
            return Page { lines, is_truncated: true };
        }
        if let Some(common) = common_prefix(&key, query) {
            cursor = after_all_of(common);
            lines.push(Line::Prefix(common.to_owned()));
        } else {
            cursor = Some(after_key(&key));
            lines.push(Line::Key(key, what));
        }
    }
    Page { lines, is_truncated: false }
}

impl<T> Page<T> {
    /// Where the next page begins, if there is one.
    pub(crate) fn next(&self) -> Option<After<'_>> {
        self.lines.last().filter(|_| self.is_truncated).map(|line| match line {
            Line::Key(key, _) => After::Key(key),
            Line::Prefix(prefix) => After::Prefix(prefix),
        })
    }
}

fn start(query: &Query<'_>) -> Option<String> {
    let after = match query.after {
        After::Key("") => Some(String::new()),
        After::Key(key) => Some(after_key(key)),
        After::Prefix(prefix) => after_all_of(prefix),
    };
    after.map(|after| after.max(query.prefix.to_owned()))
}

/// The key up to the first delimiter after the prefix, that included.
fn common_prefix<'k>(key: &'k str, query: &Query<'_>) -> Option<&'k str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let found = key[query.prefix.len()..].find(query.delimiter)?;
    Some(&key[..query.prefix.len() + found + query.delimiter.len()])
}

/// The least text that is greater than `key`.
fn after_key(key: &str) -> String {
    format!("{key}\0")
}

/// The least text that is greater than all that begin with `prefix`; none when all texts that follow begin so.
fn after_all_of(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // The successor of a character is the next one; surrogates are none, and UTF-8 keeps the order of characters.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::Range;

    use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    /// The same by looking at every key.
    fn naive(keys: &BTreeSet<String>, query: &Query<'_>) -> Vec<Line<()>> {
        let mut lines = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(query.prefix)) {
            let is_before = match query.after {
                After::Key(after) => !after.is_empty() && key.as_str() <= after,
                After::Prefix(after) => key.as_str() < after || key.starts_with(after),
            };
            if is_before {
                continue;
            }
            let rest = &key[query.prefix.len()..];
            let line = match rest.find(query.delimiter).filter(|_| !query.delimiter.is_empty()) {
                Some(at) => Line::Prefix(format!("{}{}", query.prefix, &rest[..at + query.delimiter.len()])),
                None => Line::Key(key.clone(), ()),
            };
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        lines
    }

    fn first_from(keys: &BTreeSet<String>, from: &str) -> Option<(String, ())> {
        keys.range(from.to_owned()..).next().map(|key| (key.clone(), ()))
    }

    /// Short texts of few characters, so that prefixes and delimiters meet; among them the last character there is, and
    /// the last one before the surrogates.
    fn text(len: Range<usize>) -> impl Strategy<Value = String> {
        let characters = prop::sample::select(vec!['a', 'b', '/', 'ü', '\u{d7ff}', char::MAX]);
        prop::collection::vec(characters, len).prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn pages_together_are_what_a_look_at_all_keys_gives(
            keys in prop::collection::btree_set(text(1..6), 0..30), prefix in text(0..3), delimiter in text(0..3),
            after in text(0..4), after_prefix in prop::bool::ANY, max in 1..5_usize,
        ) {
            let after = if after_prefix && !after.is_empty() { After::Prefix(&after) } else { After::Key(&after) };
            let mut query = Query { prefix: &prefix, delimiter: &delimiter, after, max };
            let expected = naive(&keys, &query);
            let mut lines = Vec::new();
            let mut page;
            loop {
                page = list(|from| first_from(&keys, from), &query);
                prop_assert!(page.lines.len() <= max);
                prop_assert!(!page.is_truncated || page.lines.len() == max);
                lines.extend(page.lines.clone());
                let Some(next) = page.next() else { break };
                // Whoever asks for the next page sends the text back.
                query.after = match next {
                    After::Key(key) => After::Key(key.to_owned().leak()),
                    After::Prefix(prefix) => After::Prefix(prefix.to_owned().leak()),
                };
            }
            prop_assert_eq!(lines, expected);
        }
    }

    #[test]
    fn no_lines_are_no_page_that_is_cut_off() {
        let keys = BTreeSet::from(["a".to_owned()]);
        let query = Query { prefix: "", delimiter: "", after: After::Key(""), max: 0 };
        let page = list(|from| first_from(&keys, from), &query);
        assert_eq!(page, Page { lines: vec![], is_truncated: false });
    }
}
