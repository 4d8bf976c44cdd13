//! Who publishes: the keys of an account that publishing needs.

use chunker::{AccountSecret, FileMark, Salt};
use client::ObjectSecrets;
use protocol::{NetworkId, PublicKey, Record, SecretKey, Signed};

/// An account in the role of a creator.
#[derive(Debug)]
pub struct Creator {
    account: AccountSecret,
    key: SecretKey,
}

impl Creator {
    /// The creator that this account is.
    pub fn new(account: AccountSecret) -> Self {
        let key = SecretKey::from_bytes(account.creator_seed().expose());
        Self { account, key }
    }

    /// The creator key: by it, gateways admit what is published, and viewers know whose it is.
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// The key that pays for what is stored.
    pub fn payer(&self) -> SecretKey {
        SecretKey::from_bytes(self.account.payer_seed().expose())
    }

    /// A record in the creator's name.
    pub fn sign<T: Record>(&self, network: &NetworkId, body: T) -> Signed<T> {
        Signed::sign(&self.key, network, body)
    }

    /// What the file with this BLAKE3 hash is called in the creator's index when it is packaged in this way.
    pub(crate) fn mark(&self, hash: &[u8; 32], options: &[u8]) -> FileMark {
        self.account.index_key().mark(hash, options)
    }

    /// Keys for one new object.
    pub(crate) fn new_secrets(&self) -> ObjectSecrets {
        self.secrets(Salt::from_bytes(rand::random()))
    }

    /// Keys of the object with this salt.
    pub(crate) fn secrets(&self, salt: Salt) -> ObjectSecrets {
        ObjectSecrets::new(&self.account, salt)
    }
}
