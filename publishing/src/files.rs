//! Files that come with a publication as they are: attachments, and a cover.

use std::fs::File;
use std::path::PathBuf;

use sharing::{Attachment, ContentHash, FileName, FileRef, MediaType};

use crate::publish::PublishError;
use crate::{Creator, Storing, hashing};

/// A file that comes with a publication.
#[derive(Debug, Clone)]
pub struct AttachedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is called in the publication.
    pub name: FileName,
    /// What it is.
    pub media_type: MediaType,
}

impl AttachedFile {
    /// The file as a bundle names it, stored now unless one of the `known` files is the same.
    pub(crate) async fn store(
        &self,
        storing: &Storing,
        creator: &Creator,
        known: &[&FileRef],
    ) -> Result<FileRef, PublishError> {
        let at = |source| PublishError::Read { path: self.path.clone(), source };
        let path = self.path.clone();
        let hashing = tokio::task::spawn_blocking(move || hashing::hash(&File::open(path)?, |_| ()));
        let hash = ContentHash::from_bytes(hashing.await.expect("hashing does not panic").map_err(at)?);
        let is_same = |file: &&&FileRef| file.hash == hash && file.media_type == self.media_type;
        if let Some(known) = known.iter().find(is_same) {
            return Ok((*known).clone());
        }
        let file = tokio::fs::File::open(&self.path).await.map_err(at)?;
        let stored = storing.put(creator, file, self.media_type.as_str(), |_| ()).await;
        let what = self.path.display().to_string();
        let stored = stored.map_err(|source| PublishError::Store { what, source })?;
        let (media_type, len) = (self.media_type.clone(), stored.len);
        Ok(FileRef { hash, key: stored.key, len, object: stored.object, media_type })
    }
}

/// Stores all of them.
pub(crate) async fn attach(
    files: &[AttachedFile],
    storing: &Storing,
    creator: &Creator,
    known: &[Attachment],
) -> Result<Vec<Attachment>, PublishError> {
    let known: Vec<&FileRef> = known.iter().map(|attachment| &attachment.file).collect();
    let mut attachments = Vec::with_capacity(files.len());
    for file in files {
        let name = file.name.clone();
        attachments.push(Attachment { file: file.store(storing, creator, &known).await?, name });
    }
    Ok(attachments)
}
