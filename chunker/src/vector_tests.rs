//! The golden files in `docs/vectors/chunker`: each is read and every vector in it tried, and each is made again and compared.
//!
//! With `HEADWATER_WRITE_VECTORS=1` they are written instead. A change in them is a change of the format.

mod cbor;
mod cells;
mod geometry;
mod header;
mod keys;
mod link;
mod manifest;
mod object;

use std::fs;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ControlKey;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/chunker"))
}

/// The vectors in the file `name`, after making sure that they are those which `made` says.
fn golden<T: Serialize + DeserializeOwned>(name: &str, made: &T) -> T {
    let mut text = serde_json::to_string_pretty(made).unwrap();
    text.push('\n');
    golden_bytes(name, text.as_bytes());
    serde_json::from_str(&text).unwrap()
}

fn golden_bytes(name: &str, made: &[u8]) {
    let path = folder().join(name);
    if std::env::var_os("HEADWATER_WRITE_VECTORS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
    }
    let found = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(found == made, "{} is not what this code makes", path.display());
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn unhex32(text: &str) -> [u8; 32] {
    unhex(text).try_into().unwrap()
}

/// 32 bytes that differ from those with another name.
fn bytes32(name: &str) -> [u8; 32] {
    *blake3::hash(name.as_bytes()).as_bytes()
}

/// The encoding of Ed25519's base point (RFC 8032, section 5.1).
const BASE_POINT: [u8; 32] = {
    let mut bytes = [0x66; 32];
    bytes[0] = 0x58;
    bytes
};

fn control() -> ControlKey {
    ControlKey::from_bytes(BASE_POINT).unwrap()
}
