//! The operator's token: what a request shows in `Authorization: Bearer …`.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// Shortest token, in bytes: 128 bits in hexadecimal.
pub const OPERATOR_TOKEN_LEN_MIN: usize = 32;

/// A token, of which only a hash is kept.
#[derive(Clone)]
pub struct OperatorToken(blake3::Hash);

/// A token is too short to be a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an operator's token of {len} bytes, at least {OPERATOR_TOKEN_LEN_MIN} are wanted")]
pub struct OperatorTokenError {
    len: usize,
}

impl OperatorToken {
    /// The token with this text.
    pub fn new(text: &str) -> Result<Self, OperatorTokenError> {
        let len = text.len();
        if len < OPERATOR_TOKEN_LEN_MIN { Err(OperatorTokenError { len }) } else { Ok(Self(hash(text))) }
    }

    /// Whether this header field shows it, in the same time wherever it differs.
    pub(crate) fn is_shown_in(&self, authorization: &str) -> bool {
        let shown = authorization.strip_prefix("Bearer ").unwrap_or_default();
        hash(shown).as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

fn hash(text: &str) -> blake3::Hash {
    blake3::hash(text.as_bytes())
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OperatorToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_let_in() {
        let text = "0123456789abcdef0123456789abcdef";
        let token = OperatorToken::new(text).unwrap();
        assert!(token.is_shown_in(&format!("Bearer {text}")));
        for other in ["", "Bearer ", text, &format!("bearer {text}"), &format!("Bearer {text} ")] {
            assert!(!token.is_shown_in(other), "{other:?}");
        }
        assert!(OperatorToken::new(&text[1..]).is_err());
    }
}
