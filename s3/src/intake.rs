//! A body on its way in: hashed as it passes, and held to what the request says of it before its end is believed.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::{Stream, StreamExt as _};
use hyper::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3Request, S3Result, TrailingHeaders, s3_error};

use crate::attributes::CHECKSUM;

/// Why a body is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    #[error("the body does not have the MD5 that the request says")]
    Md5,
    #[error("the body does not have the checksum in {name}")]
    Checksum { name: String },
    #[error("{found} bytes came, {expected} were announced")]
    Length { found: u64, expected: u64 },
    #[error("more than {max} bytes came")]
    TooLong { max: u64 },
    #[error("the body broke off: {0}")]
    Body(String),
}

/// What passed.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) md5: [u8; 16],
    /// The checksums that the client has sent, by the names of their headers.
    pub(crate) checksums: Vec<(String, String)>,
}

/// Where what passed is written down once all of it has, and was found right.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receipt(Arc<Mutex<Option<Taken>>>);

impl Receipt {
    /// What passed: it is there once the stream has ended without an error.
    pub(crate) fn taken(&self) -> S3Result<Taken> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        taken.ok_or_else(|| s3_error!(InternalError, "the body was not read to its end"))
    }
}

/// The bytes of a body.
pub(crate) struct Intake {
    body: Option<StreamingBlob>,
    hashers: Option<(Md5, ChecksumHasher)>,
    len: u64,
    expected: Expected,
    receipt: Receipt,
}

/// What a request says of its body.
struct Expected {
    md5: Option<[u8; 16]>,
    len: Option<u64>,
    len_max: u64,
    /// The names of the checksums, and those that are known before the body.
    checksums: Vec<(String, Option<String>)>,
    trailers: Option<TrailingHeaders>,
}

impl Intake {
    /// The body of a request, which may have `len_max` bytes.
    pub(crate) fn new<T>(
        request: &S3Request<T>,
        body: Option<StreamingBlob>,
        len: Option<i64>,
        len_max: u64,
    ) -> S3Result<(Self, Receipt)> {
        let headers = &request.headers;
        let checksums = announced(headers);
        let hasher = hasher(&checksums)?;
        let expected = Expected {
            md5: headers.get("content-md5").map(md5_of).transpose()?,
            len: decoded_len(headers, len)?,
            len_max,
            checksums,
            trailers: request.trailing_headers.clone(),
        };
        if expected.len.is_some_and(|len| len > len_max) {
            return Err(s3_error!(EntityTooLarge, "more than {len_max} bytes are not taken at once"));
        }
        let receipt = Receipt::default();
        let hashers = Some((Md5::new(), hasher));
        Ok((Self { body, hashers, len: 0, expected, receipt: receipt.clone() }, receipt))
    }

    /// How many bytes will come, where that is known.
    pub(crate) fn expected_len(&self) -> Option<u64> {
        self.expected.len
    }

    fn pass(&mut self, piece: &Bytes) -> Result<(), IntakeError> {
        self.len += piece.len() as u64;
        if self.len > self.expected.len_max {
            return Err(IntakeError::TooLong { max: self.expected.len_max });
        }
        if let Some((md5, checksums)) = &mut self.hashers {
            md5.update(piece);
            checksums.update(piece);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), IntakeError> {
        let Some((md5, hasher)) = self.hashers.take() else { return Ok(()) };
        let (found, md5) = (self.len, md5.finalize());
        if let Some(expected) = self.expected.len.filter(|expected| *expected != found) {
            return Err(IntakeError::Length { found, expected });
        }
        if self.expected.md5.is_some_and(|expected| expected != md5) {
            return Err(IntakeError::Md5);
        }
        let checksums = checked(hasher, &self.expected)?;
        let taken = Taken { md5, checksums };
        *self.receipt.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
        Ok(())
    }
}

impl Stream for Intake {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let next = match &mut self.body {
            Some(body) => body.poll_next_unpin(context),
            None => Poll::Ready(None),
        };
        let (piece, outcome) = match ready!(next) {
            Some(Ok(piece)) => {
                let outcome = self.pass(&piece);
                (Some(piece), outcome)
            }
            Some(Err(error)) => (None, Err(IntakeError::Body(error.to_string()))),
            None => (None, self.end()),
        };
        match outcome {
            Ok(()) => Poll::Ready(piece.map(Ok)),
            Err(error) => {
                (self.body, self.hashers) = (None, None);
                Poll::Ready(Some(Err(io::Error::other(error))))
            }
        }
    }
}

