//! An upload becomes one ordinary object.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::future::BoxFuture;
use futures_util::{Stream, stream};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, ETag};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use sharing::{IndexPath, MediaType};
use tokio::task::spawn_blocking;
use tokio_util::io::StreamReader;

use super::objects::unmet;
use super::uploads::{file_path, lost};
use crate::attributes::{Attributes, current};
use crate::conditions::Conditions;
use crate::orders::{Order, Origin};
use crate::spool::{About, Completed, Part};
use crate::storage::Storage;
use crate::trouble;

/// What a client wants to become an object.
struct Completion {
    id: String,
    bucket: String,
    key: String,
    path: IndexPath,
    wanted: Vec<CompletedPart>,
    conditions: Conditions,
}

impl Storage {
    /// Answers at once, and sends spaces until the object is stored: that takes as long as a put of the whole file. It goes on when the
    /// client goes away, which asks again and is told then.
    pub(crate) async fn complete_multipart_upload(
        self: &Arc<Self>,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let completion = Completion::read(request.input)?;
        if let Some(tag) = self.tag_of_completed(&completion).await? {
            return Ok(S3Response::new(completion.output(tag)));
        }
        // What can be refused is refused before the answer begins.
        self.prepare(&completion).await?;
        let storage = self.clone();
        let completing = tokio::spawn(async move {
            let done = storage.complete(completion).await;
            done.inspect_err(|error| trouble::log("complete_multipart_upload", error))
        });
        let future: BoxFuture<'static, _> = Box::pin(async { completing.await.map_err(lost)? });
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            future: Some(future),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn complete(self: Arc<Self>, completion: Completion) -> S3Result<CompleteMultipartUploadOutput> {
        let _turn = self.turns.take(&completion.id).await;
        // Whoever had the turn before may have wanted the same.
        if let Some(tag) = self.tag_of_completed(&completion).await? {
            return Ok(completion.output(tag));
        }
        let (about, parts) = self.prepare(&completion).await?;
        let tag = tag_of(parts.iter().map(|part| part.md5));
        self.put_parts(&completion, about, parts, &tag).await?;
        let Completion { id, bucket, key, .. } = &completion;
        let completed = Completed { bucket: bucket.clone(), key: key.clone(), tag: tag.value().to_owned() };
        let id = id.clone();
        self.on_disk(move |storage| storage.spool.complete(&id, &completed)).await?;
        Ok(completion.output(tag))
    }

    /// Stores the parts as one object, and gives it its name.
    async fn put_parts(
        self: &Arc<Self>,
        completion: &Completion,
        about: About,
        parts: Vec<Part>,
        tag: &ETag,
    ) -> S3Result<()> {
        let Completion { id, path, conditions, .. } = completion;
        let media_type = about.media_type.and_then(|text| MediaType::new(text).ok());
        let (count, len) = (parts.len(), parts.iter().map(|part| part.len).sum());
        let attributes = Attributes { media_type, fields: about.fields };
        let reader = StreamReader::new(Box::pin(read_all(self.clone(), id.clone(), parts)));
        let stored = self.store(reader, Some(len), path, attributes.media_type.as_ref()).await?;
        let (media_type, modified) = (attributes.media_type.clone(), attributes.modified());
        let file = Box::new(stored.into_entry(media_type, modified, attributes.into_fields(tag, [])?));
        let (path, conditions) = (path.clone(), conditions.clone());
        self.order(Order::Put { path, file, origin: Origin::Stored, conditions }).await?;
        tracing::info!(parts = count, bytes = len, "an upload became an object");
        Ok(())
    }

    /// What the upload is for, and the parts that make up the object, when nothing speaks against it.
    async fn prepare(self: &Arc<Self>, completion: &Completion) -> S3Result<(About, Vec<Part>)> {
        let Completion { id, bucket, key, path, wanted, conditions } = completion;
        let about = self.upload(bucket, key, id).await?;
        let view = self.view_of(bucket)?;
        conditions.permit_writing(view.file(path).map(current).as_ref()).map_err(unmet)?;
        let id = id.clone();
        let there = self.on_disk(move |storage| storage.spool.parts(&id)).await?;
        Ok((about, chosen(wanted, &there)?))
    }

    /// The tag of the object, when the same was asked for and done before.
    async fn tag_of_completed(self: &Arc<Self>, completion: &Completion) -> S3Result<Option<ETag>> {
        let id = completion.id.clone();
        let completed = self.on_disk(move |storage| storage.spool.completed(&id)).await?;
        completed.map(|completed| completion.same_as(&completed)).transpose()
    }
}

impl Completion {
    fn read(input: CompleteMultipartUploadInput) -> S3Result<Self> {
        Ok(Self {
            path: file_path(&input.bucket, &input.key)?,
            id: input.upload_id,
            bucket: input.bucket,
            key: input.key,
            wanted: input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default(),
            conditions: Conditions {
                matching: input.if_match,
                none_matching: input.if_none_match,
                ..Conditions::default()
            },
        })
    }

