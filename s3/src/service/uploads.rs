//! Uploads in parts: these wait in the spool, and become one ordinary object when all of them are there.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use futures_util::StreamExt as _;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use sharing::IndexPath;
use tokio::task::{JoinError, spawn_blocking};

use crate::address::Address;
use crate::attributes::{Attributes, CHECKSUM};
use crate::clock::{now, timestamp};
use crate::intake::{Intake, Taken};
use crate::spool::{About, PARTS_MAX, Part, PartWriter, SpoolError};
use crate::storage::Storage;
use crate::trouble;

/// Longest part, in bytes: S3's own limit.
pub(super) const PART_LEN_MAX: u64 = 5 << 30;
/// Most parts on a page of a listing.
const PARTS_LISTED_MAX: i32 = 1000;

impl Storage {
    pub(crate) async fn create_multipart_upload(
        self: &Arc<Self>,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let attributes = Attributes::read(&request.headers)?;
        let CreateMultipartUploadInput { bucket, key, checksum_algorithm, .. } = request.input;
        file_path(&bucket, &key)?;
        self.view_of(&bucket)?;
        let about = About {
            bucket: bucket.clone(),
            key: key.clone(),
            media_type: attributes.media_type.map(String::from),
            fields: attributes.fields,
            begun: now(),
        };
        let id = self.on_disk(move |storage| storage.spool.begin(&about)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(id),
            checksum_algorithm,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    pub(crate) async fn upload_part(
        self: &Arc<Self>,
        mut request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let body = request.input.body.take();
        let (intake, receipt) = Intake::new(&request, body, request.input.content_length, PART_LEN_MAX)?;
        let UploadPartInput { bucket, key, upload_id, part_number, .. } = request.input;
        self.upload(&bucket, &key, &upload_id).await?;
        let mut writer = self.part_writer(upload_id, part_number, intake.expected_len()).await?;
        let mut pieces = intake;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| trouble::of_input(&error))?;
            // Blocks for a moment at most: the system takes 256 KiB into its memory, and only the end waits for the disk.
            writer.push(&piece).map_err(|error| of_spool(&error))?;
        }
        let Taken { md5, checksums, .. } = receipt.taken()?;
        self.on_disk(move |_| writer.finish(md5)).await?;
        let e_tag = Some(ETag::Strong(HEXLOWER.encode(&md5)));
        let mut output = UploadPartOutput { e_tag, ..UploadPartOutput::default() };
        for (name, value) in checksums {
            match name.strip_prefix(CHECKSUM) {
                Some("crc32") => output.checksum_crc32 = Some(value),
                Some("crc32c") => output.checksum_crc32c = Some(value),
                Some("crc64nvme") => output.checksum_crc64nvme = Some(value),
                Some("sha1") => output.checksum_sha1 = Some(value),
                Some("sha256") => output.checksum_sha256 = Some(value),
                _ => {}
            }
        }
        Ok(S3Response::new(output))
    }