/// The checksums that a request brings, in its headers or behind its body.
fn announced(headers: &HeaderMap) -> Vec<(String, Option<String>)> {
    let is_value =
        |name: &str| name.starts_with(CHECKSUM) && !name.ends_with("-algorithm") && !name.ends_with("-type");
    let before = headers.iter().filter(|(name, _)| is_value(name.as_str()));
    let before = before.map(|(name, value)| (name.to_string(), value.to_str().ok().map(str::to_owned)));
    let trailers = headers.get_all("x-amz-trailer").iter().filter_map(|names| names.to_str().ok());
    let behind = trailers.flat_map(|names| names.split(',')).map(|name| name.trim().to_ascii_lowercase());
    before.chain(behind.filter(|name| is_value(name)).map(|name| (name, None))).collect()
}

fn hasher(checksums: &[(String, Option<String>)]) -> S3Result<ChecksumHasher> {
    let mut hasher = ChecksumHasher::default();
    for (name, _) in checksums {
        match name.strip_prefix(CHECKSUM) {
            Some("crc32") => hasher.crc32 = Some(Crc32::new()),
            Some("crc32c") => hasher.crc32c = Some(Crc32c::new()),
            Some("crc64nvme") => hasher.crc64nvme = Some(Crc64Nvme::new()),
            Some("sha1") => hasher.sha1 = Some(Sha1::new()),
            Some("sha256") => hasher.sha256 = Some(Sha256::new()),
            _ => return Err(s3_error!(NotImplemented, "{name} is not served")),
        }
    }
    Ok(hasher)
}

/// The checksums of what passed, when they are those that the client sent.
fn checked(hasher: ChecksumHasher, expected: &Expected) -> Result<Vec<(String, String)>, IntakeError> {
    let found = hasher.finalize();
    let found = [
        ("crc32", found.checksum_crc32),
        ("crc32c", found.checksum_crc32c),
        ("crc64nvme", found.checksum_crc64nvme),
        ("sha1", found.checksum_sha1),
        ("sha256", found.checksum_sha256),
    ];
    let found = found.into_iter().filter_map(|(name, value)| Some((format!("{CHECKSUM}{name}"), value?)));
    let found: Vec<_> = found.collect();
    for (name, value) in &found {
        let before = expected.checksums.iter().find(|(other, _)| other == name);
        let sent = before.and_then(|(_, value)| value.clone()).or_else(|| trailer(expected, name));
        if sent.as_ref() != Some(value) {
            return Err(IntakeError::Checksum { name: name.clone() });
        }
    }
    Ok(found)
}

fn trailer(expected: &Expected, name: &str) -> Option<String> {
    let read =
        |headers: &HeaderMap| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    expected.trailers.as_ref()?.read(read).flatten()
}

/// The length of the body without the framing that clients may put around its chunks.
fn decoded_len(headers: &HeaderMap, len: Option<i64>) -> S3Result<Option<u64>> {
    let decoded = headers.get("x-amz-decoded-content-length");
    let decoded = decoded.map(|value| value.to_str().ok().and_then(|text| text.parse().ok()));
    match decoded {
        Some(None) => Err(s3_error!(InvalidArgument, "x-amz-decoded-content-length is no number")),
        Some(known) => Ok(known),
        None => Ok(len.and_then(|len| u64::try_from(len).ok())),
    }
}

fn md5_of(value: &hyper::header::HeaderValue) -> S3Result<[u8; 16]> {
    let bytes = BASE64.decode(value.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| -> S3Error { s3_error!(InvalidDigest, "content-md5 is no MD5 in base64") })
}
