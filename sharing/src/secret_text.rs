//! Secrets that are shown: to a gateway, as text.

/// Declares 32 secret bytes, as [`chunker::secret`] does, that are written as base64url where they have to be handed over.
macro_rules! secret_text {
    ($(#[$docs:meta])* $name:ident) => {
        ::chunker::secret! {
            $(#[$docs])*
            $name
        }

        impl $name {
            /// The secret in base64url without padding; `None` for any other text.
            pub fn from_text(text: &str) -> Option<Self> {
                let bytes = ::zeroize::Zeroizing::new(::data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
                bytes.as_slice().try_into().ok().map(Self)
            }

            /// The secret in base64url without padding: hand it to nothing that prints or keeps it.
            pub fn expose_text(&self) -> ::zeroize::Zeroizing<String> {
                ::zeroize::Zeroizing::new(::data_encoding::BASE64URL_NOPAD.encode(&self.0))
            }

            /// Its BLAKE3 hash, which a record can name.
            pub fn digest(&self) -> ::protocol::Digest {
                ::protocol::Digest::of(&self.0)
            }

            /// Whether its BLAKE3 hash is this one. Takes the same time wherever they differ.
            pub fn has_digest(&self, digest: &::protocol::Digest) -> bool {
                ::subtle::ConstantTimeEq::ct_eq(&self.digest().as_bytes()[..], &digest.as_bytes()[..]).into()
            }
        }
    };
}
