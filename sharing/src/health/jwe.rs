//! Compact JWE with a shared key: `dir` and `A256GCM` (RFC 7516, RFC 7518), perhaps deflated (RFC 1951).

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, Nonce, Tag};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::{HealthFileType, HealthKey};

/// The longest file, inflated, in bytes.
pub const HEALTH_FILE_LEN_MAX: usize = 16 << 20;

/// How hard it is tried to deflate.
const DEFLATE_LEVEL: u8 = 6;
/// A header names four members.
const HEADER_LEN_MAX: usize = 1024;
const TAG_LEN: usize = 16;

/// The initialisation vector of one JWE: random, and for no other one under the same key.
pub type JweIv = [u8; 12];

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    enc: String,
    cty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zip: Option<String>,
    /// What a reader would have to understand: it understands nothing.
    #[serde(default, skip_serializing)]
    crit: Option<serde_json::Value>,
}

/// Why a file of a health link does not open.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum JweError {
    #[error("not a compact JWE: it has five parts of base64url, the second of them empty")]
    Form,
    #[error("its header is none that is understood: {0}")]
    Header(&'static str),
    #[error("the key does not open it, or somebody changed it")]
    Sealed,
    #[error("it does not inflate, or to more than {HEALTH_FILE_LEN_MAX} bytes")]
    Inflated,
}

/// A file as compact JWE under this key; deflated first where that is asked for.
pub fn seal_jwe(key: &HealthKey, iv: &JweIv, kind: HealthFileType, plain: &[u8], deflate: bool) -> String {
    let header = Header {
        alg: "dir".to_owned(),
        enc: "A256GCM".to_owned(),
        cty: kind.to_string(),
        zip: deflate.then(|| "DEF".to_owned()),
        crit: None,
    };
    let header = serde_json::to_vec(&header).expect("texts are JSON");
    let header = BASE64URL_NOPAD.encode(&header);
    let mut text =
        if deflate { miniz_oxide::deflate::compress_to_vec(plain, DEFLATE_LEVEL) } else { plain.to_vec() };
    let tag = Aes256Gcm::new(key.expose().into())
        .encrypt_inout_detached(&Nonce::from(*iv), header.as_bytes(), InOutBuf::from(text.as_mut_slice()))
        .expect("it is far below the 64 GiB that one nonce can seal");
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    format!("{header}..{}.{}.{}", encode(iv), encode(&text), encode(&tag))
}

/// What a compact JWE holds, and of which type it says that it is.
pub fn open_jwe(key: &HealthKey, jwe: &str) -> Result<(HealthFileType, Vec<u8>), JweError> {
    let parts: Vec<&str> = jwe.splitn(6, '.').collect();
    let [protected, "", iv, text, tag] = parts.as_slice() else { return Err(JweError::Form) };
    let (kind, is_deflated) = read_header(protected)?;
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| JweError::Form);
    let iv: JweIv = decode(iv)?.try_into().map_err(|_| JweError::Form)?;
    let tag: [u8; TAG_LEN] = decode(tag)?.try_into().map_err(|_| JweError::Form)?;
    let mut plain = decode(text)?;
    Aes256Gcm::new(key.expose().into())
        .decrypt_inout_detached(
            &Nonce::from(iv),
            protected.as_bytes(),
            InOutBuf::from(plain.as_mut_slice()),
            &Tag::from(tag),
        )
        .map_err(|_| JweError::Sealed)?;
    if is_deflated {
        plain = miniz_oxide::inflate::decompress_to_vec_with_limit(&plain, HEALTH_FILE_LEN_MAX)
            .map_err(|_| JweError::Inflated)?;
    }
    if plain.len() > HEALTH_FILE_LEN_MAX { Err(JweError::Inflated) } else { Ok((kind, plain)) }
}

