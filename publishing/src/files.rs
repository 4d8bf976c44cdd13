//! Files that come with a publication as they are: attachments, and a cover.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use sharing::{ATTACHMENTS_MAX, Attachment, ContentHash, FileName, FileRef, MediaType};

use crate::publish::PublishError;
use crate::{Creator, Storing, carries_credentials, hashing};

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
    /// The first bytes; what cannot be read has none.
    fn head(&self) -> Result<Vec<u8>, PublishError> {
        let mut head = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(HEAD_LEN).read_to_end(&mut head));
        read.map_err(|source| PublishError::Read { path: self.path.clone(), source })?;
        Ok(head)
    }

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

/// Looks at a cover and at attachments as far as that is possible without storing anything.
pub(crate) fn check(cover: Option<&AttachedFile>, attachments: &[AttachedFile]) -> Result<(), PublishError> {
    if let Some(cover) = cover {
        let head = cover.head()?;
        if Picture::of(&head).is_none_or(|picture| picture.media_type() != cover.media_type.as_str()) {
            return Err(PublishError::Cover { path: cover.path.clone() });
        }
    }
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(PublishError::Attachments { count: attachments.len() });
    }
    let mut names = HashSet::new();
    for attachment in attachments {
        attachment.head()?;
        if !names.insert(&attachment.name) {
            return Err(PublishError::SameName { name: attachment.name.clone() });
        }
    }
    Ok(())
}

/// Bytes at the beginning of a file that tell what it is.
const HEAD_LEN: u64 = 12;

/// Pictures that every browser shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Picture {
    Jpeg,
    Png,
    WebP,
}

impl Picture {
    /// What a file is that begins like this.
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
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
        let has_credentials = carries_credentials(&file.path)
            .map_err(|source| PublishError::Read { path: file.path.clone(), source })?;
        let file = file.store(storing, creator, &known).await?;
        attachments.push(Attachment { file, name, has_credentials });
    }
    Ok(attachments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8], media_type: &str) -> AttachedFile {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let (name, media_type) = (FileName::new(name).unwrap(), MediaType::new(media_type).unwrap());
        AttachedFile { path, name, media_type }
    }

    #[test]
    fn a_cover_is_a_picture_by_name_and_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let jpeg = file(&folder, "a.jpg", &[0xff, 0xd8, 0xff, 0xe0], "image/jpeg");
        let webp = file(&folder, "a.webp", b"RIFF\x08\0\0\0WEBPVP8 ", "image/webp");
        for good in [&jpeg, &webp] {
            check(Some(good), &[]).unwrap();
        }
        let text = file(&folder, "b.jpg", b"no picture", "image/jpeg");
        let gif = file(&folder, "a.gif", b"GIF89a", "image/gif");
        let empty = file(&folder, "c.png", b"", "image/png");
        let other = AttachedFile { media_type: MediaType::new("image/png").unwrap(), ..jpeg };
        for bad in [text, gif, empty, other] {
            let said = check(Some(&bad), &[]).unwrap_err().to_string();
            assert!(said.ends_with("it is no JPEG, PNG or WebP") && !said.contains('"'), "{said}");
        }
    }

    #[test]
    fn attachments_can_be_read_and_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let map = file(&folder, "map.pdf", b"a map", "application/pdf");
        check(None, std::slice::from_ref(&map)).unwrap();
        let twice = check(None, &[map.clone(), map.clone()]).unwrap_err().to_string();
        assert_eq!(twice, "two attachments are called map.pdf: give one of the files another name");
        let gone = AttachedFile { path: folder.path().join("gone"), ..map.clone() };
        assert!(matches!(check(None, &[gone]), Err(PublishError::Read { .. })));
        let folder_itself = AttachedFile { path: folder.path().to_owned(), ..map.clone() };
        assert!(matches!(check(None, &[folder_itself]), Err(PublishError::Read { .. })));
        let many = check(None, &vec![map; ATTACHMENTS_MAX + 1]).unwrap_err();
        assert!(matches!(many, PublishError::Attachments { count: 101 }), "{many}");
    }
}
