//! Copies: the same object under another name, of which no byte moves; and ranges of objects that become parts of others.

use std::ops::Range;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use futures_util::StreamExt as _;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ETag,
    UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use sharing::{FileEntry, IndexPath};

use super::objects::{What, unmet};
use super::uploads::{PART_LEN_MAX, of_spool};
use crate::address::Address;
use crate::attributes::{Attributes, attributes_of, checksums_of, etag, refuse_what_is_not_served};
use crate::clock::{now, timestamp};
use crate::conditions::{Conditions, Unmet};
use crate::orders::{Order, Origin};
use crate::spool::PartWriter;
use crate::storage::Storage;
use crate::trouble;

impl Storage {
    pub(crate) async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let given = Attributes::read(&request.headers)?;
        let input = request.input;
        let Address::File(path) = Self::address(&input.bucket, &input.key)? else {
            return Err(folder());
        };
        self.view_of(&input.bucket)?;
        let conditions = Conditions::of_reading(
            input.copy_source_if_match,
            input.copy_source_if_none_match,
            input.copy_source_if_modified_since.as_ref(),
            input.copy_source_if_unmodified_since.as_ref(),
        );
        let (from, source) = self.source(&input.copy_source, &conditions)?;
        let replaces = input.metadata_directive.is_some_and(|directive| directive.as_str() == "REPLACE");
        if from == path && !replaces {
            return Err(s3_error!(
                InvalidRequest,
                "a copy onto itself changes nothing but what it says of itself"
            ));
        }
        let file = Box::new(copy(&source, if replaces { given } else { attributes_of(&source) })?);
        let result = CopyObjectResult {
            e_tag: Some(etag(&file)),
            last_modified: Some(timestamp(file.created)),
            ..CopyObjectResult::default()
        };
        let origin = Origin::Copied(from);
        self.order(Order::Put { path, file, origin, conditions: Conditions::default() }).await?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            ..CopyObjectOutput::default()
        }))
    }

    /// A range of an object becomes a part: its bytes are read from the network, and wait in the spool like those of a client.
    pub(crate) async fn upload_part_copy(
        self: &Arc<Self>,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        refuse_what_is_not_served(&request.headers)?;
        let input = request.input;
        self.upload(&input.bucket, &input.key, &input.upload_id).await?;
        let conditions = Conditions::of_reading(
            input.copy_source_if_match,
            input.copy_source_if_none_match,
            input.copy_source_if_modified_since.as_ref(),
            input.copy_source_if_unmodified_since.as_ref(),
        );
        let (_, source) = self.source(&input.copy_source, &conditions)?;
        let range = range_of(input.copy_source_range.as_deref(), source.len)?;
        let len = range.end - range.start;
        let writer = self.part_writer(input.upload_id, input.part_number, Some(len)).await?;
        let md5 = self.copy_range(&source, range, writer).await?;
        let result = CopyPartResult {
            e_tag: Some(ETag::Strong(HEXLOWER.encode(&md5))),
            last_modified: Some(timestamp(now())),
            ..CopyPartResult::default()
        };
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..UploadPartCopyOutput::default()
        }))
    }

    /// Writes a range of a file as a part, and returns the MD5 of it.
    async fn copy_range(
        self: &Arc<Self>,
        source: &FileEntry,
        range: Range<u64>,
        mut writer: PartWriter,
    ) -> S3Result<[u8; 16]> {
        let len = range.end - range.start;
        let mut pieces = self.open(source).await?.read(range);
        let mut md5 = Md5::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| trouble::of_read(&error))?;
            md5.update(&piece);
            writer.push(&piece).map_err(|error| of_spool(&error))?;
        }
        if writer.len() != len {
            return Err(s3_error!(InternalError, "{} of {len} bytes came", writer.len()));
        }
        let md5 = md5.finalize();
        self.on_disk(move |_| writer.finish(md5)).await?;
        Ok(md5)
    }

    /// The file to copy from and where it is, when the conditions permit it.
    fn source(&self, source: &CopySource, conditions: &Conditions) -> S3Result<(IndexPath, FileEntry)> {
        let CopySource::Bucket { bucket, key, version_id: None } = source else {
            return Err(s3_error!(NotImplemented, "only BUCKET/KEY can be copied, without a version"));
        };
        let Address::File(path) = Self::address(bucket, key)? else { return Err(folder()) };
        match self.find(bucket, key, conditions) {
            Ok(What::File(file)) => Ok((path, *file)),
            Ok(What::Marker(_)) => Err(folder()),
            // Unlike a read, a copy has no answer «you have it already».
            Err(error) if *error.code() == S3ErrorCode::NotModified => Err(unmet(Unmet::Failed)),
            Err(error) => Err(error),
        }
    }
}

fn folder() -> S3Error {
    s3_error!(NotImplemented, "a key that ends with / stands for a folder and is not copied")
}

/// The bytes that are to be copied of `len`: all, or those from the first to the last that a client names, both of which must be there.
fn range_of(text: Option<&str>, len: u64) -> S3Result<Range<u64>> {
    let range = match text.map(s3s::dto::Range::parse) {
        None => 0..len,
        Some(Ok(s3s::dto::Range::Int { first, last: Some(last) })) if last < len => first..last + 1,
        Some(Ok(_)) => return Err(s3_error!(InvalidRange, "the file has {len} bytes, and not all of these")),
        Some(Err(_)) => return Err(s3_error!(InvalidArgument, "the range is not bytes=FIRST-LAST")),
    };
    if range.end - range.start > PART_LEN_MAX {
        return Err(s3_error!(EntityTooLarge, "more than {PART_LEN_MAX} bytes are no part"));
    }
    Ok(range)
}

fn copy(source: &FileEntry, attributes: Attributes) -> S3Result<FileEntry> {
    let created = now();
    let (media_type, modified) = (attributes.media_type.clone(), attributes.modified());
    let headers = attributes.into_fields(&etag(source), checksums_of(source))?;
    Ok(FileEntry { media_type, headers, created, modified: modified.unwrap_or(created), ..source.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_to_copy_is_there() {
        for (text, range) in [(None, 0..10), (Some("bytes=0-9"), 0..10), (Some("bytes=3-3"), 3..4)] {
            assert_eq!(range_of(text, 10).unwrap(), range);
        }
        let code = |text| range_of(Some(text), 10).unwrap_err().code().clone();
        for beyond in ["bytes=0-10", "bytes=10-10", "bytes=3-", "bytes=-3"] {
            assert_eq!(code(beyond), S3ErrorCode::InvalidRange, "{beyond}");
        }
        for none in ["0-9", "bytes=5-3", "bytes=a-b", ""] {
            assert_eq!(code(none), S3ErrorCode::InvalidArgument, "{none}");
        }
        assert_eq!(*range_of(None, PART_LEN_MAX + 1).unwrap_err().code(), S3ErrorCode::EntityTooLarge);
    }
}
