//! Links of sealed shares, as text.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::ShareSecret;
use crate::LinkId;

const PATH: &str = "/s/";
const WITH_PASSCODE: &str = ".p";
/// Characters of the name of a host (RFC 1035).
const HOST_LEN_MAX: usize = 253;

/// Everything that a reader needs but the passcode. Its `Debug` leaves the secret out, its `Display` is the link.
#[derive(Clone, PartialEq, Eq)]
pub struct ShareLink {
    origin: String,
    id: LinkId,
    secret: ShareSecret,
    has_passcode: bool,
}

/// Why a text is no link of a share. It says nothing of what stands in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShareLinkError {
    /// No `/s/` or no `#`.
    #[error("no link of a share: it has the form https://gateway/s/<id>#<secret>")]
    Form,
    /// What is before `/s/` is no origin.
    #[error("the link does not begin with http:// or https:// and a host alone")]
    Origin,
    /// The id is damaged.
    #[error("the id in the link is damaged: 43 characters of base64url stand between /s/ and #")]
    Id,
    /// The secret is damaged.
    #[error("the part of the link behind # is damaged: 43 characters of base64url, and perhaps .p")]
    Secret,
}

impl ShareLink {
    /// The link to a share at the gateway with this origin, such as `https://gateway.example`.
    pub fn new(
        origin: &str,
        id: LinkId,
        secret: ShareSecret,
        has_passcode: bool,
    ) -> Result<Self, ShareLinkError> {
        let origin = origin.trim_end_matches('/');
        if !is_origin(origin) {
            return Err(ShareLinkError::Origin);
        }
        Ok(Self { origin: origin.to_owned(), id, secret, has_passcode })
    }

    /// Scheme, host and perhaps port of the gateway.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Which share.
    pub const fn id(&self) -> LinkId {
        self.id
    }

    /// What stands behind `#`.
    pub const fn secret(&self) -> &ShareSecret {
        &self.secret
    }

    /// Whether a passcode is needed too.
    pub const fn has_passcode(&self) -> bool {
        self.has_passcode
    }
}

impl FromStr for ShareLink {
    type Err = ShareLinkError;

    fn from_str(text: &str) -> Result<Self, ShareLinkError> {
        let (before, fragment) = text.split_once('#').ok_or(ShareLinkError::Form)?;
        let (origin, id) = before.split_once(PATH).ok_or(ShareLinkError::Form)?;
        if !is_origin(origin) {
            return Err(ShareLinkError::Origin);
        }
        let id = id.parse().map_err(|_| ShareLinkError::Id)?;
        let has_passcode = fragment.ends_with(WITH_PASSCODE);
        let secret = fragment.strip_suffix(WITH_PASSCODE).unwrap_or(fragment);
        let secret = ShareSecret::from_text(secret).ok_or(ShareLinkError::Secret)?;
        Ok(Self { origin: origin.to_owned(), id, secret, has_passcode })
    }
}

impl fmt::Display for ShareLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, id, secret, has_passcode } = self;
        let end = if *has_passcode { WITH_PASSCODE } else { "" };
        write!(f, "{origin}{PATH}{id}#{}{end}", secret.expose_text().as_str())
    }
}

impl fmt::Debug for ShareLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShareLink({}{PATH}{}#…)", self.origin, self.id)
    }
}

fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else { return false };
    if let Some((address, port)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let is_end = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return is_end && address.parse::<Ipv6Addr>().is_ok();
    }
    match rest.split_once(':') {
        Some((host, port)) => is_host(host) && is_port(port),
        None => is_host(rest),
    }
}

fn is_host(text: &str) -> bool {
    (1..=HOST_LEN_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}
