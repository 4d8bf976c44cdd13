//! The keys of an account in the roles that its index needs.

use chunker::{AccountSecret, ContentKey, Manifest, Salt};
use client::ObjectSecrets;
use protocol::SecretKey;

/// An account: the secret from which its keys follow.
#[derive(Debug, Clone)]
pub struct Account {
    secret: AccountSecret,
}

impl Account {
    /// The account with this secret.
    pub const fn new(secret: AccountSecret) -> Self {
        Self { secret }
    }

    /// The secret.
    pub const fn secret(&self) -> &AccountSecret {
        &self.secret
    }

    /// The key that signs the account's pointers.
    pub fn pointer_key(&self) -> SecretKey {
        SecretKey::from_bytes(self.secret.pointer_seed().expose())
    }

    /// Keys for one new object, which the account secret gives back.
    pub fn new_secrets(&self) -> ObjectSecrets {
        ObjectSecrets::new(&self.secret, Salt::from_bytes(rand::random()))
    }

    /// Keys for one new object whose content key nothing gives back.
    pub fn new_erasable_secrets(&self) -> ObjectSecrets {
        ObjectSecrets { content_key: ContentKey::from_bytes(rand::random()), ..self.new_secrets() }
    }

    /// The control key of the object with this manifest, if it is the account's.
    pub fn control_of(&self, manifest: &Manifest) -> Option<SecretKey> {
        let control = ObjectSecrets::new(&self.secret, manifest.salt()).control;
        (control.public().as_bytes() == manifest.control().as_bytes()).then_some(control)
    }
}
