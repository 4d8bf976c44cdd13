//! How a secret becomes a type of its own, here and in the crates above.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// Declares 32 secret bytes as a type: wiped on drop, compared in constant time, never printed.
#[macro_export]
macro_rules! secret {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The secret that these bytes are.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The secret itself: hand it to nothing that prints or keeps it.
            pub const fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                $crate::is_same_secret(&self.0, &other.0)
            }
        }

        impl Eq for $name {}

        impl Drop for $name {
            fn drop(&mut self) {
                $crate::wipe_secret(&mut self.0);
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

/// Whether two secrets are the same, in a time that does not depend on where they differ: for [`secret!`](crate::secret).
#[doc(hidden)]
pub fn is_same_secret(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.ct_eq(other).into()
}

/// Overwrites a secret: for [`secret!`](crate::secret).
#[doc(hidden)]
pub fn wipe_secret(bytes: &mut [u8; 32]) {
    bytes.zeroize();
}
