//! Many files as one run of bytes: the list of a folder, then what each file holds.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::Context as _;
use sharing::{FolderFile, IndexPath, MediaType, SharedFolder};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

use crate::media_type;

/// Reads the list, and then one file after another, each exactly as long as the list says.
#[derive(Debug)]
pub(crate) struct FolderSource {
    head: io::Cursor<Vec<u8>>,
    files: VecDeque<(PathBuf, u64)>,
    current: Option<(File, u64)>,
    len: u64,
}

impl FolderSource {
    /// All files that are named, and all in the folders that are; symbolic links are left out.
    pub(crate) fn of(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut found = Vec::new();
        for path in paths {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.with_context(|| format!("{} has no name that can be shared", path.display()))?;
            // One folder is shared as what is in it.
            let name = if paths.len() == 1 && path.is_dir() { "" } else { name };
            collect(path, name, &mut found)?;
        }
        found.sort_by(|(one, ..), (two, ..)| one.cmp(two));
        let listed = found.iter().map(|(name, _, len)| FolderFile {
            len: *len,
            name: name.clone(),
            media_type: media_type::of_name(name.file_name()).and_then(|text| MediaType::new(text).ok()),
        });
        let folder = SharedFolder::new(listed.collect())?;
        let head = folder.head();
        let len = head.len() as u64 + folder.files().iter().map(|file| file.len).sum::<u64>();
        let files = found.into_iter().map(|(_, path, len)| (path, len)).collect();
        Ok(Self { head: io::Cursor::new(head), files, current: None, len })
    }

    /// Bytes of list and files together.
    pub(crate) const fn len(&self) -> u64 {
        self.len
    }

    fn poll_files(&mut self, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let Some((file, left)) = &mut self.current else {
                let Some((path, len)) = self.files.pop_front() else { return Poll::Ready(Ok(())) };
                self.current = Some((File::from_std(std::fs::File::open(path)?), len));
                continue;
            };
            if *left == 0 {
                self.current = None;
                continue;
            }
            let room = usize::try_from(*left).unwrap_or(usize::MAX).min(out.remaining());
            let mut limited = ReadBuf::new(out.initialize_unfilled_to(room));
            ready!(Pin::new(file).poll_read(context, &mut limited))?;
            let read = limited.filled().len();
            if read == 0 {
                return Poll::Ready(Err(io::Error::other("a file became shorter while it was read")));
            }
            *left -= read as u64;
            out.advance(read);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncRead for FolderSource {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let source = self.get_mut();
        if source.head.position() < source.head.get_ref().len() as u64 {
            return Pin::new(&mut source.head).poll_read(context, out);
        }
        source.poll_files(context, out)
    }
}

/// Why a file cannot be shared: a name of the index, which other commands take, is none here.
pub(crate) fn unreadable(path: &Path) -> String {
    let shown = path.display();
    if path.is_absolute() && !path.exists() {
        return format!(
            "there is no file {shown} on this machine; what has this name in your index goes to people by `headwater grant`, or is shared after `headwater get`"
        );
    }
    format!("cannot read {shown}")
}

fn collect(path: &Path, name: &str, found: &mut Vec<(IndexPath, PathBuf, u64)>) -> anyhow::Result<()> {
    let shown = path.display();
    let metadata = std::fs::symlink_metadata(path).with_context(|| unreadable(path))?;
    if metadata.is_file() {
        let name = IndexPath::new(name).with_context(|| format!("{shown} cannot be shared"))?;
        found.push((name, path.to_owned(), metadata.len()));
    } else if metadata.is_dir() {
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {shown}"))? {
            let entry = entry?;
            let below = entry.file_name();
            let below = below.to_str().with_context(|| format!("a name in {shown} is not UTF-8"))?;
            let name = if name.is_empty() { below.to_owned() } else { format!("{name}/{below}") };
            collect(&entry.path(), &name, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_folder_becomes_a_list_and_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/b.txt"), "beta").unwrap();
        std::fs::write(folder.path().join("a.txt"), "alpha").unwrap();
        std::os::unix::fs::symlink("a.txt", folder.path().join("link")).unwrap();
        let mut source = FolderSource::of(&[folder.path().to_owned()]).unwrap();
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes.len() as u64, source.len());
        let len = SharedFolder::list_len(*bytes.first_chunk().unwrap()).unwrap();
        let listed = SharedFolder::decode(&bytes[4..4 + len], bytes.len() as u64).unwrap();
        let names: Vec<_> = listed.files().iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a.txt", "deep/b.txt"]);
        assert_eq!(&bytes[4 + len..], b"alphabeta");
    }
}
