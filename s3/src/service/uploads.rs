//! Uploads in parts: these wait in the spool, and become one ordinary object when all of them are there.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::{Stream, TryStreamExt as _, stream};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use sharing::{IndexPath, MediaType};
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::io::StreamReader;

use super::objects::unmet;
use crate::address::Address;
use crate::attributes::{Attributes, CHECKSUM, current};
use crate::clock::{now, timestamp};
use crate::conditions::Conditions;
use crate::intake::{Intake, Taken};
use crate::orders::{Order, Origin};
use crate::spool::{About, PARTS_MAX, Part, SpoolError};
use crate::storage::Storage;
use crate::trouble;

/// Longest part, in bytes: S3's own limit.
const PART_LEN_MAX: u64 = 5 << 30;
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
        if !(1..=PARTS_MAX).contains(&part_number) {
            return Err(s3_error!(InvalidArgument, "parts have numbers from 1 to {PARTS_MAX}"));
        }
        let writer = self.on_disk(move |storage| storage.spool.write(&upload_id, part_number)).await?;
        let writer = intake.try_fold(writer, |mut writer, piece| async move {
            // Blocks for a moment at most: the system takes 256 KiB into its memory, and only the end waits for the disk.
            writer.push(&piece)?;
            Ok(writer)
        });
        let writer = writer.await.map_err(|error| trouble::of_input(&error))?;
        let Taken { md5, checksums, .. } = receipt.taken()?;
        self.on_disk(move |_| Ok(writer.finish(md5)?)).await?;
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

    /// Answers at once, and sends spaces until the object is stored: that takes as long as a put of the whole file.
    pub(crate) async fn complete_multipart_upload(
        self: &Arc<Self>,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let CompleteMultipartUploadInput { bucket, key, upload_id: id, .. } = input;
        let about = self.upload(&bucket, &key, &id).await?;
        let path = file_path(&bucket, &key)?;
        let conditions = Conditions {
            matching: input.if_match,
            none_matching: input.if_none_match,
            ..Conditions::default()
        };
        let view = self.view_of(&bucket)?;
        conditions.permit_writing(view.file(&path).map(current).as_ref()).map_err(unmet)?;
        let upload = id.clone();
        let there = self.on_disk(move |storage| storage.spool.parts(&upload)).await?;
        let wanted = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let parts = chosen(&wanted, &there)?;
        let storage = self.clone();
        let future = async move {
            let e_tag = storage.complete(id, about, path, parts, conditions).await?;
            Ok(CompleteMultipartUploadOutput {
                location: Some(format!("/{bucket}/{key}")),
                bucket: Some(bucket),
                key: Some(key),
                e_tag: Some(e_tag),
                ..CompleteMultipartUploadOutput::default()
            })
        };
        let future: futures_util::future::BoxFuture<'static, _> = Box::pin(future);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            future: Some(future),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn complete(
        self: Arc<Self>,
        id: String,
        about: About,
        path: IndexPath,
        parts: Vec<Part>,
        conditions: Conditions,
    ) -> S3Result<ETag> {
        let media_type = about.media_type.and_then(|text| MediaType::new(text).ok());
        let len = parts.iter().map(|part| part.len).sum();
        let tag = tag_of(&parts);
        let attributes = Attributes { media_type, fields: about.fields };
        let reader = StreamReader::new(Box::pin(read_all(self.clone(), id.clone(), parts)));
        let stored = self.store(reader, Some(len), &path, attributes.media_type.as_ref()).await?;
        let (media_type, modified) = (attributes.media_type.clone(), attributes.modified());
        let file = Box::new(stored.into_entry(media_type, modified, attributes.into_fields(&tag, [])?));
        self.order(Order::Put { path, file, origin: Origin::Stored, conditions }).await?;
        self.on_disk(move |storage| storage.spool.end(&id)).await?;
        Ok(tag)
    }

    pub(crate) async fn abort_multipart_upload(
        self: &Arc<Self>,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
        self.upload(&bucket, &key, &upload_id).await?;
        self.on_disk(move |storage| storage.spool.end(&upload_id)).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    /// What an upload is for, which must be what the client thinks.
    async fn upload(self: &Arc<Self>, bucket: &str, key: &str, id: &str) -> S3Result<About> {
        let id = id.to_owned();
        let about = self.on_disk(move |storage| storage.spool.about(&id)).await?;
        if about.bucket == bucket && about.key == key {
            return Ok(about);
        }
        Err(s3_error!(NoSuchUpload, "the upload is for another key"))
    }

    /// Does what waits for the disk where others need not wait with it.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, SpoolError> + Send + 'static,
    ) -> S3Result<T> {
        let storage = self.clone();
        spawn_blocking(move || work(&storage)).await.map_err(lost)?.map_err(|error| of_spool(&error))
    }
}

