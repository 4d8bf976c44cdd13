//! Buckets: the folders at the top of the index.

use s3s::dto::{
    Bucket, CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput,
    HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::clock::timestamp;
use crate::orders::Order;
use crate::storage::Storage;

impl Storage {
    pub(crate) async fn list_buckets(
        &self,
        _: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let view = self.shelf.fresh_view();
        let bucket = |(name, created): (&str, _)| Bucket {
            name: Some(name.to_owned()),
            creation_date: Some(timestamp(created)),
            ..Bucket::default()
        };
        let buckets = Some(view.buckets().into_iter().map(bucket).collect());
        Ok(S3Response::new(ListBucketsOutput { buckets, ..ListBucketsOutput::default() }))
    }

    pub(crate) async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = request.input.bucket;
        if request.input.object_lock_enabled_for_bucket == Some(true) {
            return Err(s3_error!(NotImplemented, "locks on objects are not served"));
        }
        // As in the oldest region of S3, making one's own bucket again is well.
        let path = Self::bucket_path(&bucket)?;
        self.order(Order::MakeFolder { path }).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{bucket}")) }))
    }

    pub(crate) async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.view_of(&request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    pub(crate) async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let path = Self::bucket_path(&request.input.bucket)?;
        self.order(Order::RemoveBucket { path }).await?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    pub(crate) async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.view_of(&request.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    /// Never switched on: an answer without a status.
    pub(crate) async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.view_of(&request.input.bucket)?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }
}