    /// The tag of what was done, when this would do the same.
    fn same_as(&self, completed: &Completed) -> S3Result<ETag> {
        let tag = tag_of_named(&self.wanted).filter(|tag| tag.value() == completed.tag);
        tag.filter(|_| self.bucket == completed.bucket && self.key == completed.key)
            .ok_or_else(|| s3_error!(NoSuchUpload, "the upload has become an object, and not this one"))
    }

    fn output(self, tag: ETag) -> CompleteMultipartUploadOutput {
        let Self { bucket, key, .. } = self;
        CompleteMultipartUploadOutput {
            location: Some(format!("/{bucket}/{key}")),
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(tag),
            ..CompleteMultipartUploadOutput::default()
        }
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

/// The tag of a file that came in parts with these MD5s: the MD5 of all of them, and how many they were.
fn tag_of(parts: impl ExactSizeIterator<Item = [u8; 16]>) -> ETag {
    let (mut md5, count) = (Md5::new(), parts.len());
    for part in parts {
        md5.update(&part);
    }
    ETag::Strong(format!("{}-{count}", HEXLOWER.encode(&md5.finalize())))
}

/// The tag of a file of the parts that a client names, when it names them by their tags.
fn tag_of_named(wanted: &[CompletedPart]) -> Option<ETag> {
    let md5 = |part: &CompletedPart| {
        let tag = HEXLOWER.decode(part.e_tag.as_ref()?.value().as_bytes()).ok()?;
        <[u8; 16]>::try_from(tag).ok()
    };
    let parts: Vec<_> = wanted.iter().map(md5).collect::<Option<_>>()?;
    Some(tag_of(parts.into_iter()))
}

#[cfg(test)]
mod tests {
    use protocol::UnixSeconds;
    use s3s::S3ErrorCode;

    use super::*;

    fn part(number: i32) -> Part {
        Part { number, len: 1, md5: [u8::try_from(number).unwrap(); 16], at: UnixSeconds::new(1) }
    }

    fn named(number: i32, tag: &str) -> CompletedPart {
        let e_tag = Some(ETag::Strong(tag.to_owned()));
        CompletedPart { part_number: Some(number), e_tag, ..CompletedPart::default() }
    }

    fn completion(key: &str, wanted: Vec<CompletedPart>) -> Completion {
        Completion {
            id: "0".repeat(32),
            bucket: "photos".to_owned(),
            key: key.to_owned(),
            path: IndexPath::new("photos/a").unwrap(),
            wanted,
            conditions: Conditions::default(),
        }
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
        let tag = "a2178117d5e9ed5f7660ab3e6719c6a2-2";
        assert_eq!(tag_of([[1; 16], [2; 16]].into_iter()).value(), tag);
    }

    #[test]
    fn only_the_same_completion_has_been_done() {
        let tag = "a2178117d5e9ed5f7660ab3e6719c6a2-2".to_owned();
        let done = Completed { bucket: "photos".to_owned(), key: "a".to_owned(), tag: tag.clone() };
        let (one, two) = (named(1, &"01".repeat(16)), named(2, &"02".repeat(16)));
        let both = vec![one.clone(), two.clone()];
        assert_eq!(completion("a", both.clone()).same_as(&done).unwrap().value(), tag);
        let nameless = CompletedPart { e_tag: None, ..two.clone() };
        let others = [
            ("b", both),
            ("a", vec![one.clone()]),
            ("a", vec![two, one.clone()]),
            ("a", vec![one, nameless]),
            ("a", vec![]),
        ];
        for (key, wanted) in others {
            let refused = completion(key, wanted).same_as(&done).unwrap_err();
            assert_eq!(*refused.code(), S3ErrorCode::NoSuchUpload);
        }
    }
}
