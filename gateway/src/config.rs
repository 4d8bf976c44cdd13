//! What the operator decides.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use chunker::{AccountSecret, Coding};
use protocol::PublicKey;
use steward::Observer;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::handles::HandleLimits;
use crate::limits::ClientLimit;
use crate::links::Links;
use crate::pay::Till;

/// Settings of a gateway.
#[derive(Debug)]
pub struct GatewayConfig {
    /// Where clients reach this gateway, such as `https://media.example`: the front of the URLs it gives out.
    pub public_url: String,
    /// Bytes of opened cells kept in memory; 0 for no cache.
    pub cache_len: u64,
    /// Objects fetched at a time. Each takes up to the client's read-ahead in memory.
    pub fetches: usize,
    /// Handles open at a time, and for how long.
    pub handles: HandleLimits,
    /// What one client may do.
    pub client_limit: ClientLimit,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// Who may upload, and how; nobody may without it.
    pub uploads: Option<UploadConfig>,
    /// What operators have to show to see what is looked after; nobody sees it without one.
    pub operators: Option<BearerToken>,
    /// The steward that runs beside this gateway.
    pub steward: Option<Observer>,
    /// How films that are uploaded become publications; they do not without it, nor without `uploads`.
    pub films: Option<FilmUploads>,
    /// Who may publish, and where that is kept.
    pub publishing: PublishingConfig,
    /// Where what is delivered for money is counted; titles that are not free are refused without it.
    pub till: Option<Till>,
    /// Where links to what is shared are kept; there are none without it.
    pub links: Option<Links>,
    /// The folder with the page that plays publications, as `player-demo` builds it.
    pub page: Option<PathBuf>,
}

impl GatewayConfig {
    /// The usual settings: 256 MiB of cache, 12 fetches at a time, no uploads.
    pub fn new(public_url: impl Into<String>) -> Self {
        Self {
            public_url: public_url.into().trim_end_matches('/').to_owned(),
            cache_len: 256 << 20,
            fetches: 12,
            handles: HandleLimits::default(),
            client_limit: ClientLimit::default(),
            proxies: Vec::new(),
            uploads: None,
            operators: None,
            steward: None,
            films: None,
            publishing: PublishingConfig::default(),
            till: None,
            links: None,
            page: None,
        }
    }
}

/// Settings for films that are uploaded to be published in the name of the gateway's account.
#[derive(Debug, Clone)]
pub struct FilmUploads {
    /// In a folder of the gateway's own inside of this one, films lie until they are packaged. That folder is emptied at the start.
    pub work_folder: PathBuf,
    /// Bytes of all films that lie there.
    pub work_len_max: u64,
    /// What the account remembers of what it has published.
    pub index: PathBuf,
}

/// Settings for publications.
#[derive(Debug)]
pub struct PublishingConfig {
    /// The file of the catalogue, beside which live streams are kept; without one both end with the process.
    pub catalogue: Option<PathBuf>,
    /// Whose publications are taken.
    pub creators: Creators,
    /// Whose denials are followed.
    pub keepers: Vec<PublicKey>,
    /// How many publications of one creator are kept, withdrawn ones included.
    pub per_creator_max: u64,
}

impl PublishingConfig {
    /// Publications of one creator, if the operator says nothing: a hundredth of what a catalogue holds.
    pub const PER_CREATOR_MAX: u64 = 1000;
}

impl Default for PublishingConfig {
    /// Nobody's publications, in memory.
    fn default() -> Self {
        Self {
            catalogue: None,
            creators: Creators::default(),
            keepers: Vec::new(),
            per_creator_max: Self::PER_CREATOR_MAX,
        }
    }
}

/// Who may publish at a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creators {
    /// Everybody.
    Anybody,
    /// These keys alone.
    Listed(Vec<PublicKey>),
}

impl Creators {
    pub(crate) fn may_publish(&self, creator: &PublicKey) -> bool {
        match self {
            Self::Anybody => true,
            Self::Listed(keys) => keys.contains(creator),
        }
    }
}

impl Default for Creators {
    /// Nobody.
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

/// Settings for uploads.
#[derive(Debug)]
pub struct UploadConfig {
    /// What an uploader has to show.
    pub token: BearerToken,
    /// The account in whose name objects are stored: their keys are derived from it.
    pub account: AccountSecret,
    /// Data and parity columns, unless the upload says otherwise.
    pub coding: Coding,
    /// How long nodes are to keep an object, in seconds, unless the upload says otherwise.
    pub keep_s: u64,
    /// The longest body, in bytes.
    pub len_max: u64,
}

/// A bearer token: 16 to 256 characters of base64, base64url or hexadecimal.
#[derive(Clone)]
pub struct BearerToken(Zeroizing<String>);

/// A token has characters that cannot stand in a header, or is too short to be safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has 16 to 256 characters out of A-Z a-z 0-9 - . _ ~ + / =")]
pub struct BearerTokenError;

impl BearerToken {
    /// The token with this text.
    pub fn new(text: impl Into<String>) -> Result<Self, BearerTokenError> {
        let text = Zeroizing::new(text.into());
        let valid = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
        if (16..=256).contains(&text.len()) && valid { Ok(Self(text)) } else { Err(BearerTokenError) }
    }

    /// Whether the value of an `Authorization` field shows this token. Takes the same time wherever the two differ.
    pub(crate) fn is_shown_by(&self, authorization: &[u8]) -> bool {
        let (scheme, token) = authorization.split_at_checked(7).unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(token.trim_ascii().ct_eq(self.0.as_bytes()))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0123456789abcdef";

    #[test]
    fn tokens_are_compared_whole() {
        let token = BearerToken::new(TEXT).unwrap();
        for right in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef", "Bearer   0123456789abcdef "] {
            assert!(token.is_shown_by(right.as_bytes()), "{right}");
        }
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            TEXT,
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdeff",
            "Basic 0123456789abcdef",
        ] {
            assert!(!token.is_shown_by(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn tokens_are_long_enough_and_plain() {
        for bad in [&TEXT[1..], "", "0123456789 abcdef", "0123456789abcdé", &"x".repeat(257)] {
            assert_eq!(BearerToken::new(bad).unwrap_err(), BearerTokenError, "{bad}");
        }
        assert!(!format!("{:?}", BearerToken::new(TEXT).unwrap()).contains(TEXT));
    }

    #[test]
    fn urls_have_one_slash() {
        assert_eq!(GatewayConfig::new("http://127.0.0.1:8080/").public_url, "http://127.0.0.1:8080");
    }
}