/// The type that a header names, and whether what follows is deflated.
fn read_header(protected: &str) -> Result<(HealthFileType, bool), JweError> {
    if protected.len() > HEADER_LEN_MAX {
        return Err(JweError::Header("it is too long"));
    }
    let json = BASE64URL_NOPAD.decode(protected.as_bytes()).map_err(|_| JweError::Form)?;
    let header: Header =
        serde_json::from_slice(&json).map_err(|_| JweError::Header("it is no JSON with alg, enc and cty"))?;
    if header.alg != "dir" || header.enc != "A256GCM" {
        return Err(JweError::Header("it names other algorithms than dir and A256GCM"));
    }
    if header.crit.is_some() {
        return Err(JweError::Header("it asks to understand something else"));
    }
    let is_deflated = match header.zip.as_deref() {
        None => false,
        Some("DEF") => true,
        Some(_) => return Err(JweError::Header("it is compressed in another way than DEF")),
    };
    let kind = HealthFileType::of(&header.cty);
    Ok((kind.ok_or(JweError::Header("its cty is no type of a health link"))?, is_deflated))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: HealthKey = HealthKey::from_bytes([7; 32]);
    const IV: JweIv = [9; 12];

    fn with_header(header: &serde_json::Value) -> String {
        let whole = seal_jwe(&KEY, &IV, HealthFileType::Fhir, b"{}", false);
        let (_, rest) = whole.split_once('.').unwrap();
        format!("{}.{rest}", BASE64URL_NOPAD.encode(header.to_string().as_bytes()))
    }

    #[test]
    fn headers_that_mean_something_else_are_refused() {
        use serde_json::json;
        for header in [
            json!({ "alg": "RSA-OAEP", "enc": "A256GCM", "cty": "application/fhir+json" }),
            json!({ "alg": "dir", "enc": "A128GCM", "cty": "application/fhir+json" }),
            json!({ "alg": "dir", "enc": "A256GCM", "cty": "text/html" }),
            json!({ "alg": "dir", "enc": "A256GCM" }),
            json!({ "alg": "dir", "enc": "A256GCM", "cty": "application/fhir+json", "zip": "GZIP" }),
            json!({ "alg": "dir", "enc": "A256GCM", "cty": "application/fhir+json", "crit": ["exp"], "exp": 1 }),
            json!([]),
        ] {
            assert!(matches!(open_jwe(&KEY, &with_header(&header)), Err(JweError::Header(_))), "{header}");
        }
        // The header itself is authenticated.
        let other = json!({ "enc": "A256GCM", "alg": "dir", "cty": "application/fhir+json" });
        assert_eq!(open_jwe(&KEY, &with_header(&other)), Err(JweError::Sealed));
    }

    #[test]
    fn what_inflates_too_far_is_refused() {
        let bomb = vec![0; HEALTH_FILE_LEN_MAX + 1];
        let jwe = seal_jwe(&KEY, &IV, HealthFileType::Fhir, &bomb, true);
        assert!(jwe.len() < 100_000);
        assert_eq!(open_jwe(&KEY, &jwe), Err(JweError::Inflated));
        let most = seal_jwe(&KEY, &IV, HealthFileType::Fhir, &bomb[1..], true);
        assert_eq!(open_jwe(&KEY, &most).unwrap().1.len(), HEALTH_FILE_LEN_MAX);
    }

    proptest! {
        #[test]
        fn opens_what_was_sealed_and_nothing_else(
            plain in prop::collection::vec(any::<u8>(), 0..300), deflate: bool, at: usize, flip in 1u8..=255,
        ) {
            let jwe = seal_jwe(&KEY, &IV, HealthFileType::HealthCard, &plain, deflate);
            prop_assert_eq!(open_jwe(&KEY, &jwe), Ok((HealthFileType::HealthCard, plain)));
            prop_assert_eq!(open_jwe(&HealthKey::from_bytes([8; 32]), &jwe), Err(JweError::Sealed));
            let mut changed = jwe.clone().into_bytes();
            let at = at % changed.len();
            changed[at] ^= flip;
            if let Ok(changed) = String::from_utf8(changed) {
                prop_assert!(open_jwe(&KEY, &changed).is_err(), "{}", changed);
            }
        }
    }
}
