//! Copies: the same object under another name; no byte moves.

use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use sharing::FileEntry;

use super::objects::unmet;
use crate::address::Address;
use crate::attributes::{Attributes, attributes_of, checksums_of, current, etag};
use crate::clock::{now, seconds, timestamp};
use crate::conditions::Conditions;
use crate::orders::{Order, Origin};
use crate::storage::Storage;

impl Storage {
    pub(crate) async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let given = Attributes::read(&request.headers)?;
        let input = request.input;
        let CopySource::Bucket { bucket, key, version_id: None } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "only BUCKET/KEY can be copied, without a version"));
        };
        let (Address::File(from), Address::File(path)) =
            (Self::address(bucket, key)?, Self::address(&input.bucket, &input.key)?)
        else {
            return Err(s3_error!(
                NotImplemented,
                "a key that ends with / stands for a folder and is not copied"
            ));
        };
        self.view_of(&input.bucket)?;
        let view = self.view_of(bucket)?;
        let source =
            view.file(&from).ok_or_else(|| s3_error!(NoSuchKey, "nothing has the key to copy from"))?;
        let conditions = Conditions {
            matching: input.copy_source_if_match,
            none_matching: input.copy_source_if_none_match,
            modified_since: input.copy_source_if_modified_since.as_ref().map(seconds),
            unmodified_since: input.copy_source_if_unmodified_since.as_ref().map(seconds),
        };
        // Unlike a read, a copy has no answer «you have it already».
        let permitted = conditions.permit_reading(&current(source));
        permitted.map_err(|_| unmet(crate::conditions::Unmet::Failed))?;
        let replaces = input.metadata_directive.is_some_and(|directive| directive.as_str() == "REPLACE");
        if from == path && !replaces {
            return Err(s3_error!(
                InvalidRequest,
                "a copy onto itself changes nothing but what it says of itself"
            ));
        }
        let file = Box::new(copy(source, if replaces { given } else { attributes_of(source) })?);
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
}

fn copy(source: &FileEntry, attributes: Attributes) -> S3Result<FileEntry> {
    let created = now();
    let (media_type, modified) = (attributes.media_type.clone(), attributes.modified());
    let headers = attributes.into_fields(&etag(source), checksums_of(source))?;
    Ok(FileEntry { media_type, headers, created, modified: modified.unwrap_or(created), ..source.clone() })
}
