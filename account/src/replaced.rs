//! What is to end once something else is in its place: packs of folders of records, and keys of catalogues. It is written down before the
//! index changes, and looked at again when it has: so an interruption leaves neither an end that nobody remembers nor one too early.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use chunker::Salt;
use data_encoding::HEXLOWER;
use proofs::Cid;
use protocol::UnixSeconds;

use crate::durable;
use crate::key_store::{Destroyed, KeyStore};
use crate::local::{LocalError, LocalIndex};
use crate::releases::Pending;

impl LocalIndex {
    /// Has the leases of packs ended as soon as no catalogue names them. Durable when this returns.
    pub fn release_packs_later(
        &self,
        packs: impl IntoIterator<Item = Cid>,
        now: UnixSeconds,
    ) -> Result<(), LocalError> {
        self.at("pack-releases", |folder| Pending::at(folder).add(packs, now))
    }

    /// The packs that are to be released when no catalogue names them.
    pub fn waiting_packs(&self) -> Result<Vec<Cid>, LocalError> {
        self.at("pack-releases", |folder| Pending::at(folder).all())
    }

    /// Decides on the packs that wait, of which the catalogues that this and all other devices have written name these: they stay. The
    /// others are [to be released](Self::release_later), and returned.
    pub fn decide_packs(&self, named: &HashSet<Cid>, now: UnixSeconds) -> Result<Vec<Cid>, LocalError> {
        let waiting = self.waiting_packs()?;
        let unnamed: Vec<_> = waiting.iter().filter(|pack| !named.contains(*pack)).copied().collect();
        self.release_all_later(unnamed.iter().copied(), now)?;
        self.at("pack-releases", |folder| {
            let pending = Pending::at(folder);
            waiting.into_iter().try_for_each(|pack| pending.remove(pack))
        })?;
        Ok(unnamed)
    }

    /// Has a key destroyed as soon as no file of the index needs it. Durable when this returns.
    pub fn destroy_key_later(&self, salt: &Salt) -> Result<(), LocalError> {
        self.at("key-ends", |folder| durable::replace(&folder.join(HEXLOWER.encode(salt.as_bytes())), &[]))
    }

    /// Destroys the keys that were to be and that no file needs. How many there were.
    pub fn destroy_replaced_keys(&self, keys: &KeyStore) -> Result<usize, LocalError> {
        let needed: HashSet<_> = self.index().files().filter_map(|(_, file)| file.erasable).collect();
        self.at("key-ends", |folder| {
            let mut destroyed = 0;
            for file in fs::read_dir(&folder)? {
                let path = file?.path();
                let Some(salt) = path.file_name().and_then(|name| salt_of(name.to_str()?)) else { continue };
                if !needed.contains(&salt) && keys.destroy(&salt)? == Destroyed::Here {
                    destroyed += 1;
                }
                durable::remove(&path)?;
            }
            Ok(destroyed)
        })
    }

    /// Does something in a folder beside the index, which is made when it is missing.
    pub(crate) fn at<T>(
        &self,
        name: &str,
        work: impl FnOnce(PathBuf) -> io::Result<T>,
    ) -> Result<T, LocalError> {
        let folder = self.folder().join(name);
        let done = durable::create_folder(&folder).and_then(|()| work(folder.clone()));
        done.map_err(|source| LocalError::Io { path: folder, source })
    }
}

fn salt_of(name: &str) -> Option<Salt> {
    let bytes: [u8; 32] = HEXLOWER.decode(name.as_bytes()).ok()?.try_into().ok()?;
    Some(Salt::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use chunker::ContentKey;
    use sharing::{FileEntry, HeaderFields, IndexPath};

    use super::*;
    use crate::Change;

    const NOW: UnixSeconds = UnixSeconds::new(1000);

    fn entry(object: Cid, erasable: Option<Salt>) -> FileEntry {
        FileEntry {
            object,
            len: 1,
            media_type: None,
            created: NOW,
            modified: NOW,
            until: NOW.plus(1000),
            erasable,
            headers: HeaderFields::default(),
        }
    }

    #[test]
    fn packs_wait_over_a_restart_until_no_catalogue_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let (named, unnamed) = (Cid::of(b"named"), Cid::of(b"unnamed"));
        LocalIndex::open(folder.path()).unwrap().release_packs_later([named, unnamed], NOW).unwrap();

        let local = LocalIndex::open(folder.path()).unwrap();
        assert_eq!(local.waiting_packs().unwrap().len(), 2);
        assert!(!local.pending().is_there(unnamed), "nothing is released before somebody has looked");
        assert_eq!(local.decide_packs(&HashSet::from([named]), NOW).unwrap(), [unnamed]);
        assert!(local.pending().is_there(unnamed) && !local.pending().is_there(named));
        assert!(local.waiting_packs().unwrap().is_empty());
    }

    #[test]
    fn a_key_is_destroyed_after_an_interruption_when_its_file_is_gone_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyStore::at(folder.path().join("keys"));
        let index = folder.path().join("index");
        let (old, new) = (Salt::from_bytes([1; 32]), Salt::from_bytes([2; 32]));
        for salt in [&old, &new] {
            keys.keep(salt, &ContentKey::from_bytes([3; 32])).unwrap();
        }
        let path = IndexPath::new("records").unwrap();
        let write = |local: &mut LocalIndex, salt| {
            local.write(vec![Change::File(path.clone(), entry(Cid::of(b"c"), Some(salt)))]).unwrap();
        };
        let mut local = LocalIndex::open(&index).unwrap();
        write(&mut local, old);
        local.destroy_key_later(&old).unwrap();
        drop(local);
        // Interrupted before the index changed: the key is needed.
        let mut local = LocalIndex::open(&index).unwrap();
        assert_eq!(local.destroy_replaced_keys(&keys).unwrap(), 0);
        local.destroy_key_later(&old).unwrap();
        write(&mut local, new);
        drop(local);
        // Interrupted after it.
        let local = LocalIndex::open(&index).unwrap();
        assert_eq!(local.destroy_replaced_keys(&keys).unwrap(), 1);
        assert!(keys.get(&old).unwrap().is_none() && keys.get(&new).unwrap().is_some());
    }
}