fn file_path(bucket: &str, key: &str) -> S3Result<IndexPath> {
    match Storage::address(bucket, key)? {
        Address::File(path) => Ok(path),
        Address::Marker(_) => Err(s3_error!(InvalidArgument, "a key that ends with / stands for a folder")),
    }
}

/// The bytes of parts, one after the other.
fn read_all(
    storage: Arc<Storage>,
    id: String,
    parts: Vec<Part>,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let state = (storage, id, parts.into_iter(), None);
    stream::try_unfold(state, |(storage, id, mut parts, mut reader)| async move {
        spawn_blocking(move || {
            loop {
                if reader.is_none() {
                    let Some(part) = parts.next() else { return Ok(None) };
                    reader = Some(storage.spool.read(&id, &part).map_err(std::io::Error::other)?);
                }
                match reader.as_mut().expect("it was just opened").next_piece()? {
                    Some(piece) => return Ok(Some((Bytes::from(piece), (storage, id, parts, reader)))),
                    None => reader = None,
                }
            }
        })
        .await
        .map_err(std::io::Error::other)?
    })
}

/// The parts that make up the file: those that the client names, in rising order, as it has sent them.
fn chosen(wanted: &[CompletedPart], there: &[Part]) -> S3Result<Vec<Part>> {
    if wanted.is_empty() {
        return Err(s3_error!(MalformedXML, "no parts are named"));
    }
    let mut parts: Vec<Part> = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let number = wanted.part_number.unwrap_or(0);
        let found = there.iter().find(|part| part.number == number);
        let has_tag =
            |part: &&Part| wanted.e_tag.as_ref().is_none_or(|tag| tag.value() == HEXLOWER.encode(&part.md5));
        let part = found
            .filter(has_tag)
            .ok_or_else(|| s3_error!(InvalidPart, "part {number} is not there as named"))?;
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(InvalidPartOrder, "part {number} does not follow the one before"));
        }
        parts.push(*part);
    }
    Ok(parts)
}

/// The tag of a file that came in parts: the MD5 of their MD5s, and how many they were.
fn tag_of(parts: &[Part]) -> ETag {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&part.md5);
    }
    ETag::Strong(format!("{}-{}", HEXLOWER.encode(&md5.finalize()), parts.len()))
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

fn of_spool(error: &SpoolError) -> S3Error {
    match error {
        SpoolError::NoUpload => s3_error!(NoSuchUpload, "{error}"),
        SpoolError::TooMany | SpoolError::Full { .. } => {
            S3Error::with_message(S3ErrorCode::ServiceUnavailable, error.to_string())
        }
        SpoolError::Io(error) => trouble::of_disk(error),
    }
}

fn lost(error: JoinError) -> S3Error {
    S3Error::internal_error(error)
}

#[cfg(test)]
mod tests {
    use protocol::UnixSeconds;

    use super::*;

    fn part(number: i32) -> Part {
        Part { number, len: 1, md5: [u8::try_from(number).unwrap(); 16], at: UnixSeconds::new(1) }
    }

    fn named(number: i32, tag: &str) -> CompletedPart {
        let e_tag = Some(ETag::Strong(tag.to_owned()));
        CompletedPart { part_number: Some(number), e_tag, ..CompletedPart::default() }
    }

    #[test]
    fn parts_are_those_that_the_client_names() {
        let there = [part(1), part(2), part(5)];
        let (one, five) = (named(1, &"01".repeat(16)), named(5, &"05".repeat(16)));
        assert_eq!(chosen(&[one.clone(), five.clone()], &there).unwrap(), [part(1), part(5)]);
        let code = |wanted: &[CompletedPart]| chosen(wanted, &there).unwrap_err().code().clone();
        assert_eq!(code(&[five, one.clone()]), S3ErrorCode::InvalidPartOrder);
        assert_eq!(code(&[one.clone(), one]), S3ErrorCode::InvalidPartOrder);
        assert_eq!(code(&[named(3, "x")]), S3ErrorCode::InvalidPart);
        assert_eq!(code(&[named(2, &"01".repeat(16))]), S3ErrorCode::InvalidPart);
        assert_eq!(code(&[]), S3ErrorCode::MalformedXML);
    }

    #[test]
    fn the_tag_says_how_many_parts_there_were() {
        // MD5 of 16 bytes 01 and 16 bytes 02, worked out with md5sum.
        assert_eq!(tag_of(&[part(1), part(2)]).value(), "a2178117d5e9ed5f7660ab3e6719c6a2-2");
    }
}
