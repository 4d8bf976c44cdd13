//! Why a secret is not split, or does not come back. No error repeats a word: they are secrets.

use super::cipher::EXPONENT_MAX;
use super::share::RECOVERY_SHARE_WORDS;
use super::split::{RECOVERY_SHARES_MAX, RECOVERY_SHARES_MIN};

/// Why a text is no share of an account's secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum RecoveryShareError {
    #[error("{found} words, a share has {RECOVERY_SHARE_WORDS}")]
    Count { found: usize },
    #[error("word {number} is not in the word list of SLIP-0039")]
    Word { number: usize },
    #[error("the checksum of the share does not match: a word is wrong, or two are in the wrong order")]
    Checksum,
    #[error("the share belongs to {groups} groups of shares, one is supported")]
    Groups { groups: u8 },
    #[error("the share asks for 2^{exponent} times the usual work, at most 2^{EXPONENT_MAX} is done")]
    Work { exponent: u8 },
    #[error("the share holds more than 32 bytes")]
    Padding,
}

/// Why a secret cannot be split so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{need} of {of} shares: {RECOVERY_SHARES_MIN} to {RECOVERY_SHARES_MAX} are allowed, and not more can be needed than there are"
)]
#[expect(missing_docs, reason = "the message explains the fields")]
pub struct SplitSecretError {
    pub need: usize,
    pub of: usize,
}

/// Why shares do not bring a secret back. Shares are numbered from 1 in the order in which they were handed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum JoinSharesError {
    #[error("no shares")]
    None,
    #[error("{found} shares, {need} are needed")]
    TooFew { found: usize, need: usize },
    #[error("share {number} is not of the same splitting as share 1")]
    Mixed { number: usize },
    #[error("shares {first} and {second} are the same one of the {need} that are needed")]
    Twice { first: usize, second: usize, need: usize },
    #[error("the shares do not fit together: one of them was changed, or comes from another splitting")]
    Digest,
}
