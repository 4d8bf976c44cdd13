//! Content keys of erasable objects: one file each, outside of everything that the account secret gives back.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chunker::{ContentKey, Salt};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::durable;

/// A folder of content keys by salt.
#[derive(Debug, Clone)]
pub struct KeyStore {
    folder: PathBuf,
}

/// What became of a key that was to be destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destroyed {
    /// It was written over and removed, durably.
    Here,
    /// This device had none.
    WasNotHere,
}

impl KeyStore {
    /// The keys in this folder, which is made when the first one is kept.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Keeps a key, durably, before anything is put with it.
    pub fn keep(&self, salt: &Salt, key: &ContentKey) -> io::Result<()> {
        durable::create_folder(&self.folder)?;
        durable::replace(&self.path(salt), key.expose())
    }

    /// The key with this salt.
    pub fn get(&self, salt: &Salt) -> io::Result<Option<ContentKey>> {
        let Some(bytes) = durable::read(&self.path(salt))?.map(Zeroizing::new) else { return Ok(None) };
        let key = bytes.as_slice().try_into().map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("key of {} bytes, 32 are expected", bytes.len()),
            )
        })?;
        Ok(Some(ContentKey::from_bytes(key)))
    }

    /// Destroys a key: writes over it, waits until that is on the disk, removes it, and waits again.
    ///
    /// Solid-state disks and file systems that copy on write may keep the old bytes in places that no program reaches.
    pub fn destroy(&self, salt: &Salt) -> io::Result<Destroyed> {
        let path = self.path(salt);
        let mut file = match fs::OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Destroyed::WasNotHere),
            Err(error) => return Err(error),
        };
        file.write_all(&rand::random::<[u8; 32]>())?;
        file.sync_all()?;
        durable::remove(&path)?;
        Ok(Destroyed::Here)
    }

    /// Where the keys are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, salt: &Salt) -> PathBuf {
        self.folder.join(HEXLOWER.encode(salt.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_kept_until_it_is_destroyed() {
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore::at(folder.path().join("keys"));
        let (salt, key) = (Salt::from_bytes([1; 32]), ContentKey::from_bytes([2; 32]));
        assert_eq!(store.get(&salt).unwrap(), None);
        store.keep(&salt, &key).unwrap();
        assert_eq!(store.get(&salt).unwrap(), Some(key));
        let mode = fs::metadata(store.path(&salt)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        // Another name for the same file shows what is left of its contents.
        let other_name = folder.path().join("other");
        fs::hard_link(store.path(&salt), &other_name).unwrap();
        assert_eq!(store.destroy(&salt).unwrap(), Destroyed::Here);
        assert_ne!(fs::read(other_name).unwrap(), [2; 32]);
        assert_eq!(store.get(&salt).unwrap(), None);
        assert_eq!(store.destroy(&salt).unwrap(), Destroyed::WasNotHere);
        assert_eq!(fs::read_dir(store.folder()).unwrap().count(), 0);
    }
}
