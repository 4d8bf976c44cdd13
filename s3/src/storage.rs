//! What all operations share: the network, the index, and the files in between.

use std::sync::Arc;

use account::{Account, KeyStore};
use chunker::{Coding, ContentKey, Padding, RequiredTags};
use client::{Client, Object, OpenObjectError, PutOptions, PutReport};
use protocol::UnixSeconds;
use quick_cache::sync::Cache;
use s3s::{S3Result, s3_error};
use sharing::{FileEntry, HeaderFields, IndexPath, MediaType};
use tokio::io::AsyncRead;
use tokio::sync::Semaphore;

use crate::address::{Address, address, bucket_path};
use crate::clock::now;
use crate::orders::Order;
use crate::shelf::Shelf;
use crate::spool::Spool;
use crate::trouble;
use crate::turns::Turns;
use crate::view::View;
use crate::writer::Orders;

/// Objects that were opened last and stay so: their manifests need not be fetched again. At most 1 MiB each.
pub(crate) const OPENED_MAX: usize = 128;
/// Shares of the memory for bodies on their way in.
pub(crate) const PUT_SHARES: usize = 64;
/// Shares of a body that is longer than [`SHORT_LEN`], or of which the length is not known: at most four at a time.
const LONG_SHARES: u32 = 16;
/// What is not longer takes one share: it fits into the first block that is sealed.
const SHORT_LEN: u64 = 1 << 20;

/// Buckets and keys over an account.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) client: Client,
    pub(crate) account: Account,
    pub(crate) keys: KeyStore,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) orders: Orders,
    pub(crate) spool: Spool,
    pub(crate) coding: Coding,
    pub(crate) keep_s: u64,
    pub(crate) opened: Cache<proofs::Cid, Object>,
    pub(crate) puts: Semaphore,
    /// Who completes or aborts which upload.
    pub(crate) turns: Turns,
}

/// An object that was stored, and until when.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) report: PutReport,
    pub(crate) until: UnixSeconds,
}

impl Storage {
    /// The index now, in which there is this bucket.
    pub(crate) fn view_of(&self, bucket: &str) -> S3Result<Arc<View>> {
        let view = self.shelf.fresh_view();
        if view.bucket(bucket).is_some() {
            return Ok(view);
        }
        Err(s3_error!(NoSuchBucket, "there is no folder {bucket} at the top of the index"))
    }

    /// The place of a key.
    pub(crate) fn address(bucket: &str, key: &str) -> S3Result<Address> {
        address(bucket, key).map_err(trouble::of_name)
    }

    /// The place of a bucket.
    pub(crate) fn bucket_path(bucket: &str) -> S3Result<IndexPath> {
        bucket_path(bucket).map_err(trouble::of_name)
    }

    /// Has an order done.
    pub(crate) async fn order(&self, order: Order) -> S3Result<()> {
        self.orders.give(order).await.map_err(|error| trouble::of_write(&error))
    }

    /// Stores bytes for this path.
    pub(crate) async fn store(
        &self,
        reader: impl AsyncRead + Send + Unpin,
        len: Option<u64>,
        path: &IndexPath,
        media_type: Option<&MediaType>,
    ) -> S3Result<Stored> {
        let shares = if len.is_some_and(|len| len <= SHORT_LEN) { 1 } else { LONG_SHARES };
        let _share = self.puts.acquire_many(shares).await.expect("the semaphore is never closed");
        let until = now().plus(self.keep_s);
        let options = PutOptions {
            coding: self.coding,
            padding: Padding::None,
            name: Some(path.file_name().to_owned()),
            media_type: media_type.map(ToString::to_string),
            expires: until,
            required: RequiredTags::default(),
            secrets: self.account.new_secrets(),
        };
        let put = self.client.put(reader, options, |_| {}).await.map_err(trouble::of_put)?;
        Ok(Stored { report: put, until })
    }

    /// The object of a file, opened.
    pub(crate) async fn open(&self, file: &FileEntry) -> S3Result<Object> {
        if let Some(object) = self.opened.get(&file.object) {
            return Ok(object);
        }
        let manifest = self.client.manifest(&file.object).await;
        let manifest = manifest.map_err(|error| trouble::of_open(&OpenObjectError::from(error)))?;
        let key = self.key(file, &manifest.salt())?;
        let opened = Object::open(self.client.clone(), manifest, &key);
        let object = opened.map_err(|error| trouble::of_open(&OpenObjectError::from(error)))?;
        self.opened.insert(file.object, object.clone());
        Ok(object)
    }

    fn key(&self, file: &FileEntry, salt: &chunker::Salt) -> S3Result<ContentKey> {
        let Some(erasable) = &file.erasable else { return Ok(self.account.secret().content_key(salt)) };
        let key = self.keys.get(erasable).map_err(|error| trouble::of_disk(&error))?;
        key.ok_or_else(|| {
            s3_error!(AccessDenied, "the key of this file is on another machine: it is erasable")
        })
    }
}

impl Stored {
    /// The entry of what was stored.
    pub(crate) fn into_entry(
        self,
        media_type: Option<MediaType>,
        modified: Option<UnixSeconds>,
        headers: HeaderFields,
    ) -> FileEntry {
        let created = now();
        FileEntry {
            object: self.report.cid,
            len: self.report.size,
            media_type,
            created,
            modified: modified.unwrap_or(created),
            until: self.until,
            erasable: None,
            headers,
        }
    }
}
