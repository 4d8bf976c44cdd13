//! The text of a health link.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use protocol::UnixSeconds;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{HealthFlags, HealthKey};
use crate::LinkId;

/// The longest `url` of a health link, in characters.
pub const HEALTH_LINK_URL_CHARS_MAX: usize = 128;
/// The longest label, in characters.
pub const HEALTH_LABEL_CHARS_MAX: usize = 80;

const SCHEME: &str = "shlink:/";
/// Where gateways have health links.
const PATH: &str = "/shl/";
const VERSION: u64 = 1;
/// The longest text of a link that is read, with the address of a page in front of it.
const TEXT_LEN_MAX: usize = 4096;

/// What a health link says: where its files are, and the key that opens them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HealthLinkText {
    url: String,
    key: HealthKey,
    expires: Option<UnixSeconds>,
    flags: HealthFlags,
    label: Option<String>,
}

/// Why a text is no health link, or why none can be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum HealthLinkError {
    #[error("a health link begins with shlink:/, perhaps after the address of a page and #")]
    Scheme,
    #[error("what follows shlink:/ is no base64url of JSON with url and key")]
    Payload,
    #[error("its version is {found}, only version 1 is known")]
    Version { found: u64 },
    #[error("its key has not 43 characters of base64url")]
    Key,
    #[error("its url has {chars} characters, at most {HEALTH_LINK_URL_CHARS_MAX} are allowed")]
    Url { chars: usize },
    #[error("its url is no address of http or https")]
    NoUrl,
    #[error("a label has 1 to {HEALTH_LABEL_CHARS_MAX} characters on one line, not {chars}")]
    Label { chars: usize },
    #[error(transparent)]
    Flags(#[from] super::HealthFlagsError),
}

/// The JSON in a link. What a reader does not know it ignores.
#[derive(Serialize, Deserialize)]
struct Payload {
    url: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<UnixSeconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default = "version")]
    v: u64,
}

const fn version() -> u64 {
    VERSION
}

impl HealthLinkText {
    /// The link to `id` at the gateway with this origin.
    pub fn new(
        origin: &str,
        id: LinkId,
        key: HealthKey,
        flags: HealthFlags,
        expires: Option<UnixSeconds>,
        label: Option<String>,
    ) -> Result<Self, HealthLinkError> {
        let url = format!("{}{PATH}{id}", origin.trim_end_matches('/'));
        Self { url, key, expires, flags, label }.checked()
    }

    /// Where its manifest is, or its one file.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The id of the link at the gateway, where it is one of ours.
    pub fn id(&self) -> Option<LinkId> {
        self.url.rsplit_once(PATH)?.1.parse().ok()
    }

    /// The key of its files.
    pub const fn key(&self) -> &HealthKey {
        &self.key
    }

    /// When it ends, by its own word.
    pub const fn expires(&self) -> Option<UnixSeconds> {
        self.expires
    }

    /// Its flags.
    pub const fn flags(&self) -> HealthFlags {
        self.flags
    }

    /// What it is called.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The link itself: whoever has it may read.
    pub fn expose(&self) -> Zeroizing<String> {
        let payload = Payload {
            url: self.url.clone(),
            key: self.key.expose_text().to_string(),
            exp: self.expires,
            flag: (!self.flags.is_empty()).then(|| self.flags.to_string()),
            label: self.label.clone(),
            v: VERSION,
        };
        let json = Zeroizing::new(serde_json::to_vec(&payload).expect("texts and numbers are JSON"));
        Zeroizing::new(format!("{SCHEME}{}", BASE64URL_NOPAD.encode(&json)))
    }

    fn checked(self) -> Result<Self, HealthLinkError> {
        let chars = self.url.chars().count();
        if chars > HEALTH_LINK_URL_CHARS_MAX {
            return Err(HealthLinkError::Url { chars });
        }
        let host = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
            return Err(HealthLinkError::NoUrl);
        }
        if let Some(label) = &self.label {
            let chars = label.chars().count();
            if !(1..=HEALTH_LABEL_CHARS_MAX).contains(&chars) || label.contains(char::is_control) {
                return Err(HealthLinkError::Label { chars });
            }
        }
        Ok(self)
    }
}

