//! What a recipient holds of a grant besides its key: the secret by which they show that it was given to them.

use std::fmt;

use chunker::AccountSecret;
use protocol::{PublicKey, SecretKey, Slot};
use zeroize::Zeroizing;

use super::GrantLink;
use crate::{ContentHash, LinkId};

const HOLDER_CONTEXT: &str = "headwater v1 grant holder";
const KEY_CONTEXT: &str = "headwater v1 grant holder key";
const LINK_CONTEXT: &str = "headwater v1 delegation link";
const NOTE_CONTEXT: &str = "headwater v1 delegation note";

/// A secret that the giver of a grant and one of its recipients share: whoever has it can find all that follows from those below.
#[derive(Clone, PartialEq, Eq)]
pub struct HolderSecret(Zeroizing<[u8; 32]>);

/// Where a recipient says what they have passed on.
#[derive(Clone, Debug)]
pub struct DelegationKeys {
    pointer: SecretKey,
    link: GrantLink,
}

impl HolderSecret {
    /// That of the owner, in the account's grant with this id.
    pub(super) fn of_owner(account: &AccountSecret, id: LinkId) -> Self {
        Self::from_bytes(*account.grant_holder_seed(id.as_bytes()).expose())
    }

    pub(super) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// That of a recipient to whom this holder has given by this pointer, by the key that signs for them.
    #[must_use]
    pub fn of_recipient(&self, slot: Slot, signs: PublicKey) -> Self {
        Self(self.derive(HOLDER_CONTEXT, &[&slot.get().to_le_bytes(), signs.as_bytes()]))
    }

    /// By what they show, to whoever knows that it is theirs and to nobody else, that they are one of the recipients. It signs the pointers
    /// of what they pass on.
    pub fn key(&self) -> SecretKey {
        SecretKey::from_bytes(&self.derive(KEY_CONTEXT, &[]))
    }

    /// The keys of what they have passed on by this pointer.
    pub fn delegation(&self, slot: Slot) -> DelegationKeys {
        let pointer = self.key();
        let secret = self.derive(LINK_CONTEXT, &[&slot.get().to_le_bytes()]);
        DelegationKeys { link: GrantLink { series: pointer.public(), secret, slot }, pointer }
    }

    /// The key of their note in what they have passed on with these sealed contents.
    pub(super) fn note_key(&self, about: &ContentHash) -> Zeroizing<[u8; 32]> {
        self.derive(NOTE_CONTEXT, &[about.as_bytes()])
    }

    fn derive(&self, context: &str, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(self.0.as_slice());
        for part in parts {
            hasher.update(part);
        }
        Zeroizing::new(*hasher.finalize().as_bytes())
    }
}

impl DelegationKeys {
    /// The key that signs the pointers.
    pub const fn pointer(&self) -> &SecretKey {
        &self.pointer
    }

    /// What those to whom it was passed on are given.
    pub const fn link(&self) -> &GrantLink {
        &self.link
    }
}

impl fmt::Debug for HolderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HolderSecret(…)")
    }
}
