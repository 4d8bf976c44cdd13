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
use sharing::IndexPath;

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

    /// Has a key destroyed as soon as no file of the index needs it, and none of the names is held that its file has had. Durable when
    /// this returns.
    pub fn destroy_key_later<'a>(
        &self,
        salt: &Salt,
        names: impl IntoIterator<Item = &'a IndexPath>,
    ) -> Result<(), LocalError> {
        let names: Vec<_> = names.into_iter().map(IndexPath::as_str).collect();
        self.at("key-ends", |folder| {
            durable::replace(&folder.join(HEXLOWER.encode(salt.as_bytes())), names.join("\n").as_bytes())
        })
    }

    /// Destroys the keys that were to be, that no file needs, and that are not held. How many there were. Only for whoever has just heard
    /// what all other devices have written: one of them may hold a file whose name went here before an interruption.
    pub fn destroy_replaced_keys(&self, keys: &KeyStore, now: UnixSeconds) -> Result<usize, LocalError> {
        let is_held = |names: &str| {
            let paths = names.lines().filter_map(|name| IndexPath::new(name).ok());
            paths.into_iter().any(|path| self.index().hold_over(&path, now).is_some())
        };
        let needed: HashSet<_> = self.index().files().filter_map(|(_, file)| file.erasable).collect();
        self.at("key-ends", |folder| {
            let mut destroyed = 0;
            for file in fs::read_dir(&folder)? {
                let path = file?.path();
                let Some(salt) = path.file_name().and_then(|name| salt_of(name.to_str()?)) else { continue };
                if !needed.contains(&salt) {
                    if is_held(&fs::read_to_string(&path)?) && keys.get(&salt)?.is_some() {
                        continue;
                    }
                    destroyed += usize::from(keys.destroy(&salt)? == Destroyed::Here);
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
    use sharing::{EntryName, FileEntry, HeaderFields, Hold};

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
        local.destroy_key_later(&old, [&path]).unwrap();
        drop(local);
        // Interrupted before the index changed: the key is needed.
        let mut local = LocalIndex::open(&index).unwrap();
        assert_eq!(local.destroy_replaced_keys(&keys, NOW).unwrap(), 0);
        local.destroy_key_later(&old, [&path]).unwrap();
        write(&mut local, new);
        drop(local);
        // Interrupted after it.
        let mut local = LocalIndex::open(&index).unwrap();
        let hold = Hold::new(NOW, Some(UnixSeconds::new(u64::from(u32::MAX))), None).unwrap();
        local.write(vec![Change::Hold(path.clone(), hold)]).unwrap();
        assert_eq!(local.destroy_replaced_keys(&keys, NOW).unwrap(), 0, "held by then");
        local.write(vec![Change::Gone(EntryName::Hold(path.clone()), NOW)]).unwrap();
        assert_eq!(local.destroy_replaced_keys(&keys, NOW).unwrap(), 1);
        assert!(keys.get(&old).unwrap().is_none() && keys.get(&new).unwrap().is_some());
    }
}
