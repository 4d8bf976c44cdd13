//! Who reads a file of age.

use std::fmt;
use std::str::FromStr;

use age::x25519;
use bech32::{Bech32, Hrp};
use chunker::AccountSecret;
use zeroize::Zeroizing;

const SECRET_PREFIX: Hrp = Hrp::parse_unchecked("age-secret-key-");

/// An account as age knows it: an X25519 key that follows from its secret.
pub struct AgeIdentity {
    pub(super) key: x25519::Identity,
    /// As age writes it.
    text: Zeroizing<String>,
}

/// Somebody for whom a file of age can be.
#[derive(Clone)]
pub struct AgeRecipient(pub(super) x25519::Recipient);

/// Why a text is no recipient.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "a recipient of age is age1 and 58 characters; those of plugins, of ssh and with other keys are not supported"
)]
pub struct AgeRecipientError;

impl AgeIdentity {
    /// The one of an account.
    pub fn of(account: &AccountSecret) -> Self {
        let text = bech32::encode_upper::<Bech32>(SECRET_PREFIX, account.age_seed().expose());
        let text = Zeroizing::new(text.expect("32 bytes are not too many"));
        let key = text.parse().expect("any 32 bytes are a key of X25519");
        Self { key, text }
    }

    /// What others encrypt to: `age1…`.
    pub fn recipient(&self) -> String {
        self.key.to_public().to_string()
    }

    /// An identity file of age, with the secret key: hand it to nothing that prints it, or keeps it where others read it.
    pub fn expose_file(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("# public key: {}\n{}\n", self.recipient(), *self.text))
    }
}

impl FromStr for AgeRecipient {
    type Err = AgeRecipientError;

    fn from_str(text: &str) -> Result<Self, AgeRecipientError> {
        text.parse().map(Self).map_err(|_| AgeRecipientError)
    }
}

impl fmt::Debug for AgeRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgeRecipient({})", self.0)
    }
}

impl fmt::Debug for AgeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgeIdentity({})", self.recipient())
    }
}
