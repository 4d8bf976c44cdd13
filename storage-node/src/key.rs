//! The node's identity: 32 bytes in `node.key`, made at the first start.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use protocol::SecretKey;

/// Why a node has no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeKeyError {
    /// The file cannot be read or written.
    #[error("cannot use the key {0}: {1}")]
    Io(PathBuf, io::Error),
    /// It has another length.
    #[error("the key {0} has {1} bytes instead of 32")]
    Length(PathBuf, usize),
    /// Others could read it.
    #[error("the key {0} can be read by others: its mode is {1:o}, it should be 600")]
    Mode(PathBuf, u32),
}

/// The file of the key.
pub(crate) const FILE: &str = "node.key";

/// The key in this folder.
pub(crate) fn load(dir: &Path) -> Result<SecretKey, NodeKeyError> {
    let path = dir.join(FILE);
    let file = File::open(&path).map_err(|error| NodeKeyError::Io(path.clone(), error))?;
    read(&path, file)
}

/// The key in this folder. When there is none, `fresh` becomes the key.
pub(crate) fn load_or_create(dir: &Path, fresh: &SecretKey) -> Result<SecretKey, NodeKeyError> {
    let path = dir.join(FILE);
    let failed = |error| NodeKeyError::Io(path.clone(), error);
    match File::open(&path) {
        Ok(file) => read(&path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(dir, &path, fresh).map_err(failed)?;
            Ok(fresh.clone())
        }
        Err(error) => Err(failed(error)),
    }
}

fn read(path: &Path, file: File) -> Result<SecretKey, NodeKeyError> {
    let failed = |error| NodeKeyError::Io(path.to_owned(), error);
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(NodeKeyError::Mode(path.to_owned(), mode));
    }
    let mut bytes = Vec::with_capacity(33);
    file.take(33).read_to_end(&mut bytes).map_err(failed)?;
    let key = bytes.as_slice().try_into().map_err(|_| NodeKeyError::Length(path.to_owned(), bytes.len()))?;
    Ok(SecretKey::from_bytes(key))
}

/// Whole or not at all: written elsewhere, synced, then given its name.
fn create(dir: &Path, path: &Path, key: &SecretKey) -> io::Result<()> {
    let draft = dir.join("tmp").join("node.key");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&key.to_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("tmp")).unwrap();
        let [first, second] = [1, 2].map(|seed| SecretKey::from_bytes(&[seed; 32]));
        for fresh in [&first, &second] {
            let key = load_or_create(dir.path(), fresh).unwrap();
            assert_eq!(key.public(), first.public());
        }
        let path = dir.path().join("node.key");
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o640);
        assert!(matches!(load_or_create(dir.path(), &first), Err(NodeKeyError::Mode(_, 0o640))));
        mode(0o600);
        for len in [0, 31, 33] {
            std::fs::write(&path, vec![1; len]).unwrap();
            let refused = load_or_create(dir.path(), &first);
            assert!(matches!(refused, Err(NodeKeyError::Length(_, found)) if found == len));
        }
    }
}