impl FromStr for HealthLinkText {
    type Err = HealthLinkError;

    fn from_str(text: &str) -> Result<Self, HealthLinkError> {
        let link = text.rsplit_once('#').map_or(text, |(_, link)| link);
        let encoded = link.strip_prefix(SCHEME).ok_or(HealthLinkError::Scheme)?;
        if encoded.len() > TEXT_LEN_MAX {
            return Err(HealthLinkError::Payload);
        }
        let json = BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| HealthLinkError::Payload)?;
        let json = Zeroizing::new(json);
        let payload: Payload = serde_json::from_slice(&json).map_err(|_| HealthLinkError::Payload)?;
        if payload.v != VERSION {
            return Err(HealthLinkError::Version { found: payload.v });
        }
        let key = HealthKey::from_text(&Zeroizing::new(payload.key)).ok_or(HealthLinkError::Key)?;
        let flags = HealthFlags::read(payload.flag.as_deref().unwrap_or_default())?;
        Self { url: payload.url, key, expires: payload.exp, flags, label: payload.label }.checked()
    }
}

/// Without the key.
impl fmt::Display for HealthLinkText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.as_deref().unwrap_or("without a label");
        write!(f, "health link ({label}, flags {:?})", self.flags.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: LinkId = LinkId::from_bytes([5; 32]);

    fn link(origin: &str, label: Option<&str>) -> Result<HealthLinkText, HealthLinkError> {
        let (key, flags) = (HealthKey::from_bytes([6; 32]), "LP".parse().unwrap());
        let expires = Some(UnixSeconds::new(1_800_000_000));
        HealthLinkText::new(origin, ID, key, flags, expires, label.map(str::to_owned))
    }

    #[test]
    fn a_link_reads_what_it_writes() {
        let link = link("https://gateway.example/", Some("Labs of Mrs Ö")).unwrap();
        let text = link.expose();
        assert!(text.starts_with("shlink:/ey") && !link.to_string().contains(&*link.key.expose_text()));
        assert_eq!(text.parse::<HealthLinkText>().unwrap(), link);
        assert_eq!(format!("https://viewer.example/v#{}", *text).parse::<HealthLinkText>().unwrap(), link);
        assert_eq!((link.id(), link.url().len()), (Some(ID), 71));
    }

    #[test]
    fn what_a_reader_does_not_know_it_ignores_and_the_rest_it_checks() {
        let parse = |payload: serde_json::Value| {
            let encoded = BASE64URL_NOPAD.encode(payload.to_string().as_bytes());
            format!("{SCHEME}{encoded}").parse::<HealthLinkText>()
        };
        let (url, key) = ("https://a.example/x", "A".repeat(43));
        let known = serde_json::json!({ "url": url, "key": key, "flag": "LX", "extension": { "a": 1 } });
        let link = parse(known).unwrap();
        assert_eq!((link.flags().to_string(), link.id()), ("L".to_owned(), None));
        for bad in [
            serde_json::json!({ "url": url, "key": key, "v": 2 }),
            serde_json::json!({ "url": url, "key": &key[1..] }),
            serde_json::json!({ "url": url, "key": key, "flag": "PU" }),
            serde_json::json!({ "url": "https://", "key": key }),
            serde_json::json!({ "url": "javascript:alert(1)", "key": key }),
            serde_json::json!({ "url": format!("https://{}", "a".repeat(121)), "key": key }),
            serde_json::json!({ "url": url, "key": key, "label": "a".repeat(81) }),
            serde_json::json!({ "url": url, "key": key, "label": "" }),
            serde_json::json!({ "url": url }),
            serde_json::json!([]),
        ] {
            assert!(parse(bad.clone()).is_err(), "{bad}");
        }
        for bad in ["", "shlink:", "shlink:/", "shlink:/e30=", "headwater:x"] {
            assert!(bad.parse::<HealthLinkText>().is_err(), "{bad:?}");
        }
        assert!(link_of_long_host().is_err());
    }

    fn link_of_long_host() -> Result<HealthLinkText, HealthLinkError> {
        link(&format!("https://{}.example", "a".repeat(70)), None)
    }
}
