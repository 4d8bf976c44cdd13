//! What comes with a file over S3 and goes back with it: header fields, tags, times.

use std::collections::BTreeMap;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use protocol::UnixSeconds;
use s3s::dto::ETag;
use s3s::{S3Error, S3ErrorCode, s3_error};
use sharing::{
    FileEntry, HEADER_FIELDS_LEN_MAX, HEADER_FIELDS_MAX, HeaderFields, HeaderFieldsError, MediaType,
};

use crate::conditions::Current;

/// The type of what was put without one, as S3 has it.
pub(crate) const DEFAULT_TYPE: &str = "binary/octet-stream";
/// User metadata.
const META: &str = "x-amz-meta-";
/// When the file was changed, as rclone writes it: seconds since 1970, with a fraction.
const META_MTIME: &str = "x-amz-meta-mtime";
/// Checksums of whole files.
pub(crate) const CHECKSUM: &str = "x-amz-checksum-";
/// The field that holds the tag.
const ETAG: &str = "etag";
/// Fields that are kept as they are.
const KEPT: [&str; 4] = ["cache-control", "content-disposition", "content-language", "expires"];
/// How a body is sent, not what it is.
const CHUNKED: &str = "aws-chunked";
/// Bytes of fields that are left for the tag and the checksums, so that what was stored can always be entered.
const RESERVED_LEN: usize = 512;
/// Fields that are left for them.
const RESERVED: usize = 6;
/// What may be asked for beside a file and is not served: it must not be lost in silence.
const NOT_SERVED: [&str; 7] = [
    "x-amz-server-side-encryption",
    "x-amz-copy-source-server-side-encryption",
    "x-amz-object-lock-",
    "x-amz-grant-",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
];

/// What a request says of the file that it puts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) media_type: Option<MediaType>,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Attributes {
    /// Reads them from the headers of a request that puts, copies, or begins an upload.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, S3Error> {
        refuse_what_is_not_served(headers)?;
        let mut fields = BTreeMap::new();
        for (name, value) in headers {
            let name = name.as_str();
            if KEPT.contains(&name) || name.starts_with(META) {
                fields.insert(name.to_owned(), text(name, value)?);
            }
        }
        if let Some(value) = headers.get("content-encoding") {
            let value = text("content-encoding", value)?;
            let encodings: Vec<_> = value.split(',').map(str::trim).filter(|one| *one != CHUNKED).collect();
            if !encodings.is_empty() {
                fields.insert("content-encoding".to_owned(), encodings.join(", "));
            }
        }
        check(&fields)?;
        let media_type = headers.get("content-type").map(|value| {
            let value = text("content-type", value)?;
            MediaType::new(value).map_err(|error| invalid(error.to_string()))
        });
        Ok(Self { media_type: media_type.transpose()?, fields })
    }

    /// When the file was changed, as far as the client says.
    pub(crate) fn modified(&self) -> Option<UnixSeconds> {
        let seconds = self.fields.get(META_MTIME)?.split('.').next()?;
        seconds.parse().ok().map(UnixSeconds::new)
    }

    /// The fields of a file with this tag and these checksums.
    pub(crate) fn into_fields(
        self,
        etag: &ETag,
        checksums: impl IntoIterator<Item = (String, String)>,
    ) -> Result<HeaderFields, S3Error> {
        let mut fields = self.fields;
        fields.insert(ETAG.to_owned(), etag.value().to_owned());
        fields.extend(checksums);
        HeaderFields::new(fields).map_err(|error| too_large(&error))
    }
}

/// What conditions are held against.
pub(crate) fn current(file: &FileEntry) -> Current {
    Current { etag: etag(file), modified: file.created }
}

/// The tag of a file: the MD5 of its bytes where it came over S3, otherwise the hash in its address, which no client takes
/// for an MD5.
pub(crate) fn etag(file: &FileEntry) -> ETag {
    let kept = file.headers.get(ETAG).map(str::to_owned);
    ETag::Strong(kept.unwrap_or_else(|| file.object.root().to_string()))
}

/// The type of a file.
pub(crate) fn media_type(file: &FileEntry) -> String {
    file.media_type.as_ref().map_or_else(|| DEFAULT_TYPE.to_owned(), ToString::to_string)
}

/// The headers of an answer that is about a file; checksums only of whole ones, for whoever wants to check them.
pub(crate) fn answer_headers(file: &FileEntry, with_checksums: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let shown = |name: &str| name != ETAG && (with_checksums || !name.starts_with(CHECKSUM));
    for (name, value) in file.headers.pairs().filter(|(name, _)| shown(name)) {
        let pair = (HeaderName::try_from(name), HeaderValue::from_bytes(value.as_bytes()));
        if let (Ok(name), Ok(value)) = pair {
            headers.insert(name, value);
        }
    }
    headers
}

