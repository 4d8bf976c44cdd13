//! What follows from id, secret and passcode: one key to wrap with, and two tokens to show.

use std::fmt;

use chunker::secret;
use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use proofs::Cid;
use protocol::Digest;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::Passcode;
use crate::LinkId;

const KNOCK_INFO: &[u8] = b"headwater/1 share knock";
const KEYS_INFO: &[u8] = b"headwater/1 share";
const LEN: usize = 32;

secret! {
    /// What stands in a link behind `#`.
    ShareSecret
}
secret! {
    /// Shows that one has the link: a gateway counts no attempt without it.
    Knock
}
secret! {
    /// Shows that one has link and passcode: a gateway hands out what is wrapped for it.
    AccessToken
}

/// How a secret of a share is handed over, as base64url, and known again by whoever has its hash.
macro_rules! handed_over {
    ($name:ident) => {
        impl $name {
            /// The secret in base64url without padding; `None` for any other text.
            pub fn from_text(text: &str) -> Option<Self> {
                let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
                bytes.as_slice().try_into().ok().map(Self)
            }

            /// The secret in base64url without padding: hand it to nothing that prints or keeps it.
            pub fn expose_text(&self) -> Zeroizing<String> {
                Zeroizing::new(BASE64URL_NOPAD.encode(&self.0))
            }

            /// Its BLAKE3 hash, which a record can name.
            pub fn digest(&self) -> Digest {
                Digest::of(&self.0)
            }

            /// Whether its BLAKE3 hash is this one. Takes the same time wherever they differ.
            pub fn has_digest(&self, digest: &Digest) -> bool {
                self.digest().as_bytes().ct_eq(digest.as_bytes()).into()
            }
        }
    };
}

handed_over!(ShareSecret);
handed_over!(Knock);
handed_over!(AccessToken);

/// All that follows from a link and its passcode.
#[derive(Clone)]
pub struct ShareKeys {
    id: LinkId,
    knock: Knock,
    /// Seals what is wrapped; for one message only.
    wrap: Zeroizing<[u8; LEN]>,
    access: AccessToken,
}

impl ShareKeys {
    /// What follows from these; with a passcode it takes 64 MiB and about 0.2 s.
    pub fn derive(id: LinkId, secret: &ShareSecret, passcode: Option<&Passcode>) -> Self {
        let mut ikm = Zeroizing::new(Vec::with_capacity(2 * LEN));
        ikm.extend_from_slice(&secret.0);
        if let Some(passcode) = passcode {
            ikm.extend_from_slice(passcode.stretch(&id).as_slice());
        }
        let okm = expand::<{ 2 * LEN }>(&ikm, &id, KEYS_INFO);
        let (wrap, access) = okm.split_first_chunk::<LEN>().expect("there are 64 bytes");
        Self {
            id,
            knock: Knock(*expand::<LEN>(&secret.0, &id, KNOCK_INFO)),
            wrap: Zeroizing::new(*wrap),
            access: AccessToken(access.try_into().expect("there are 64 bytes")),
        }
    }

    /// The share that they are for.
    pub const fn id(&self) -> LinkId {
        self.id
    }

    /// What is shown first.
    pub const fn knock(&self) -> &Knock {
        &self.knock
    }

    /// What is shown for what is wrapped.
    pub const fn access(&self) -> &AccessToken {
        &self.access
    }

    pub(super) fn wrap_key(&self) -> &[u8; LEN] {
        &self.wrap
    }
}

impl fmt::Debug for ShareKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShareKeys({}, …)", self.id)
    }
}

impl AccessToken {
    /// `BLAKE3(access token ‖ CID)`: by it a gateway knows an object of the share when it is asked for it, and not before.
    pub fn tag(&self, object: &Cid) -> Digest {
        let bytes = Zeroizing::new([self.0.as_slice(), &object.to_bytes()].concat());
        Digest::of(&bytes)
    }
}

fn expand<const N: usize>(ikm: &[u8], id: &LinkId, info: &[u8]) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(Some(id.as_bytes()), ikm)
        .expand(info, out.as_mut_slice())
        .expect("64 bytes are less than the 255 blocks that HKDF gives");
    out
}
