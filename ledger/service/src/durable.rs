//! Files and folders that are there again after the power was gone.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Makes this folder, and those above it that are missing. When this returns, their names are durable.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !is_there(above)).collect();
    fs::create_dir_all(folder)?;
    missing.into_iter().try_for_each(sync_name)
}

/// Makes the name of a file or folder durable.
pub(crate) fn sync_name(path: &Path) -> io::Result<()> {
    match path.parent().filter(|above| !above.as_os_str().is_empty()) {
        Some(above) => sync_folder(above),
        None => sync_folder(Path::new(".")),
    }
}

/// Makes all names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes beside the place, and moves it there: whoever reads has all of it or none. Its name has to be made durable then.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

/// Makes an empty file, where there is none, that its owner alone may read.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.append(true).create(true).mode(0o600).open(path).map(drop)
}

/// The folder in which a path without one lies is there.
fn is_there(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_read_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        make_private(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "kept").unwrap();
        make_private(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"kept");
    }

    #[test]
    fn folders_are_made_and_files_replaced() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("one/two");
        for _ in 0..2 {
            make_folder(&folder).unwrap();
        }
        let path = folder.join("file");
        for bytes in [b"first".as_slice(), b"2"] {
            replace(&path, bytes).unwrap();
            sync_name(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft is left");
    }
}
