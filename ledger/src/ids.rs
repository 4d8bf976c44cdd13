//! Names that entries and agreements refer to.

use proofs::canonical;
use protocol::{AgreementId, Alias, Digest, Epoch, PublicKey, Serial, name_of_bytes};
use serde::Serialize;

use crate::SessionRequest;

name_of_bytes! {
    /// The name of one deposit or budget among those of its signer: 16 bytes, chosen by the signer.
    PaymentId, 16
}
name_of_bytes! {
    /// Where a contract pays somebody: 20 bytes, as Ethereum writes them.
    PayoutAddress, 20
}
name_of_bytes! {
    /// Hides who a viewer is: 32 random bytes, drawn by the ledger for each viewer, title and epoch.
    Blind, 32
}

impl SessionRequest {
    /// The serial of the grant that this request of this viewer leads to.
    pub fn serial(&self, viewer: &PublicKey) -> Serial {
        let viewer = Digest::from_bytes(*viewer.as_bytes());
        let hash = viewer.followed_by("headwater v1 grant serial", &canonical::to_vec(self));
        Serial::from_bytes(hash.as_bytes()[..16].try_into().expect("16 of 32 bytes"))
    }
}

impl Blind {
    /// The alias that hides this viewer.
    pub fn alias(&self, viewer: &PublicKey, agreement: AgreementId, epoch: Epoch) -> Alias {
        let mut material = self.0.to_vec();
        material.extend_from_slice(viewer.as_bytes());
        material.extend_from_slice(agreement.as_bytes());
        material.extend_from_slice(&epoch.get().to_le_bytes());
        Alias::from_bytes(blake3::derive_key("headwater v1 viewer alias", &material))
    }
}

/// What other documents call this one.
pub(crate) fn digest_of<T: Serialize>(document: &T) -> Digest {
    Digest::of(&canonical::to_vec(document))
}
