//! How many of something there are, in words.

/// `1 file`, `2 files`: of what is counted its name for one.
pub(crate) fn counted(count: u64, one: &str) -> String {
    match (count, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        _ if one.ends_with("ch") => format!("{count} {one}es"),
        _ => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        for (count, one, words) in [
            (0, "file", "0 files"),
            (1, "file", "1 file"),
            (2, "entry", "2 entries"),
            (3, "batch", "3 batches"),
        ] {
            assert_eq!(counted(count, one), words);
        }
    }
}
