//! The keys of a ledger: all follow from one secret (spec §25).

use std::fmt;

use ledger::Blind;
use ledger::tlog::{KeyKind, KeyName, VerifierKey};
use protocol::{AgreementId, Epoch, PublicKey, SecretKey};
use zeroize::{Zeroize, ZeroizeOnDrop};

const ISSUER_CONTEXT: &str = "headwater v1 ledger issuer";
const LOG_CONTEXT: &str = "headwater v1 ledger log";
const BLIND_CONTEXT: &str = "headwater v1 ledger blind";
const TOP_UP_CONTEXT: &str = "headwater v1 ledger top-up";
const VERIFIED_CONTEXT: &str = "headwater v1 ledger verified";

/// The secret of a ledger: 32 random bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct LedgerSecret([u8; 32]);

/// What a ledger signs and hides with.
#[derive(Clone)]
pub struct LedgerKeys {
    issuer: SecretKey,
    log: SecretKey,
    blind: LedgerSecret,
    top_up: LedgerSecret,
    verified: LedgerSecret,
    origin: KeyName,
}

impl LedgerSecret {
    /// The secret that these bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes: hand them to nothing that prints them.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn derive(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, &self.0)
    }
}

impl LedgerKeys {
    /// The keys that follow from this secret; the log has the name `origin`.
    pub fn new(secret: &LedgerSecret, origin: KeyName) -> Self {
        Self {
            issuer: SecretKey::from_bytes(&secret.derive(ISSUER_CONTEXT)),
            log: SecretKey::from_bytes(&secret.derive(LOG_CONTEXT)),
            blind: LedgerSecret(secret.derive(BLIND_CONTEXT)),
            top_up: LedgerSecret(secret.derive(TOP_UP_CONTEXT)),
            verified: LedgerSecret(secret.derive(VERIFIED_CONTEXT)),
            origin,
        }
    }

    /// Signs grants, promises and reversals.
    pub const fn issuer(&self) -> &SecretKey {
        &self.issuer
    }

    /// The name of the log.
    pub const fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// What checkpoints of the log are verified with.
    pub fn log(&self) -> VerifierKey {
        VerifierKey::new(self.origin.clone(), KeyKind::Plain, self.log.public())
    }

    pub(crate) const fn log_secret(&self) -> &SecretKey {
        &self.log
    }

    /// What a viewer is hidden by, for one title and epoch. Whoever has the secret finds it again.
    pub(crate) fn blind(&self, viewer: &PublicKey, agreement: AgreementId, epoch: Epoch) -> Blind {
        let mut hasher = blake3::Hasher::new_keyed(self.blind.expose());
        hasher.update(viewer.as_bytes());
        hasher.update(agreement.as_bytes());
        hasher.update(&epoch.get().to_le_bytes());
        Blind::from_bytes(*hasher.finalize().as_bytes())
    }

    /// Under what this ledger remembers what it has verified.
    pub(crate) fn mac(&self, bytes: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(self.verified.expose(), bytes)
    }

    pub(crate) const fn top_up(&self) -> &[u8; 32] {
        self.top_up.expose()
    }
}

impl fmt::Debug for LedgerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerSecret(…)")
    }
}

impl fmt::Debug for LedgerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerKeys({})", self.origin)
    }
}
