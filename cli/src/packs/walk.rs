//! The files of a folder in the order of their names, which is that of a pack's index; nothing that leads elsewhere.

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::OFlags;
use sharing::{IndexPath, RECORD_BYTES_MAX};

/// Deepest folder, so that a walk ends.
const DEPTH_MAX: usize = 256;

/// How much there is in a folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// A file that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) name: IndexPath,
    len: u64,
}

/// All files below a folder. Symbolic links, and whatever is neither file nor folder, are errors.
#[derive(Debug)]
pub(super) struct Walk {
    /// What is left to visit in each folder down to the present one.
    open: Vec<std::vec::IntoIter<Child>>,
}

#[derive(Debug)]
struct Child {
    path: PathBuf,
    /// From the root on, with a slash behind it when it is a folder: so folders sort as their contents do.
    name: String,
}

/// Counts the files below a folder, and looks whether all of them can be records.
pub(crate) fn measure(root: &Path) -> anyhow::Result<Measured> {
    let mut measured = Measured::default();
    for found in Walk::new(root)? {
        let Found { path, len, .. } = found?;
        if len > RECORD_BYTES_MAX as u64 {
            bail!(
                "{} has {len} bytes, a record has {RECORD_BYTES_MAX} at most: put it by itself",
                path.display()
            );
        }
        measured.files += 1;
        measured.bytes += len;
    }
    Ok(measured)
}

/// The bytes of a file, which must still be one, and not a link to another.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        bail!("{} is not a file any more", path.display());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0).min(RECORD_BYTES_MAX));
    // One byte more than a record may have is refused as such.
    let limit = RECORD_BYTES_MAX as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

fn open(path: &Path) -> std::io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

impl Walk {
    pub(super) fn new(root: &Path) -> anyhow::Result<Self> {
        Ok(Self { open: vec![children(root, "")?] })
    }

    fn visit(&mut self, child: Child) -> anyhow::Result<Option<Found>> {
        let Child { path, name } = child;
        if name.ends_with('/') {
            if self.open.len() >= DEPTH_MAX {
                bail!("{} lies deeper than {DEPTH_MAX} folders", path.display());
            }
            self.open.push(children(&path, &name)?);
            return Ok(None);
        }
        let len = fs::symlink_metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = IndexPath::new(name).with_context(|| format!("{} cannot be a name", path.display()))?;
        Ok(Some(Found { path, name, len: len.len() }))
    }
}

impl Iterator for Walk {
    type Item = anyhow::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.open.last_mut()?.next() {
                None => drop(self.open.pop()),
                Some(child) => match self.visit(child) {
                    Ok(None) => {}
                    Ok(Some(found)) => return Some(Ok(found)),
                    Err(error) => {
                        self.open.clear();
                        return Some(Err(error));
                    }
                },
            }
        }
    }
}

/// What is in a folder, in the order in which its files are named.
fn children(folder: &Path, name: &str) -> anyhow::Result<std::vec::IntoIter<Child>> {
    let shown = folder.display();
    let mut children = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read the folder {shown}"))? {
        let entry = entry.with_context(|| format!("cannot read the folder {shown}"))?;
        let path = entry.path();
        let own = entry.file_name().into_string();
        let own = own.ok().with_context(|| format!("{} has a name that is no UTF-8", path.display()))?;
        let kind = entry.file_type().with_context(|| format!("cannot read {}", path.display()))?;
        let slash = match (kind.is_dir(), kind.is_file()) {
            (true, _) => "/",
            (_, true) => "",
            _ if kind.is_symlink() => bail!("{} is a symbolic link; nothing was stored", path.display()),
            _ => bail!("{} is neither a file nor a folder; nothing was stored", path.display()),
        };
        children.push(Child { path, name: format!("{name}{own}{slash}") });
    }
    children.sort_by(|one, two| one.name.cmp(&two.name));
    Ok(children.into_iter())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(root: &Path) -> anyhow::Result<Vec<String>> {
        Walk::new(root)?.map(|found| Ok(found?.name.as_str().to_owned())).collect()
    }

    #[test]
    fn files_come_in_the_order_of_their_whole_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/b", "a b", "a.json", "a/c/d", "ä", "B"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let found = names(folder.path()).unwrap();
        assert!(found.is_sorted(), "{found:?}");
        assert_eq!(found.len(), 6);
        assert_eq!(measure(folder.path()).unwrap(), Measured { files: 6, bytes: 3 + 3 + 6 + 5 + 2 + 1 });
    }

    #[test]
    fn nothing_leads_out_of_the_folder() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(outside.path().join("secret"), "secret").unwrap();
        fs::write(folder.path().join("a"), "a").unwrap();
        for target in [outside.path().to_owned(), outside.path().join("secret"), "nowhere".into()] {
            let link = folder.path().join("link");
            symlink(&target, &link).unwrap();
            let error = measure(folder.path()).unwrap_err().to_string();
            assert!(error.contains("is a symbolic link"), "{error}");
            assert!(read(&link).is_err(), "a link that comes later is not followed either");
            fs::remove_file(link).unwrap();
        }
        assert!(read(folder.path()).is_err(), "a folder is no record");
    }
}
