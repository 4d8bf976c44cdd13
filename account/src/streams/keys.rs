//! All keys of a stream: they follow from the account and the stream's id.

use std::fmt;

use age::secrecy::ExposeSecret as _;
use age::x25519;
use bech32::{Bech32, Hrp};
use chunker::AccountSecret;
use protocol::{PublicKey, SecretKey};
use sharing::{LinkId, StreamToken};
use zeroize::Zeroizing;

/// What an age identity begins with, before it is written in upper case.
const IDENTITY_HRP: Hrp = Hrp::parse_unchecked("age-secret-key-");

/// The keys of one stream.
pub struct StreamKeys {
    id: LinkId,
    owner: SecretKey,
    device: SecretKey,
    token: StreamToken,
    pub(super) reading: x25519::Identity,
}

impl StreamKeys {
    /// The keys of the account's stream with this id.
    pub fn derive(account: &AccountSecret, id: LinkId) -> Self {
        let seed = id.as_bytes();
        let reading = account.stream_reading_key(seed);
        let text = bech32::encode_upper::<Bech32>(IDENTITY_HRP, reading.expose());
        let text = Zeroizing::new(text.expect("32 bytes are short enough"));
        Self {
            id,
            owner: SecretKey::from_bytes(account.share_key_seed(seed).expose()),
            device: SecretKey::from_bytes(account.stream_device_seed(seed).expose()),
            token: StreamToken::derive(account, id),
            reading: text.parse().expect("it was written as age writes it"),
        }
    }

    /// Which stream.
    pub const fn id(&self) -> LinkId {
        self.id
    }

    /// The key that signs the stream's records.
    pub const fn owner(&self) -> &SecretKey {
        &self.owner
    }

    /// The key that the device signs with.
    pub const fn device(&self) -> &SecretKey {
        &self.device
    }

    /// The key by which its batches are checked.
    pub fn device_key(&self) -> PublicKey {
        self.device.public()
    }

    /// What the device shows.
    pub const fn token(&self) -> &StreamToken {
        &self.token
    }

    /// For whom the device encrypts, as `age -r` takes it.
    pub fn recipient(&self) -> String {
        self.reading.to_public().to_string()
    }

    /// The identity with which `age -d -i` opens what the device sends: hand it to nothing that prints or keeps it.
    pub fn expose_identity(&self) -> Zeroizing<String> {
        Zeroizing::new(self.reading.to_string().expose_secret().to_owned())
    }
}

impl fmt::Debug for StreamKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamKeys({:?}, …)", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recipient was computed with Debian's age 1.1.1: `age-keygen -y` of the identity.
    #[test]
    fn they_are_what_age_takes_them_for() {
        let keys = StreamKeys::derive(&AccountSecret::from_bytes([1; 32]), LinkId::from_bytes([2; 32]));
        assert!(keys.expose_identity().starts_with("AGE-SECRET-KEY-1"));
        assert_eq!(keys.recipient(), "age1rmcx8krddg54c8kfg2cj626y6rvys9z9zax8rtc39nl9txm8vycswyp7p7");
        assert!(!format!("{keys:?}").contains(keys.expose_identity().as_str()));
    }
}
