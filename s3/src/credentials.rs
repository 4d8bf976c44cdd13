//! What clients sign their requests with: it follows from the account, so that it is the same wherever the account is.

use std::fmt;

use account::Account;
use data_encoding::BASE32_NOPAD;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};
use zeroize::Zeroizing;

/// Bytes of the seed that the access key shows; the secret has the others.
const ACCESS_LEN: usize = 10;

/// An access key, and the secret that belongs to it.
#[derive(Clone)]
pub struct Credentials {
    access_key: String,
    secret_key: Zeroizing<String>,
}

impl Credentials {
    /// Those of an account.
    pub fn of(account: &Account) -> Self {
        let seed = account.secret().s3_seed();
        let (access, secret) = seed.expose().split_at(ACCESS_LEN);
        Self {
            access_key: format!("HW{}", BASE32_NOPAD.encode(access)),
            // An alphabet without a dash: programs take what begins with one for a flag.
            secret_key: Zeroizing::new(BASE32_NOPAD.encode(secret)),
        }
    }

    /// Who signs: 18 characters, no secret.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// What with: 36 characters, as good as the files themselves.
    pub fn expose_secret_key(&self) -> &str {
        &self.secret_key
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.access_key)
    }
}

#[async_trait::async_trait]
impl S3Auth for Credentials {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            Ok(SecretKey::from(self.secret_key.as_str()))
        } else {
            Err(s3_error!(InvalidAccessKeyId, "this access key is not the account's"))
        }
    }
}

#[cfg(test)]
mod tests {
    use chunker::AccountSecret;

    use super::*;

    #[test]
    fn each_account_has_its_own_and_the_secret_is_not_shown() {
        let of = |byte| Credentials::of(&Account::new(AccountSecret::from_bytes([byte; 32])));
        let (one, other) = (of(1), of(2));
        assert_eq!((one.access_key().len(), one.expose_secret_key().len()), (18, 36));
        assert_ne!(one.access_key(), other.access_key());
        assert_ne!(one.expose_secret_key(), other.expose_secret_key());
        assert!(!format!("{one:?}").contains(one.expose_secret_key()));
    }

    #[test]
    fn keys_are_letters_and_digits() {
        for byte in 0..=255 {
            let keys = Credentials::of(&Account::new(AccountSecret::from_bytes([byte; 32])));
            let both = [keys.access_key(), keys.expose_secret_key()];
            assert!(both.iter().all(|key| key.bytes().all(|b| b.is_ascii_alphanumeric())), "{byte}");
        }
    }
}
