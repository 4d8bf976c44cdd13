//! An account's secret in N shares of words, of which any M bring it back (spec §31, SLIP-0039).

mod checksum;
mod cipher;
mod error;
mod field;
mod join;
mod points;
mod share;
mod split;
mod words;

pub use error::{JoinSharesError, RecoveryShareError, SplitSecretError};
pub use join::join_secret;
pub use share::{RECOVERY_SHARE_WORDS, RecoveryShare};
pub use split::{RECOVERY_SHARES_MAX, RECOVERY_SHARES_MIN, split_secret};