/// What a copy keeps of its original: all but what is worked out anew.
pub(crate) fn attributes_of(file: &FileEntry) -> Attributes {
    let kept = |name: &str| name != ETAG && !name.starts_with(CHECKSUM);
    let fields = file.headers.pairs().filter(|(name, _)| kept(name));
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Attributes { media_type: file.media_type.clone(), fields: fields.collect() }
}

/// The checksums of a file.
pub(crate) fn checksums_of(file: &FileEntry) -> Vec<(String, String)> {
    let checksums = file.headers.pairs().filter(|(name, _)| name.starts_with(CHECKSUM));
    checksums.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Refuses fields that could not be kept, before anything is stored.
fn check(fields: &BTreeMap<String, String>) -> Result<(), S3Error> {
    let kept = HeaderFields::new(fields.clone()).map_err(|error| too_large(&error))?;
    let len: usize = kept.pairs().map(|(name, value)| name.len() + value.len()).sum();
    let (count, max) = (fields.len(), HEADER_FIELDS_LEN_MAX - RESERVED_LEN);
    if len > max || count > HEADER_FIELDS_MAX - RESERVED {
        return Err(s3_error!(
            MetadataTooLarge,
            "{count} fields of {len} bytes come with it, at most {max} bytes are kept"
        ));
    }
    Ok(())
}

fn too_large(error: &HeaderFieldsError) -> S3Error {
    let code = match error {
        HeaderFieldsError::Length { .. } => S3ErrorCode::MetadataTooLarge,
        HeaderFieldsError::Name(_) | HeaderFieldsError::Value(_) => S3ErrorCode::InvalidArgument,
    };
    S3Error::with_message(code, error.to_string())
}

/// Refuses what would be lost in silence.
pub(crate) fn refuse_what_is_not_served(headers: &HeaderMap) -> Result<(), S3Error> {
    let asked = |name: &&HeaderName| NOT_SERVED.iter().any(|begin| name.as_str().starts_with(begin));
    if let Some(name) = headers.keys().find(asked) {
        return Err(s3_error!(NotImplemented, "{name} is not served: see docs/s3.md"));
    }
    match headers.get("x-amz-acl") {
        Some(acl) if acl != "private" => {
            Err(s3_error!(NotImplemented, "everything here is its owner's alone: x-amz-acl is not served"))
        }
        _ => Ok(()),
    }
}

fn text(name: &str, value: &HeaderValue) -> Result<String, S3Error> {
    let text = str::from_utf8(value.as_bytes()).map_err(|_| invalid(format!("{name} is no UTF-8")))?;
    Ok(text.trim_matches([' ', '\t']).to_owned())
}

fn invalid(message: String) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        fields.iter().map(pair).collect()
    }

    #[test]
    fn what_clients_want_back_is_kept() {
        let sent = [
            ("content-type", "text/plain"),
            ("content-encoding", "aws-chunked, gzip"),
            ("x-amz-meta-mtime", "1700000000.123"),
            ("x-amz-meta-ort", "Zürich"),
            ("authorization", "secret"),
            ("x-amz-date", "now"),
        ];
        let read = Attributes::read(&headers(&sent)).unwrap();
        assert_eq!(read.media_type.as_ref().map(MediaType::as_str), Some("text/plain"));
        assert_eq!(read.modified(), Some(UnixSeconds::new(1_700_000_000)));
        let fields: Vec<_> =
            read.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("content-encoding", "gzip"),
            ("x-amz-meta-mtime", "1700000000.123"),
            ("x-amz-meta-ort", "Zürich"),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_is_not_served_is_refused() {
        for asked in ["x-amz-server-side-encryption-customer-key", "x-amz-tagging", "x-amz-grant-read"] {
            let error = Attributes::read(&headers(&[(asked, "x")])).unwrap_err();
            assert_eq!(*error.code(), S3ErrorCode::NotImplemented, "{asked}");
        }
        assert!(Attributes::read(&headers(&[("x-amz-acl", "private")])).is_ok());
        assert!(Attributes::read(&headers(&[("x-amz-acl", "public-read")])).is_err());
    }

    #[test]
    fn too_much_metadata_is_refused() {
        let of = |len| Attributes::read(&headers(&[("x-amz-meta-a", &"x".repeat(len))]));
        for len in [3600, 5000] {
            assert_eq!(*of(len).unwrap_err().code(), S3ErrorCode::MetadataTooLarge, "{len} bytes");
        }
        // What is read can be kept, with a tag and all checksums.
        let sums = (0..5).map(|n| (format!("{CHECKSUM}{n}"), "=".repeat(44)));
        assert!(of(3500).unwrap().into_fields(&ETag::Strong("e".repeat(40)), sums).is_ok());
    }
}
