//! Names and numbers that records and entries refer to.

use std::fmt;

use data_encoding::HEXLOWER;
use proofs::canonical;
use protocol::{Digest, PublicKey};
use serde::{Deserialize, Serialize};

use crate::{AgreementId, SessionRequest};

/// Declares a name of so many bytes, chosen by whoever gives it.
macro_rules! name_of_bytes {
    ($(#[$docs:meta])* $name:ident, $len:literal) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "serde_bytes")] [u8; $len]);

        impl $name {
            /// The one with these bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), HEXLOWER.encode(&self.0[..4]))
            }
        }
    };
}

name_of_bytes! {
    /// The name of one grant: 16 bytes that follow from the request, so no request is granted twice.
    Serial, 16
}
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
name_of_bytes! {
    /// What a viewer is called in public, for one title and one epoch.
    Alias, 32
}

impl Serial {
    /// The serial of the grant that this request of this viewer leads to.
    pub fn of(viewer: &PublicKey, request: &SessionRequest) -> Self {
        let hash = link(
            "headwater v1 grant serial",
            &Digest::from_bytes(*viewer.as_bytes()),
            &canonical::to_vec(request),
        );
        Self(hash.as_bytes()[..16].try_into().expect("16 of 32 bytes"))
    }
}

impl Alias {
    /// The alias that hides this viewer behind `blind`.
    pub fn of(blind: &Blind, viewer: &PublicKey, agreement: AgreementId, epoch: Epoch) -> Self {
        let mut material = blind.0.to_vec();
        material.extend_from_slice(viewer.as_bytes());
        material.extend_from_slice(agreement.as_bytes());
        material.extend_from_slice(&epoch.0.to_le_bytes());
        Self(blake3::derive_key("headwater v1 viewer alias", &material))
    }
}

/// A stretch of time that is settled at once, numbered from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which of a gateway's lanes to a node: each is counted for itself, so several processes can sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneNumber(u32);

impl LaneNumber {
    /// The lane with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// Which stream of a grant: each tab, each connection after a break, counts for itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct StreamNumber(u8);

/// Most streams of one grant.
pub const STREAMS_MAX: u8 = 16;

/// No stream has this number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("stream {0}, they are numbered below {STREAMS_MAX}")]
pub struct StreamNumberError(u8);

impl TryFrom<u8> for StreamNumber {
    type Error = StreamNumberError;

    fn try_from(number: u8) -> Result<Self, StreamNumberError> {
        if number < STREAMS_MAX { Ok(Self(number)) } else { Err(StreamNumberError(number)) }
    }
}

impl From<StreamNumber> for u8 {
    fn from(stream: StreamNumber) -> Self {
        stream.0
    }
}

/// The segments that were delivered, as one hash: each is added to what came before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// How many segments.
    pub count: u64,
    /// The hash over their hashes.
    pub hash: Digest,
}

impl Delivered {
    /// No segment.
    pub const NOTHING: Self = Self { count: 0, hash: Digest::from_bytes([0; 32]) };

    /// And one more, whose BLAKE3 hash is `segment`.
    #[must_use]
    pub fn and(self, segment: &[u8; 32]) -> Self {
        Self {
            count: self.count.saturating_add(1),
            hash: link("headwater v1 delivered", &self.hash, segment),
        }
    }
}

/// `BLAKE3-derive(context, before ‖ bytes)`: the next link of a hash chain.
pub(crate) fn link(context: &str, before: &Digest, bytes: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(before.as_bytes()).update(bytes);
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

/// What other documents call this one.
pub(crate) fn digest_of<T: Serialize>(document: &T) -> Digest {
    Digest::of(&canonical::to_vec(document))
}
