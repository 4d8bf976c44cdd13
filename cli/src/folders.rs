//! Where this user's things lie: the XDG folders, each file overridable by flag or environment.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use etcetera::BaseStrategy;

/// Our folder inside the user's configuration folder: `~/.config/headwater` on most systems.
pub(crate) fn config() -> anyhow::Result<PathBuf> {
    let base = etcetera::choose_base_strategy().context("cannot tell which folder is your home; set HOME")?;
    Ok(base.config_dir().join("headwater"))
}

/// Our folder for what the roles keep: `~/.local/share/headwater` on most systems.
pub(crate) fn data() -> anyhow::Result<PathBuf> {
    let base = etcetera::choose_base_strategy().context("cannot tell which folder is your home; set HOME")?;
    Ok(base.data_dir().join("headwater"))
}

/// Writes `contents` under `path` so that a reader finds the old file or the new one, never a part.
pub(crate) fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(path, contents, 0o666)
}

/// The same, for a file that only its owner may read.
pub(crate) fn write_privately(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace(path, contents, 0o600)
}

/// Makes the names in the folder of `path` durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The draft has a name that nobody can foresee, so that nothing that lies there already is written to or through.
fn replace(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let mut draft = tempfile::Builder::new();
    draft.prefix(".headwater-").permissions(Permissions::from_mode(mode));
    let mut file = draft.tempfile_in(folder_of(path))?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_has_put_where_a_draft_could_be_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("out"), folder.path().join("other"));
        std::fs::write(&other, "theirs").unwrap();
        let guess = folder.path().join(format!("out.{}.tmp", std::process::id()));
        std::os::unix::fs::symlink(&other, &guess).unwrap();
        write_privately(&path, b"ours").unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
        assert_eq!(std::fs::read(&path).unwrap(), b"ours");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        write_privately(&path, b"newer").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"newer");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "a draft was left");
    }
}
