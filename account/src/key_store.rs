//! Content keys of erasable objects: one file each, outside of everything that the account secret gives back.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chunker::{ContentKey, Salt};
use data_encoding::HEXLOWER;
use proofs::canonical;
use sharing::{ERASURE_GIVEN_MAX, KeyGiven};
use zeroize::Zeroizing;

use crate::durable;

/// Longest list of those to whom a key was given, in bytes.
const GIVEN_LEN_MAX: usize = 40 << 20;

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
        let destroyed = destroy_key(&self.path(salt))?;
        let given = self.given_path(salt);
        if given.exists() {
            durable::remove(&given)?;
        }
        Ok(destroyed)
    }

    /// Writes down, durably and before it happens, to whom a key is given.
    pub fn will_be_given(&self, salt: &Salt, given: KeyGiven) -> io::Result<()> {
        self.will_be_given_all(salt, [given])
    }

    /// To whom a key was given, and those before it of which it has [taken over](Self::take_over) the place.
    pub fn given(&self, salt: &Salt) -> io::Result<Vec<KeyGiven>> {
        let Some(bytes) = durable::read(&self.given_path(salt))? else { return Ok(Vec::new()) };
        canonical::from_slice(&bytes, GIVEN_LEN_MAX).map_err(damaged)
    }

    /// A key takes the place of another one: to whom this was given is not forgotten.
    pub fn take_over(&self, from: &Salt, to: &Salt) -> io::Result<()> {
        self.will_be_given_all(to, self.given(from)?)
    }

    /// Where the keys are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn will_be_given_all(&self, salt: &Salt, more: impl IntoIterator<Item = KeyGiven>) -> io::Result<()> {
        let mut more = more.into_iter().peekable();
        if more.peek().is_none() {
            return Ok(());
        }
        let mut list = self.given(salt)?;
        more.try_for_each(|given| given.enter(&mut list)).map_err(damaged)?;
        if list.len() > ERASURE_GIVEN_MAX {
            return Err(io::Error::other(format!(
                "this key was given by more than {ERASURE_GIVEN_MAX} grants"
            )));
        }
        durable::create_folder(&self.folder)?;
        durable::replace(&self.given_path(salt), &canonical::to_vec(&list))
    }

    fn path(&self, salt: &Salt) -> PathBuf {
        self.folder.join(HEXLOWER.encode(salt.as_bytes()))
    }

    fn given_path(&self, salt: &Salt) -> PathBuf {
        self.path(salt).with_extension("given")
    }
}

fn destroy_key(path: &Path) -> io::Result<Destroyed> {
    let mut file = match fs::OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Destroyed::WasNotHere),
        Err(error) => return Err(error),
    };
    file.write_all(&rand::random::<[u8; 32]>())?;
    file.sync_all()?;
    durable::remove(path)?;
    Ok(Destroyed::Here)
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use protocol::{SecretKey, UnixSeconds};
    use sharing::{KeyGivenBy, LinkId};

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

    #[test]
    fn to_whom_a_key_was_given_is_known_as_long_as_it_or_what_took_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let store = KeyStore::at(folder.path().join("keys"));
        let (old, new) = (Salt::from_bytes([1; 32]), Salt::from_bytes([2; 32]));
        let given = |grant, seed| {
            let to = SecretKey::from_bytes(&[seed; 32]).public();
            KeyGiven::new(UnixSeconds::new(1), KeyGivenBy::Grant, LinkId::from_bytes([grant; 32]), [to])
                .unwrap()
        };
        store.keep(&old, &ContentKey::from_bytes([3; 32])).unwrap();
        assert_eq!(store.given(&old).unwrap(), []);
        for entry in [given(2, 1), given(1, 1), given(2, 1)] {
            store.will_be_given(&old, entry).unwrap();
        }
        assert_eq!(store.given(&old).unwrap(), [given(1, 1), given(2, 1)]);
        store.take_over(&old, &new).unwrap();
        store.will_be_given(&new, given(1, 9)).unwrap();
        store.destroy(&old).unwrap();
        assert_eq!(store.given(&old).unwrap(), []);
        let known: Vec<_> = store.given(&new).unwrap().iter().map(|given| given.to().len()).collect();
        assert_eq!(known, [2, 1]);
        store.destroy(&new).unwrap();
        assert_eq!(fs::read_dir(store.folder()).unwrap().count(), 0);
    }
}