    pub(crate) async fn list_parts(
        self: &Arc<Self>,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let ListPartsInput { bucket, key, upload_id, max_parts, part_number_marker, .. } = request.input;
        self.upload(&bucket, &key, &upload_id).await?;
        let max = max_parts.unwrap_or(PARTS_LISTED_MAX).clamp(0, PARTS_LISTED_MAX);
        let after = part_number_marker.unwrap_or(0);
        let id = upload_id.clone();
        let parts = self.on_disk(move |storage| storage.spool.parts(&id)).await?;
        let mut parts: Vec<_> = parts.into_iter().filter(|part| part.number > after).collect();
        let is_truncated = parts.len() > usize::try_from(max).expect("not less than none");
        parts.truncate(usize::try_from(max).expect("not less than none"));
        let next = parts.last().filter(|_| is_truncated).map(|part| part.number);
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(upload_id),
            max_parts: Some(max),
            part_number_marker,
            next_part_number_marker: next,
            is_truncated: Some(is_truncated),
            parts: Some(parts.iter().map(listed).collect()),
            ..ListPartsOutput::default()
        }))
    }

    pub(crate) async fn list_multipart_uploads(
        self: &Arc<Self>,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let ListMultipartUploadsInput { bucket, prefix, delimiter, .. } = request.input;
        if delimiter.is_some() {
            return Err(s3_error!(NotImplemented, "uploads are not listed with a delimiter"));
        }
        self.view_of(&bucket)?;
        let mut all = self.on_disk(|storage| storage.spool.all()).await?;
        let begins = |key: &str| prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix));
        all.retain(|(_, about)| about.bucket == bucket && begins(&about.key));
        all.sort_by(|(_, one), (_, two)| one.key.cmp(&two.key));
        let upload = |(id, about): (String, About)| MultipartUpload {
            key: Some(about.key),
            upload_id: Some(id),
            initiated: Some(timestamp(about.begun)),
            ..MultipartUpload::default()
        };
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(bucket),
            prefix,
            uploads: Some(all.into_iter().map(upload).collect()),
            is_truncated: Some(false),
            ..ListMultipartUploadsOutput::default()
        }))
    }

    pub(crate) async fn abort_multipart_upload(
        self: &Arc<Self>,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
        let turn = self.turns.take_now(&upload_id);
        let _turn =
            turn.ok_or_else(|| s3_error!(OperationAborted, "the upload is being completed just now"))?;
        self.upload(&bucket, &key, &upload_id).await?;
        self.on_disk(move |storage| storage.spool.end(&upload_id)).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    /// A part of `expected` bytes that is to be written, as far as that is known.
    pub(super) async fn part_writer(
        self: &Arc<Self>,
        id: String,
        number: i32,
        expected: Option<u64>,
    ) -> S3Result<PartWriter> {
        if !(1..=PARTS_MAX).contains(&number) {
            return Err(s3_error!(InvalidArgument, "parts have numbers from 1 to {PARTS_MAX}"));
        }
        self.on_disk(move |storage| storage.spool.write(&id, number, expected)).await
    }

    /// What an upload is for, which must be what the client thinks.
    pub(super) async fn upload(self: &Arc<Self>, bucket: &str, key: &str, id: &str) -> S3Result<About> {
        let id = id.to_owned();
        let about = self.on_disk(move |storage| storage.spool.about(&id)).await?;
        if about.bucket == bucket && about.key == key {
            return Ok(about);
        }
        Err(s3_error!(NoSuchUpload, "the upload is for another key"))
    }

    /// Does what waits for the disk where others need not wait with it.
    pub(super) async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, SpoolError> + Send + 'static,
    ) -> S3Result<T> {
        let storage = self.clone();
        spawn_blocking(move || work(&storage)).await.map_err(lost)?.map_err(|error| of_spool(&error))
    }
}

pub(super) fn file_path(bucket: &str, key: &str) -> S3Result<IndexPath> {
    match Storage::address(bucket, key)? {
        Address::File(path) => Ok(path),
        Address::Marker(_) => Err(s3_error!(InvalidArgument, "a key that ends with / stands for a folder")),
    }
}

fn listed(part: &Part) -> s3s::dto::Part {
    s3s::dto::Part {
        part_number: Some(part.number),
        size: i64::try_from(part.len).ok(),
        e_tag: Some(ETag::Strong(HEXLOWER.encode(&part.md5))),
        last_modified: Some(timestamp(part.at)),
        ..s3s::dto::Part::default()
    }
}

pub(super) fn of_spool(error: &SpoolError) -> S3Error {
    match error {
        SpoolError::NoUpload => s3_error!(NoSuchUpload, "{error}"),
        SpoolError::TooMany | SpoolError::Full { .. } => {
            S3Error::with_message(S3ErrorCode::ServiceUnavailable, error.to_string())
        }
        SpoolError::Io(error) => trouble::of_disk(error),
    }
}

pub(super) fn lost(error: JoinError) -> S3Error {
    S3Error::internal_error(error)
}
