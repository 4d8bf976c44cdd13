//! The 1024 words of SLIP-0039, in the order of the alphabet.

use std::sync::LazyLock;

static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("words.txt").lines().collect());

/// The word of a number below 1024.
pub(super) fn word(number: u16) -> &'static str {
    WORDS[usize::from(number)]
}

/// The number of a word in lower case.
pub(super) fn number(word: &str) -> Option<u16> {
    let number = WORDS.binary_search(&word).ok()?;
    Some(u16::try_from(number).expect("there are 1024 words"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_its_words_differ_in_four_letters() {
        assert_eq!(WORDS.len(), 1024);
        assert!(WORDS.windows(2).all(|pair| pair[0][..4] < pair[1][..4]));
        assert!((0..1024).all(|at| number(word(at)) == Some(at)));
    }
}
