//! What follows from id, secret and passcode: one key to wrap with, and two tokens to show.

use std::fmt;

use hkdf::Hkdf;
use proofs::Cid;
use protocol::Digest;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Passcode;
use crate::LinkId;

const KNOCK_INFO: &[u8] = b"headwater/1 share knock";
const KEYS_INFO: &[u8] = b"headwater/1 share";
const LEN: usize = 32;

secret_text! {
    /// What stands in a link behind `#`.
    ShareSecret
}
secret_text! {
    /// Shows that one has the link: a gateway counts no attempt without it.
    Knock
}
secret_text! {
    /// Shows that one has link and passcode: a gateway hands out what is wrapped for it.
    AccessToken
}
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
