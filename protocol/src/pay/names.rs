//! Names that records about payments refer to.

use crate::Digest;

/// Declares a name of so many bytes, whose text is hexadecimal digits.
#[macro_export]
macro_rules! name_of_bytes {
    ($(#[$docs:meta])* $name:ident, $len:literal) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
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

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), data_encoding::HEXLOWER.encode(&self.0[..4]))
            }
        }
    };
}

name_of_bytes! {
    /// The name of one grant: 16 bytes that follow from the request, so no request is granted twice.
    Serial, 16
}
name_of_bytes! {
    /// What a viewer is called in public, for one title and one epoch.
    Alias, 32
}
name_of_bytes! {
    /// The name of an agreement: the BLAKE3 hash of its encoding. Another version has another name.
    AgreementId, 32
}

impl From<Digest> for AgreementId {
    fn from(hash: Digest) -> Self {
        Self(*hash.as_bytes())
    }
}
