//! The link of a grant, which stays the same whatever its version, and the keys of its owner that follow from its id.

use std::fmt;
use std::str::FromStr;

use chunker::AccountSecret;
use data_encoding::BASE64URL_NOPAD;
use protocol::{PublicKey, SecretKey, Slot, keys};
use zeroize::Zeroizing;

use super::delegation::is_delegation_slot;
use super::{GRANT_SLOT, HolderSecret};
use crate::LinkId;

const SCHEME: &str = "headwater-grant:";

/// Where the newest version of a grant is found, and what opens what its pointer says.
///
/// Written as `headwater-grant:` and 86 characters of base64url, or 87 where a grant was passed on. It opens the grant to nobody who is no
/// recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct GrantLink {
    pub(super) series: PublicKey,
    pub(super) secret: Zeroizing<[u8; 32]>,
    /// Which of the pointers of the key.
    pub(super) slot: Slot,
}

/// What an owner derives for one grant.
#[derive(Clone, Debug)]
pub struct GrantKeys {
    id: LinkId,
    pointer: SecretKey,
    link: GrantLink,
    holder: HolderSecret,
}

/// Why a text is no link of a grant. It does not repeat the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GrantLinkError {
    /// It begins otherwise.
    #[error("the link of a grant begins with {SCHEME}")]
    Scheme,
    /// What follows is not a key and a secret.
    #[error("the link of the grant is not 86 or 87 characters of base64url: was it cut off?")]
    Length,
    /// The first half is no public key.
    #[error("the link's key is no point of its curve")]
    Key,
    /// It names a pointer that no delegation has.
    #[error("the link names the pointer {slot}, which no delegation has")]
    Slot {
        /// The pointer.
        slot: Slot,
    },
}

impl GrantLink {
    /// Whether a text was meant as one.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The key that signs the pointers of the grant.
    pub const fn series(&self) -> PublicKey {
        self.series
    }

    /// Which of these pointers.
    pub const fn slot(&self) -> Slot {
        self.slot
    }
}

impl GrantKeys {
    /// The keys of the account's grant with this id, which is random.
    pub fn derive(account: &AccountSecret, id: LinkId) -> Self {
        let pointer = SecretKey::from_bytes(account.grant_pointer_seed(id.as_bytes()).expose());
        let secret = Zeroizing::new(*account.grant_link_secret(id.as_bytes()).expose());
        let link = GrantLink { series: pointer.public(), secret, slot: GRANT_SLOT };
        Self { id, pointer, link, holder: HolderSecret::of_owner(account, id) }
    }

    /// What its owner calls the grant.
    pub const fn id(&self) -> LinkId {
        self.id
    }

    /// The key that signs its pointers.
    pub const fn pointer(&self) -> &SecretKey {
        &self.pointer
    }

    /// From what the secrets of its recipients follow.
    pub const fn holder(&self) -> &HolderSecret {
        &self.holder
    }

    /// What its recipients are given.
    pub const fn link(&self) -> &GrantLink {
        &self.link
    }
}

impl FromStr for GrantLink {
    type Err = GrantLinkError;

    fn from_str(text: &str) -> Result<Self, GrantLinkError> {
        let text = text.strip_prefix(SCHEME).ok_or(GrantLinkError::Scheme)?;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| GrantLinkError::Length)?;
        let bytes = Zeroizing::new(bytes);
        let (series, secret) = bytes.split_first_chunk::<32>().ok_or(GrantLinkError::Length)?;
        let (secret, slot) = secret.split_first_chunk::<32>().ok_or(GrantLinkError::Length)?;
        let slot = match slot {
            [] => GRANT_SLOT,
            [number] => delegation_slot(*number)?,
            _ => return Err(GrantLinkError::Length),
        };
        let series = keys::from_bytes(series).map_err(|_| GrantLinkError::Key)?;
        Ok(Self { series, secret: Zeroizing::new(*secret), slot })
    }
}

fn delegation_slot(number: u8) -> Result<Slot, GrantLinkError> {
    let slot = Slot::new(u16::from(number));
    if is_delegation_slot(slot) { Ok(slot) } else { Err(GrantLinkError::Slot { slot }) }
}

impl fmt::Display for GrantLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = (self.slot != GRANT_SLOT).then(|| u8::try_from(self.slot.get()).expect("it is below 18"));
        let parts = [self.series.as_bytes().as_slice(), self.secret.as_slice(), slot.as_slice()];
        let bytes = Zeroizing::new(parts.concat());
        write!(f, "{SCHEME}{}", BASE64URL_NOPAD.encode(&bytes))
    }
}

impl fmt::Debug for GrantLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantLink({}…)", self.series.fmt_short())
    }
}
