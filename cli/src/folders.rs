//! Where this user's things lie: the XDG folders, each file overridable by flag or environment.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
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

fn replace(path: &Path, contents: &[u8], mode: u32) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.tmp", std::process::id()));
    let draft = PathBuf::from(draft);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}
