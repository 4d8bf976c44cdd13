//! Listings of keys, in both forms that clients know.

use data_encoding::BASE64URL_NOPAD;
use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, ObjectStorageClass,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::attributes::etag;
use crate::clock::timestamp;
use crate::listing::{After, Line, Page, Query, list};
use crate::storage::Storage;
use crate::view::{Found, View};

/// Most lines of a page, as S3 has it.
const KEYS_MAX: i32 = 1000;
/// The MD5 of nothing: the tag of a marker.
const EMPTY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

impl Storage {
    pub(crate) async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let view = self.view_of(&input.bucket)?;
        let encoding = Encoding::new(input.encoding_type.as_ref())?;
        let token = input.continuation_token.as_deref().map(Token::decode).transpose()?;
        let start_after = input.start_after.as_deref().unwrap_or("");
        let after = token.as_ref().map_or(After::Key(start_after), Token::after);
        let max = page_len(input.max_keys)?;
        let query = query(input.prefix.as_ref(), input.delimiter.as_ref(), after, max);
        let page = page(&view, &input.bucket, &query);
        let count = i32::try_from(page.lines.len()).expect("at most a thousand lines");
        let next = page.next().map(Token::encode);
        let is_truncated = page.is_truncated;
        let (contents, prefixes) = encoding.lines(page);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket.clone()),
            prefix: input.prefix.as_deref().map(|prefix| encoding.text(prefix)),
            delimiter: input.delimiter.as_deref().map(|delimiter| encoding.text(delimiter)),
            start_after: input.start_after.as_deref().map(|after| encoding.text(after)),
            max_keys: Some(i32::try_from(max).expect("at most a thousand")),
            key_count: Some(count),
            continuation_token: input.continuation_token,
            next_continuation_token: next,
            is_truncated: Some(is_truncated),
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        }))
    }

    pub(crate) async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        let view = self.view_of(&input.bucket)?;
        let encoding = Encoding::new(input.encoding_type.as_ref())?;
        let marker = input.marker.as_deref().unwrap_or("");
        let max = page_len(input.max_keys)?;
        let mut query = query(input.prefix.as_ref(), input.delimiter.as_ref(), After::Key(marker), max);
        // A marker that is what a page before has ended with, a common prefix, stands for all keys that begin so.
        if !query.delimiter.is_empty()
            && marker.ends_with(query.delimiter)
            && marker.len() > query.prefix.len()
        {
            query.after = After::Prefix(marker);
        }
        let page = page(&view, &input.bucket, &query);
        let next = page.next().map(|(After::Key(text) | After::Prefix(text))| encoding.text(text));
        let is_truncated = page.is_truncated;
        let (contents, prefixes) = encoding.lines(page);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket.clone()),
            prefix: input.prefix.as_deref().map(|prefix| encoding.text(prefix)),
            delimiter: input.delimiter.as_deref().map(|delimiter| encoding.text(delimiter)),
            marker: Some(encoding.text(marker)),
            max_keys: Some(i32::try_from(max).expect("at most a thousand")),
            next_marker: next,
            is_truncated: Some(is_truncated),
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        }))
    }
}

fn page(view: &View, bucket: &str, query: &Query<'_>) -> Page<Object> {
    list(|from| view.first_from(bucket, from).map(|(key, found)| (key.clone(), line(key, found))), query)
}

fn query<'a>(
    prefix: Option<&'a String>,
    delimiter: Option<&'a String>,
    after: After<'a>,
    max: usize,
) -> Query<'a> {
    let text = |text: Option<&'a String>| text.map_or("", String::as_str);
    Query { prefix: text(prefix), delimiter: text(delimiter), after, max }
}

fn page_len(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.unwrap_or(KEYS_MAX).min(KEYS_MAX);
    usize::try_from(asked).map_err(|_| s3_error!(InvalidArgument, "max-keys is less than none: {asked}"))
}

fn line(key: String, found: Found<'_>) -> Object {
    let (etag, len, at) = match found {
        Found::File(file) => (etag(file), file.len, file.created),
        Found::Marker(created) => (ETag::Strong(EMPTY_MD5.to_owned()), 0, created),
    };
    Object {
        key: Some(key),
        e_tag: Some(etag),
        size: i64::try_from(len).ok(),
        last_modified: Some(timestamp(at)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        ..Object::default()
    }
}

/// How keys are written in XML.
#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    fn new(asked: Option<&EncodingType>) -> S3Result<Self> {
        match asked.map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some("url") => Ok(Self::Url),
            Some(other) => Err(s3_error!(InvalidArgument, "there is no encoding {other}")),
        }
    }

    fn text(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => text.bytes().map(url_byte).collect(),
        }
    }

    fn lines(self, page: Page<Object>) -> (Vec<Object>, Vec<CommonPrefix>) {
        let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
        for line in page.lines {
            match line {
                Line::Key(key, object) => objects.push(Object { key: Some(self.text(&key)), ..object }),
                Line::Prefix(prefix) => prefixes.push(CommonPrefix { prefix: Some(self.text(&prefix)) }),
            }
        }
        (objects, prefixes)
    }
}

/// A byte as it stands in a URL (RFC 3986), with `/` as it is.
fn url_byte(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// Where a listing goes on, in a form that says nothing to clients.
struct Token {
    is_prefix: bool,
    text: String,
}

impl Token {
    fn encode(after: After<'_>) -> String {
        let (kind, text) = match after {
            After::Key(key) => ('k', key),
            After::Prefix(prefix) => ('p', prefix),
        };
        BASE64URL_NOPAD.encode(format!("{kind}{text}").as_bytes())
    }

    fn decode(token: &str) -> S3Result<Self> {
        let text =
            BASE64URL_NOPAD.decode(token.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let parts = text.as_deref().and_then(|text| text.split_at_checked(1));
        match parts {
            Some(("k", text)) => Ok(Self { is_prefix: false, text: text.to_owned() }),
            Some(("p", text)) => Ok(Self { is_prefix: true, text: text.to_owned() }),
            _ => Err(s3_error!(InvalidArgument, "the continuation token is none of ours")),
        }
    }

    fn after(&self) -> After<'_> {
        if self.is_prefix { After::Prefix(&self.text) } else { After::Key(&self.text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_others_are_refused() {
        for after in [After::Key("a/ü"), After::Prefix("a/"), After::Key("")] {
            assert_eq!(Token::decode(&Token::encode(after)).unwrap().after(), after);
        }
        for other in ["", "a", "????", &BASE64URL_NOPAD.encode(b"xa")] {
            assert!(Token::decode(other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn keys_are_written_as_in_urls() {
        assert_eq!(Encoding::Url.text("a b/ü+%"), "a%20b/%C3%BC%2B%25");
        assert_eq!(Encoding::Plain.text("a b"), "a b");
    }
}
