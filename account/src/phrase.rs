//! The account secret as words that can be written on paper (BIP-39).

use bip39::{Language, Mnemonic};
use chunker::AccountSecret;
use zeroize::Zeroizing;

/// Words of a phrase: 256 bits of secret and 8 of checksum.
pub const PHRASE_WORDS: usize = 24;

/// Why words are no account. None repeats a word: they are secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// More or fewer than 24.
    #[error("{found} words, a phrase has {PHRASE_WORDS}")]
    Count {
        /// Words found.
        found: usize,
    },
    /// A word that is not in the list.
    #[error("word {number} is not in the English word list of BIP-39")]
    Word {
        /// Which, from 1.
        number: usize,
    },
    /// All words are in the list, but do not belong together.
    #[error("the checksum of the phrase does not match: a word is wrong, or two are in the wrong order")]
    Checksum,
}

/// The phrase of an account: 24 words in lower case with a space between them.
pub fn to_phrase(secret: &AccountSecret) -> Zeroizing<String> {
    let words = Mnemonic::from_entropy_in(Language::English, secret.expose()).expect("32 bytes are 24 words");
    let mut phrase = Zeroizing::new(String::with_capacity(PHRASE_WORDS * 9));
    for word in words.words() {
        if !phrase.is_empty() {
            phrase.push(' ');
        }
        phrase.push_str(word);
    }
    phrase
}

/// The account with this phrase; white space and upper case make no difference.
pub fn from_phrase(text: &str) -> Result<AccountSecret, PhraseError> {
    let words: Vec<Zeroizing<String>> =
        text.split_whitespace().map(|word| Zeroizing::new(word.to_ascii_lowercase())).collect();
    if words.len() != PHRASE_WORDS {
        return Err(PhraseError::Count { found: words.len() });
    }
    if let Some(at) = words.iter().position(|word| Language::English.find_word(word).is_none()) {
        return Err(PhraseError::Word { number: at + 1 });
    }
    let joined = Zeroizing::new(words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" "));
    let words =
        Mnemonic::parse_in_normalized(Language::English, &joined).map_err(|_| PhraseError::Checksum)?;
    let (entropy, len) = words.to_entropy_array();
    let entropy = Zeroizing::new(entropy);
    let secret = entropy[..len].try_into().map_err(|_| PhraseError::Count { found: words.word_count() })?;
    Ok(AccountSecret::from_bytes(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of BIP-39 (English, 256 bits).
    const VECTORS: [(&str, &str); 3] = [
        (
            "0000000000000000000000000000000000000000000000000000000000000000",
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
             abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
        ),
        (
            "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
            "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth \
             useful legal winner thank year wave sausage worth title",
        ),
        (
            "8080808080808080808080808080808080808080808080808080808080808080",
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor \
             acoustic avoid letter advice cage absurd amount doctor acoustic bless",
        ),
    ];

    fn secret(hex: &str) -> AccountSecret {
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        AccountSecret::from_bytes(bytes.try_into().unwrap())
    }

    #[test]
    fn phrases_are_those_of_the_standard() {
        for (hex, phrase) in VECTORS {
            assert_eq!(to_phrase(&secret(hex)).as_str(), phrase);
            assert_eq!(
                from_phrase(&format!("  {}\n", phrase.to_uppercase().replace(' ', "\n "))),
                Ok(secret(hex))
            );
        }
    }

    #[test]
    fn wrong_words_are_named_by_their_number() {
        let phrase = VECTORS[1].1;
        assert_eq!(from_phrase(""), Err(PhraseError::Count { found: 0 }));
        assert_eq!(from_phrase(&format!("{phrase} legal")), Err(PhraseError::Count { found: 25 }));
        assert_eq!(from_phrase(&phrase.replacen("winner", "winer", 1)), Err(PhraseError::Word { number: 2 }));
        assert_eq!(
            from_phrase(&phrase.replacen("legal winner", "winner legal", 1)),
            Err(PhraseError::Checksum)
        );
        assert_eq!(from_phrase(&phrase.replacen("title", "zoo", 1)), Err(PhraseError::Checksum));
        let error = from_phrase(&phrase.replacen("winner", "hunter2", 1)).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
