//! Files: put, get, head and delete.

use std::ops::Range;

use data_encoding::HEXLOWER;
use futures_util::future::join_all;
use protocol::UnixSeconds;
use s3s::dto::{
    ChecksumMode, Delete, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput,
    DeletedObject, ETag, Error, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};
use sharing::FileEntry;
use tokio_util::io::StreamReader;

use crate::address::Address;
use crate::attributes::{Attributes, answer_headers, current, etag, media_type};
use crate::body;
use crate::clock::timestamp;
use crate::conditions::{Conditions, Current, Unmet};
use crate::intake::Intake;
use crate::orders::{Order, Origin};
use crate::storage::Storage;

/// Longest body of one request, in bytes: S3's own limit. Longer files come in parts.
const PUT_LEN_MAX: u64 = 5 << 30;
/// Most keys of one request that deletes, as S3 has it.
const DELETES_MAX: usize = 1000;
/// The type of a marker.
const MARKER_TYPE: &str = "application/x-directory";

impl Storage {
    pub(crate) async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let body = request.input.body.take();
        let (intake, receipt) = Intake::new(&request, body, request.input.content_length, PUT_LEN_MAX)?;
        let attributes = Attributes::read(&request.headers)?;
        let input = request.input;
        let view = self.view_of(&input.bucket)?;
        let path = match Self::address(&input.bucket, &input.key)? {
            Address::File(path) => path,
            Address::Marker(path) => return self.put_marker(path, &intake).await,
        };
        let conditions = Conditions {
            matching: input.if_match,
            none_matching: input.if_none_match,
            ..Conditions::default()
        };
        // Asked again when the name is given; now so that a body need not come for nothing.
        conditions.permit_writing(view.file(&path).map(current).as_ref()).map_err(unmet)?;
        let len = intake.expected_len();
        let body = StreamReader::new(intake);
        let stored = Box::pin(self.store(body, len, &path, attributes.media_type.as_ref())).await?;
        let taken = receipt.taken()?;
        let tag = ETag::Strong(HEXLOWER.encode(&taken.md5));
        let (media_type, modified) = (attributes.media_type.clone(), attributes.modified());
        let file =
            Box::new(stored.into_entry(media_type, modified, attributes.into_fields(&tag, taken.checksums)?));
        let headers = answer_headers(&file, true);
        self.order(Order::Put { path, file, origin: Origin::Stored, conditions }).await?;
        let mut response =
            S3Response::new(PutObjectOutput { e_tag: Some(tag), ..PutObjectOutput::default() });
        let checksums = headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
        response
            .headers
            .extend(checksums.filter(|(name, _)| name.as_str().starts_with(crate::attributes::CHECKSUM)));
        Ok(response)
    }

    async fn put_marker(
        &self,
        path: sharing::IndexPath,
        intake: &Intake,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        if intake.expected_len() != Some(0) {
            return Err(s3_error!(
                NotImplemented,
                "a key that ends with / stands for a folder, and has no bytes"
            ));
        }
        self.order(Order::MakeFolder { path }).await?;
        Ok(S3Response::new(PutObjectOutput { e_tag: Some(empty_tag()), ..PutObjectOutput::default() }))
    }

    pub(crate) async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        refuse_versions_and_parts(input.version_id.as_deref(), input.part_number)?;
        let conditions = Conditions::of_reading(
            input.if_match,
            input.if_none_match,
            input.if_modified_since.as_ref(),
            input.if_unmodified_since.as_ref(),
        );
        let what = self.find(&input.bucket, &input.key, &conditions)?;
        let range = input.range.map(|range| range.check(what.len())).transpose()?;
        let mut response = what.described(input.checksum_mode.as_ref().filter(|_| range.is_none()));
        let wanted = range.clone().unwrap_or(0..what.len());
        response.output.content_length = i64::try_from(wanted.end - wanted.start).ok();
        response.output.content_range = range.map(|range| content_range(&range, what.len()));
        response.output.body = Some(match &what {
            What::File(file) => body::of(&self.open(file).await?, wanted),
            What::Marker(_) => StreamingBlob::from(s3s::Body::empty()),
        });
        // What a presigned URL overrides stays overridden.
        for name in overridden(&request.uri) {
            response.headers.remove(name);
        }
        Ok(response)
    }

    pub(crate) async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        refuse_versions_and_parts(input.version_id.as_deref(), input.part_number)?;
        let conditions = Conditions::of_reading(
            input.if_match,
            input.if_none_match,
            input.if_modified_since.as_ref(),
            input.if_unmodified_since.as_ref(),
        );
        let what = self.find(&input.bucket, &input.key, &conditions)?;
        Ok(what.described(input.checksum_mode.as_ref()).map_output(|described| HeadObjectOutput {
            accept_ranges: described.accept_ranges,
            content_length: described.content_length,
            content_type: described.content_type,
            e_tag: described.e_tag,
            last_modified: described.last_modified,
            ..HeadObjectOutput::default()
        }))
    }

    pub(crate) async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        refuse_versions_and_parts(input.version_id.as_deref(), None)?;
        self.view_of(&input.bucket)?;
        let conditions = Conditions { matching: input.if_match, ..Conditions::default() };
        self.order(removal(Self::address(&input.bucket, &input.key)?, conditions)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    pub(crate) async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete: Delete { objects, quiet }, .. } = request.input;
        if objects.len() > DELETES_MAX {
            return Err(s3_error!(MalformedXML, "{} keys, at most {DELETES_MAX} at a time", objects.len()));
        }
        self.view_of(&bucket)?;
        // All at once, so that one push to the network serves them all.
        let deletions = objects.into_iter().map(|object| async {
            let conditions = Conditions {
                matching: object.e_tag.map(s3s::dto::ETagCondition::ETag),
                ..Conditions::default()
            };
            let outcome = match Self::address(&bucket, &object.key) {
                Ok(address) => self.order(removal(address, conditions)).await,
                Err(error) => Err(error),
            };
            (object.key, outcome)
        });
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (key, outcome) in join_all(deletions).await {
            match outcome {
                Ok(()) => deleted.push(DeletedObject { key: Some(key), ..DeletedObject::default() }),
                Err(error) => errors.push(failed(key, &error)),
            }
        }
        let deleted = Some(deleted).filter(|_| quiet != Some(true));
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted,
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }

    /// What a key stands for, when the conditions permit that it is read.
    pub(super) fn find(&self, bucket: &str, key: &str, conditions: &Conditions) -> S3Result<What> {
        let view = self.view_of(bucket)?;
        let found = match Self::address(bucket, key)? {
            Address::File(path) => view.file(&path).cloned().map(|file| What::File(Box::new(file))),
            Address::Marker(path) => view.marker(&path).map(What::Marker),
        };
        let found = found.ok_or_else(|| s3_error!(NoSuchKey, "nothing has this key"))?;
        let now = Current { etag: found.etag(), modified: found.at() };
        conditions.permit_reading(&now).map_err(unmet)?;
        Ok(found)
    }
}

