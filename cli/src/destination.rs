//! Where what is read goes: a file or a folder appears under its name only when it is there whole.

use std::fs::Permissions;
use std::io::{self, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::{NamedTempFile, TempDir};
use tokio::io::AsyncWrite;

use crate::failure::Usage;
use crate::lifetime;

/// How drafts are called until they are whole.
const DRAFT_PREFIX: &str = ".headwater-";

/// What takes the bytes.
pub(crate) type Sink = Box<dyn AsyncWrite + Send + Unpin>;

/// Where the bytes of one file go.
#[derive(Debug)]
pub(crate) enum Destination {
    Stdout,
    /// Nothing, or a regular file: replaced at once when everything is there.
    File(PathBuf),
    /// A device or a pipe, which takes bytes as they come.
    Device(PathBuf),
}

impl Destination {
    /// What the user named; otherwise standard output, or on a terminal the file `name`.
    pub(crate) fn choose(
        named: Option<&Path>,
        name: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        match named {
            Some(path) if path == Path::new("-") => Ok(Self::Stdout),
            Some(path) => Self::at(path),
            None if !io::stdout().is_terminal() => Ok(Self::Stdout),
            None => {
                let name = name()?;
                if Path::new(&name).symlink_metadata().is_ok() {
                    return Err(Usage::because(format!("{name} is there already; say -o FILE")));
                }
                Ok(Self::File(name.into()))
            }
        }
    }

    /// What `path` means; a symbolic link means its target.
    fn at(path: &Path) -> anyhow::Result<Self> {
        let Ok(metadata) = path.metadata() else { return Ok(Self::File(path.to_owned())) };
        let path = path.canonicalize().with_context(|| format!("cannot write {}", path.display()))?;
        if metadata.is_dir() {
            return Err(Usage::because(format!("{} is a folder; say -o FILE", path.display())));
        }
        Ok(if metadata.is_file() { Self::File(path) } else { Self::Device(path) })
    }

    /// The file, unless it is standard output.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File(path) | Self::Device(path) => Some(path),
        }
    }

    /// Lets `write` write all of it.
    pub(crate) async fn fill(
        self,
        write: impl AsyncFnOnce(Sink) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Stdout => write(Box::new(tokio::io::stdout())).await,
            Self::Device(path) => {
                let device = tokio::fs::OpenOptions::new().write(true).open(&path).await;
                let device = device.with_context(|| format!("cannot write {}", path.display()))?;
                write(Box::new(device)).await
            }
            Self::File(path) => {
                let name = path.display();
                let draft = draft_of(&path).with_context(|| format!("cannot write {name}"))?;
                let file = tokio::fs::File::from_std(draft.as_file().try_clone()?);
                write(Box::new(file)).await.with_context(|| format!("{name} was not written"))?;
                draft.persist(&path).with_context(|| format!("cannot write {name}"))?;
                Ok(())
            }
        }
    }
}

/// The name under which a file is written: not the place to create .profile or what reads like an option.
pub(crate) fn safe_name(name: &str) -> String {
    match name.strip_prefix(['.', '-']) {
        Some(rest) => format!("_{rest}"),
        None => name.to_owned(),
    }
}

/// This path, or the first one like it with a number that nothing has: `scan (2).pdf`.
pub(crate) fn free_beside(path: &Path) -> PathBuf {
    let is_free = |path: &Path| path.symlink_metadata().is_err();
    let numbered = |number: u32| {
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let (stem, ending) = (part(path.file_stem()), part(path.extension()));
        let dot = if ending.is_empty() { "" } else { "." };
        path.with_file_name(format!("{stem} ({number}){dot}{ending}"))
    };
    let mut candidates = std::iter::once(path.to_owned()).chain((2..=u32::MAX).map(numbered));
    candidates.find(|path| is_free(path)).unwrap_or_else(|| path.to_owned())
}

/// A folder that is filled under another name.
#[derive(Debug)]
pub(crate) struct Folder {
    draft: TempDir,
    path: PathBuf,
}

impl Folder {
    /// The folder `path`, where nothing may be yet.
    pub(crate) fn at(path: PathBuf) -> anyhow::Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(Usage::because(format!(
                "{} is there already; name another folder with -o",
                path.display()
            )));
        }
        let draft = draft().permissions(Permissions::from_mode(0o777)).tempdir_in(folder_of(&path));
        Ok(Self { draft: draft.with_context(|| format!("cannot write {}", path.display()))?, path })
    }

    /// A new file in it, to be filled.
    pub(crate) fn file(&self, name: &Path) -> anyhow::Result<std::fs::File> {
        let path = self.draft.path().join(name);
        std::fs::create_dir_all(folder_of(&path))
            .and_then(|()| std::fs::File::create_new(&path))
            .with_context(|| format!("cannot write {}", self.path.join(name).display()))
    }

    /// A file in it with these bytes, in the place of one of this name. True when there was none.
    pub(crate) fn replace(&self, name: &Path, bytes: &[u8]) -> anyhow::Result<bool> {
        let path = self.draft.path().join(name);
        let is_new = !path.exists();
        std::fs::create_dir_all(folder_of(&path))
            .and_then(|()| std::fs::write(&path, bytes))
            .with_context(|| format!("cannot write {}", self.path.join(name).display()))?;
        Ok(is_new)
    }

    /// Gives it its name.
    pub(crate) fn finish(self) -> anyhow::Result<PathBuf> {
        let draft = self.draft.keep();
        if let Err(error) = std::fs::rename(&draft, &self.path) {
            // What cannot be removed either is named by the error.
            drop(std::fs::remove_dir_all(&draft));
            return Err(error).with_context(|| format!("cannot write {}", self.path.display()));
        }
        Ok(self.path)
    }
}

/// Does `work` unless the user ends it; what was not finished then disappears.
pub(crate) async fn unless_ended<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        ended = lifetime::ended(false) => ended.and_then(|()| bail!("interrupted; nothing was left behind")),
    }
}

/// A file beside `path` that disappears unless it is given its name.
fn draft_of(path: &Path) -> io::Result<NamedTempFile> {
    draft().permissions(Permissions::from_mode(0o666)).tempfile_in(folder_of(path))
}

fn draft() -> tempfile::Builder<'static, 'static> {
    let mut draft = tempfile::Builder::new();
    draft.prefix(DRAFT_PREFIX);
    draft
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_already_stays_and_the_next_one_has_a_number() {
        let folder = tempfile::tempdir().unwrap();
        for (expected, name) in [
            ("scan.pdf", "scan.pdf"),
            ("scan (2).pdf", "scan.pdf"),
            ("scan (3).pdf", "scan.pdf"),
            ("chart", "chart"),
            ("chart (2)", "chart"),
        ] {
            let free = free_beside(&folder.path().join(name));
            assert_eq!(free, folder.path().join(expected));
            std::fs::write(free, "").unwrap();
        }
    }

    #[test]
    fn what_is_received_does_not_configure_a_shell() {
        assert_eq!(safe_name(".profile"), "_profile");
        assert_eq!(safe_name("-rf"), "_rf");
        assert_eq!(safe_name("scan.pdf"), "scan.pdf");
    }
}
