//! The owner's file of a share that was made in a page: what ends it, and releases what it leads to.

use anyhow::{Context, bail};
use data_encoding::BASE64URL_NOPAD;
use proofs::Cid;
use protocol::{NetworkId, SecretKey};
use reqwest::Url;
use serde::Deserialize;
use sharing::{LinkId, SHARE_FILES_MAX};
use zeroize::Zeroizing;

use crate::gateway_api;

const HEADING: &str = "owner of a sealed link";
const VERSION: u8 = 1;
const SEED_LEN: usize = 32;

/// What a page keeps of a share that it has made.
#[derive(Debug)]
pub(crate) struct OwnerFile {
    pub(crate) id: LinkId,
    pub(crate) gateway: Url,
    pub(crate) network: NetworkId,
    /// Signs the share, and ends it.
    pub(crate) key: SecretKey,
    pub(crate) objects: Vec<OwnedObject>,
}

/// An object of the share.
#[derive(Debug)]
pub(crate) struct OwnedObject {
    /// As the reader sees it.
    pub(crate) name: String,
    pub(crate) cid: Cid,
    /// Ends its leases.
    pub(crate) control: SecretKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    headwater: String,
    v: u8,
    id: String,
    gateway: String,
    network: String,
    share_seed: Seed,
    objects: Vec<ObjectText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectText {
    name: String,
    object: String,
    control_seed: Seed,
}

/// A seed as text, wiped when it is dropped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Seed(Zeroizing<String>);

impl From<String> for Seed {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl OwnerFile {
    /// What such a file says; `None` for a text that is none, as a link or an id is.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Option<Self>> {
        if !text.starts_with('{') {
            return Ok(None);
        }
        // The error of a parser may repeat what it read, which is secret.
        let text: Text =
            serde_json::from_str(text).ok().context("this is no owner's file: a field is missing")?;
        if text.headwater != HEADING || text.v != VERSION {
            bail!("this is no owner's file of version {VERSION}");
        }
        if text.objects.len() > SHARE_FILES_MAX {
            bail!("an owner's file names at most {SHARE_FILES_MAX} objects, not {}", text.objects.len());
        }
        Ok(Some(Self {
            id: text.id.parse().ok().context("the owner's file has no id")?,
            gateway: gateway_api::address(&text.gateway).context("the owner's file has no gateway")?,
            network: NetworkId::from_bytes(*bytes_32(&text.network)?),
            key: text.share_seed.key()?,
            objects: text.objects.iter().map(ObjectText::object).collect::<anyhow::Result<_>>()?,
        }))
    }
}

impl ObjectText {
    fn object(&self) -> anyhow::Result<OwnedObject> {
        let cid = self.object.parse().ok().context("the owner's file names no object")?;
        // A terminal must not do what a file says.
        let name = self.name.replace(char::is_control, " ");
        Ok(OwnedObject { name, cid, control: self.control_seed.key()? })
    }
}

impl Seed {
    fn key(&self) -> anyhow::Result<SecretKey> {
        Ok(SecretKey::from_bytes(&*bytes_32(&self.0)?))
    }
}

fn bytes_32(text: &str) -> anyhow::Result<Zeroizing<[u8; SEED_LEN]>> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok().map(Zeroizing::new);
    let bytes = bytes.and_then(|bytes| <[u8; SEED_LEN]>::try_from(&bytes[..]).ok());
    bytes.map(Zeroizing::new).context("the owner's file has a key of another length")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn file() -> Value {
        let seed = BASE64URL_NOPAD.encode(&[5; 32]);
        let object = json!({ "name": "scan\u{7}.pdf", "object": Cid::of(b"x").to_string(), "key": seed, "controlSeed": seed });
        json!({
            "headwater": HEADING, "v": 1, "id": LinkId::from_bytes([7; 32]).to_string(), "gateway": "http://127.0.0.1:1",
            "network": BASE64URL_NOPAD.encode(&[9; 32]), "shareSeed": BASE64URL_NOPAD.encode(&[6; 32]), "label": "x",
            "issued": 1, "link": "http://127.0.0.1:1/s/x", "objects": [object],
        })
    }

    #[test]
    fn what_a_page_has_written_is_read() {
        let owner = OwnerFile::parse(&file().to_string()).unwrap().unwrap();
        assert_eq!((owner.id, owner.network), (LinkId::from_bytes([7; 32]), NetworkId::from_bytes([9; 32])));
        assert_eq!(owner.key.public(), SecretKey::from_bytes(&[6; 32]).public());
        let [object] = &owner.objects[..] else { panic!("it names one object") };
        assert_eq!((object.name.as_str(), object.cid), ("scan .pdf", Cid::of(b"x")));
        assert_eq!(object.control.public(), SecretKey::from_bytes(&[5; 32]).public());
    }

    #[test]
    fn links_are_none_and_other_files_are_refused_without_being_repeated() {
        for text in ["https://g.example/s/abc#def", "abc", ""] {
            assert!(OwnerFile::parse(text).unwrap().is_none(), "{text}");
        }
        for (field, wrong) in [
            ("headwater", json!("owner of something else")),
            ("v", json!(2)),
            ("id", json!("short")),
            ("gateway", json!("ftp://x")),
            ("network", json!("AAAA")),
            ("shareSeed", json!(BASE64URL_NOPAD.encode(&[6; 31]))),
            ("shareSeed", json!(null)),
            ("objects", json!([{ "name": "a", "object": "b", "controlSeed": "secret" }])),
            ("objects", Value::Array(vec![file()["objects"][0].clone(); SHARE_FILES_MAX + 1])),
        ] {
            let mut file = file();
            file[field] = wrong;
            let error = OwnerFile::parse(&file.to_string()).unwrap_err();
            assert!(!format!("{error:#}").contains("secret"), "{field}: {error:#}");
        }
    }
}