/// What a key stands for.
pub(super) enum What {
    File(Box<FileEntry>),
    Marker(UnixSeconds),
}

impl What {
    /// All that is said of it, without its bytes.
    fn described(&self, checksums: Option<&ChecksumMode>) -> S3Response<GetObjectOutput> {
        let mut response = S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(self.len()).ok(),
            content_type: Some(self.media_type()),
            e_tag: Some(self.etag()),
            last_modified: Some(timestamp(self.at())),
            ..GetObjectOutput::default()
        });
        if let Self::File(file) = self {
            response.headers = answer_headers(file, checksums.is_some_and(is_enabled));
        }
        response
    }

    fn len(&self) -> u64 {
        match self {
            Self::File(file) => file.len,
            Self::Marker(_) => 0,
        }
    }

    fn etag(&self) -> ETag {
        match self {
            Self::File(file) => etag(file),
            Self::Marker(_) => empty_tag(),
        }
    }

    fn media_type(&self) -> String {
        match self {
            Self::File(file) => media_type(file),
            Self::Marker(_) => MARKER_TYPE.to_owned(),
        }
    }

    fn at(&self) -> UnixSeconds {
        match self {
            Self::File(file) => file.created,
            Self::Marker(created) => *created,
        }
    }
}

pub(super) fn unmet(unmet: Unmet) -> S3Error {
    match unmet {
        Unmet::Failed => s3_error!(PreconditionFailed, "a condition of the request does not hold"),
        Unmet::NotModified => s3_error!(NotModified, "you have it already"),
    }
}

fn removal(address: Address, conditions: Conditions) -> Order {
    match address {
        Address::File(path) => Order::Remove { path, conditions },
        Address::Marker(path) => Order::RemoveMarker { path },
    }
}

fn failed(key: String, error: &S3Error) -> Error {
    Error {
        code: Some(error.code().as_str().to_owned()),
        key: Some(key),
        message: error.message().map(str::to_owned),
        version_id: None,
    }
}

fn refuse_versions_and_parts(version: Option<&str>, part: Option<i32>) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(s3_error!(NoSuchVersion, "nothing has versions here"));
    }
    match part {
        Some(part) if part != 1 => {
            Err(s3_error!(NotImplemented, "parts cannot be read once they are one file"))
        }
        _ => Ok(()),
    }
}

fn is_enabled(mode: &ChecksumMode) -> bool {
    mode.as_str() == ChecksumMode::ENABLED
}

fn content_range(range: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", range.start, range.end - 1)
}

fn empty_tag() -> ETag {
    ETag::Strong("d41d8cd98f00b204e9800998ecf8427e".to_owned())
}

/// The headers that a request wants to have other values: `response-cache-control` and its like.
fn overridden(uri: &hyper::Uri) -> impl Iterator<Item = &str> {
    let names = uri.query().unwrap_or("").split('&').filter_map(|pair| pair.split('=').next());
    names.filter_map(|name| name.strip_prefix("response-"))
}
