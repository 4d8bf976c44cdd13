//! The folder of mandates: one file for each object that is looked after, and optionally a note beside it.
//!
//! `NAME.mandate` holds the signed record, as bytes or in base64url; `NAME.json` beside it may hold
//! `{"object": "bafyr4i…", "keep_until": 1830297600, "tags": ["films"]}`. The object may also be named by the mandate
//! itself. Whoever puts a file there writes it under another name first and renames it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use data_encoding::BASE64URL_NOPAD;
use proofs::Cid;
use protocol::limits::RECORD_LEN_MAX;
use protocol::{Mandate, NetworkId, RecordError, Signed, UnixSeconds};
use serde::{Deserialize, Serialize};

const MANDATE: &str = "mandate";
const NOTE: &str = "json";
/// Longest note, in bytes.
const NOTE_LEN_MAX: u64 = 16 << 10;

/// An object that somebody wants looked after.
#[derive(Debug, Clone, PartialEq)]
pub struct Ward {
    /// The object.
    pub cid: Cid,
    /// The leave to care for it.
    pub mandate: Signed<Mandate>,
    /// Until when it is to be kept; the mandate's end, where nobody said.
    pub keep_until: UnixSeconds,
    /// Words by which the operator finds it.
    pub tags: Vec<String>,
}

/// Why a file in the folder is of no use.
#[derive(Debug, thiserror::Error)]
pub enum WardError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is longer than any such file.
    #[error("longer than {0} bytes")]
    TooLong(u64),
    /// It holds no mandate for this network.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// The note beside it cannot be understood.
    #[error("the note beside it: {0}")]
    Note(#[from] serde_json::Error),
    /// Nothing says which object is meant.
    #[error("neither the mandate nor a note beside it names the object")]
    NoObject,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Note {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_until: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

/// What is in the folder, and which files of it are of no use.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) wards: Vec<Ward>,
    pub(crate) refused: Vec<(PathBuf, WardError)>,
}

/// Reads the folder. An error means that nothing is known about what is in it.
pub(crate) fn scan(folder: &Path, network: &NetworkId) -> io::Result<Scan> {
    let mut scan = Scan::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == MANDATE) {
            match read(&path, network) {
                Ok(ward) => scan.wards.push(ward),
                Err(error) => scan.refused.push((path, error)),
            }
        }
    }
    Ok(scan)
}

/// Writes the two files of an object into the folder, in place of those that were there.
pub fn write_ward(folder: &Path, ward: &Ward) -> io::Result<()> {
    let note = Note {
        object: Some(ward.cid.to_string()),
        keep_until: Some(ward.keep_until.get()),
        tags: ward.tags.clone(),
    };
    let note = serde_json::to_vec(&note).map_err(io::Error::other)?;
    let mandate = BASE64URL_NOPAD.encode(&ward.mandate.encode());
    replace(&file(folder, &ward.cid, NOTE), &note)?;
    replace(&file(folder, &ward.cid, MANDATE), mandate.as_bytes())
}

/// Takes the files of an object out of the folder. False when there were none under its name.
pub fn remove_ward(folder: &Path, cid: &Cid) -> io::Result<bool> {
    let removed = remove(&file(folder, cid, MANDATE))?;
    remove(&file(folder, cid, NOTE))?;
    Ok(removed)
}

fn file(folder: &Path, cid: &Cid, extension: &str) -> PathBuf {
    folder.join(format!("{cid}.{extension}"))
}

fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, contents)?;
    fs::rename(&part, path)
}

fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true),
    }
}

fn read(path: &Path, network: &NetworkId) -> Result<Ward, WardError> {
    let bytes = read_short(path, 2 * RECORD_LEN_MAX as u64)?;
    let digits: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = BASE64URL_NOPAD.decode(&digits).unwrap_or(bytes);
    let mandate = Signed::<Mandate>::decode(&bytes, network)?;
    let note = match read_short(&path.with_extension(NOTE), NOTE_LEN_MAX) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(WardError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Note::default(),
        Err(error) => return Err(error),
    };
    let named = note.object.and_then(|text| text.parse().ok()).or(mandate.body().object);
    let keep_until = note.keep_until.map_or(mandate.body().expires, UnixSeconds::new);
    Ok(Ward { cid: named.ok_or(WardError::NoObject)?, mandate, keep_until, tags: note.tags })
}

fn read_short(path: &Path, len_max: u64) -> Result<Vec<u8>, WardError> {
    if fs::metadata(path)?.len() > len_max {
        return Err(WardError::TooLong(len_max));
    }
    Ok(fs::read(path)?)
}

#[cfg(test)]
mod tests {
    use protocol::{ByteHours, SecretKey};

    use super::*;

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

    fn ward(object: Option<Cid>) -> Ward {
        let body = Mandate {
            byte_hours: ByteHours::new(9),
            expires: UnixSeconds::new(100),
            holder: SecretKey::from_bytes(&[1; 32]).public(),
            object,
        };
        let mandate = Signed::sign(&SecretKey::from_bytes(&[2; 32]), &NETWORK, body);
        let tags = vec!["films".to_owned()];
        Ward { cid: Cid::of(b"object"), mandate, keep_until: UnixSeconds::new(50), tags }
    }

    #[test]
    fn what_was_written_is_found_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let ward = ward(None);
        write_ward(folder.path(), &ward).unwrap();
        write_ward(folder.path(), &ward).unwrap();
        let found = scan(folder.path(), &NETWORK).unwrap();
        assert_eq!(found.wards.as_slice(), std::slice::from_ref(&ward));
        assert!(found.refused.is_empty());
        assert!(remove_ward(folder.path(), &ward.cid).unwrap());
        assert!(!remove_ward(folder.path(), &ward.cid).unwrap());
        assert_eq!(scan(folder.path(), &NETWORK).unwrap().wards, []);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_mandate_alone_is_enough_when_it_names_its_object() {
        let folder = tempfile::tempdir().unwrap();
        let ward = ward(Some(Cid::of(b"object")));
        fs::write(folder.path().join("any name.mandate"), ward.mandate.encode()).unwrap();
        let found = scan(folder.path(), &NETWORK).unwrap();
        assert_eq!(found.wards, [Ward { keep_until: UnixSeconds::new(100), tags: vec![], ..ward }]);
    }

    #[test]
    fn what_is_of_no_use_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write("nameless.mandate", &ward(None).mandate.encode());
        write("garbage.mandate", b"hello");
        write("long.mandate", &[b'A'; 9000]);
        write("noted.mandate", &ward(None).mandate.encode());
        write("noted.json", b"{\"colour\": 1}");
        write("ignored.txt", b"hello");
        let found = scan(folder.path(), &NETWORK).unwrap();
        assert_eq!((found.wards.len(), found.refused.len()), (0, 4));
        let other = scan(folder.path(), &NetworkId::from_bytes([2; 32])).unwrap();
        assert_eq!(other.refused.len(), 4);
    }
}
