//! Identities that a node had before: the successor records in its folder, and how one more is added.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use protocol::limits::{FORMER_IDENTITIES_MAX, RECORD_LEN_MAX};
use protocol::{
    BoundedList, FormerIdentities, NetworkId, PublicKey, SecretKey, Signed, Successor, UnixSeconds,
    Unverified,
};

use crate::disk::{OpenDirError, lock};
use crate::key;

/// The file of successor records, each behind `u16le` of its length, the oldest first.
const SUCCESSORS_FILE: &str = "successors";
/// The key that takes the place of the present one, while the change is under way.
const NEXT_KEY_FILE: &str = "node.key.next";

/// Why a node keeps its identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RekeyError {
    /// The folder has none.
    #[error(transparent)]
    Key(#[from] key::NodeKeyError),
    /// A node runs there, or the folder cannot be opened.
    #[error(transparent)]
    Folder(#[from] OpenDirError),
    /// A file cannot be read or written.
    #[error("cannot change the node's identity: {0}")]
    Io(#[from] io::Error),
    /// It has changed it too often.
    #[error("a node may have had {FORMER_IDENTITIES_MAX} identities before, and this one has")]
    TooOften,
}

/// Gives the stopped node in `dir` the identity `fresh`: the old key signs for it and is removed. Returns both ids, the
/// old one first. A crash on the way leaves the old identity or the new one, never none.
pub fn rekey(
    dir: &Path,
    network: &NetworkId,
    fresh: &SecretKey,
    now: UnixSeconds,
) -> Result<(PublicKey, PublicKey), RekeyError> {
    key::load(dir)?;
    let _lock = lock(dir)?;
    finish(dir)?;
    let old = key::load(dir)?;
    let mut records = read(dir)?;
    if records.len() >= FORMER_IDENTITIES_MAX {
        return Err(RekeyError::TooOften);
    }
    write_key(dir, fresh)?;
    let body = Successor { issued: now, node: fresh.public() };
    records.push((&Signed::sign(&old, network, body)).into());
    write(dir, &records)?;
    finish(dir)?;
    Ok((old.public(), fresh.public()))
}

/// The successor records in a node's folder, after completing a change of identity that was cut off.
pub(crate) fn former_identities(dir: &Path) -> io::Result<FormerIdentities> {
    finish(dir)?;
    BoundedList::new(read(dir)?).map_err(io::Error::other)
}

/// A new key counts once the record that names it is durable; before, it is nothing.
fn finish(dir: &Path) -> io::Result<()> {
    let next = dir.join(NEXT_KEY_FILE);
    let Ok(bytes) = fs::read(&next) else { return Ok(()) };
    let id = <[u8; 32]>::try_from(bytes).ok().map(|bytes| SecretKey::from_bytes(&bytes).public());
    if id.is_some() && id == last_named(dir)? {
        fs::rename(&next, dir.join(key::FILE))?;
    } else {
        fs::remove_file(&next)?;
    }
    File::open(dir)?.sync_all()
}

/// The identity that the last successor record names, by its own word.
fn last_named(dir: &Path) -> io::Result<Option<PublicKey>> {
    let records = read(dir)?;
    let named = records.last().and_then(|record| {
        let heading = protocol::RecordHeading::decode(record.as_bytes()).ok()?;
        record.verify(&heading.network()).ok()
    });
    Ok(named.map(|record| record.body().node))
}

fn read(dir: &Path) -> io::Result<Vec<Unverified<Successor>>> {
    let mut bytes = Vec::new();
    let most = FORMER_IDENTITIES_MAX * (2 + RECORD_LEN_MAX);
    match File::open(dir.join(SUCCESSORS_FILE)) {
        Ok(file) => file.take(most as u64).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    while let Some((len, behind)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes(*len));
        let Some((record, behind)) = behind.split_at_checked(len) else {
            return Err(io::Error::other(format!("the file {SUCCESSORS_FILE} ends within a record")));
        };
        records.push(Unverified::from_bytes(record.to_vec()).map_err(io::Error::other)?);
        rest = behind;
    }
    Ok(records)
}

fn write(dir: &Path, records: &[Unverified<Successor>]) -> io::Result<()> {
    let mut bytes = Vec::new();
    for record in records {
        let len = u16::try_from(record.as_bytes().len()).expect("a record has 4096 bytes at most");
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(record.as_bytes());
    }
    replace(dir, SUCCESSORS_FILE, &bytes, 0o644)
}

fn write_key(dir: &Path, key: &SecretKey) -> io::Result<()> {
    replace(dir, NEXT_KEY_FILE, &key.to_bytes(), 0o600)
}

/// Whole or not at all.
fn replace(dir: &Path, name: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    let draft = dir.join(format!("{name}.draft"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, dir.join(name))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

    fn secret(seed: u8) -> SecretKey {
        SecretKey::from_bytes(&[seed; 32])
    }

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        key::load_or_create(dir.path(), &secret(1)).unwrap();
        dir
    }

    #[test]
    fn each_identity_signs_for_the_next_one() {
        let dir = folder();
        for seed in 2..=5 {
            let (old, new) = rekey(dir.path(), &NETWORK, &secret(seed), UnixSeconds::new(9)).unwrap();
            assert_eq!((old, new), (secret(seed - 1).public(), secret(seed).public()));
            assert_eq!(key::load(dir.path()).unwrap().public(), new);
        }
        let former = former_identities(dir.path()).unwrap();
        for (place, record) in former.iter().enumerate() {
            let record = record.verify(&NETWORK).unwrap();
            let seed = u8::try_from(place).unwrap() + 1;
            assert_eq!((record.by(), record.body().node), (secret(seed).public(), secret(seed + 1).public()));
        }
        let refused = rekey(dir.path(), &NETWORK, &secret(6), UnixSeconds::new(9));
        assert!(matches!(refused, Err(RekeyError::TooOften)));
        assert_eq!(key::load(dir.path()).unwrap().public(), secret(5).public());
    }

    #[test]
    fn a_change_that_was_cut_off_is_completed_or_undone() {
        let dir = folder();
        write_key(dir.path(), &secret(2)).unwrap();
        assert!(former_identities(dir.path()).unwrap().is_empty());
        assert_eq!(key::load(dir.path()).unwrap().public(), secret(1).public(), "nothing had been signed");

        write_key(dir.path(), &secret(2)).unwrap();
        let body = Successor { issued: UnixSeconds::new(9), node: secret(2).public() };
        write(dir.path(), &[(&Signed::sign(&secret(1), &NETWORK, body)).into()]).unwrap();
        assert_eq!(former_identities(dir.path()).unwrap().len(), 1);
        assert_eq!(key::load(dir.path()).unwrap().public(), secret(2).public());
    }
}
