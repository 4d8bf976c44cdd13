//! The network file: what a client must know before it can find its first node.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use protocol::limits::{NETWORK_NODES_MAX, RECORD_LEN_MAX};
use protocol::{NetworkId, NodeRecord, RecordError, Signed};
use serde::{Deserialize, Serialize};

/// Longest network file, in bytes: as many of the longest records in base64, and some space around them.
pub const NETWORK_FILE_LEN_MAX: u64 = (NETWORK_NODES_MAX * (RECORD_LEN_MAX * 4 / 3 + 64)) as u64;

/// A network and its nodes, as a JSON file that people can read and hand on. It holds no secrets.
#[derive(Clone, PartialEq, Debug)]
pub struct NetworkFile {
    /// The network.
    pub network: NetworkId,
    /// All nodes stand at one site and are failure domains of their own (spec §12).
    pub same_site: bool,
    /// Where the network can be read over HTTP, when it can.
    pub gateway: Option<String>,
    /// The verified records of the nodes.
    pub nodes: Vec<Signed<NodeRecord>>,
}

impl NetworkFile {
    /// Reads and verifies a file.
    pub fn load(path: &Path) -> Result<Self, LoadNetworkError> {
        let failed = |source| LoadNetworkError::Io { path: path.to_owned(), source };
        let mut text = String::new();
        let file = File::open(path).map_err(failed)?;
        file.take(NETWORK_FILE_LEN_MAX + 1).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text).map_err(|source| LoadNetworkError::Content { path: path.to_owned(), source })
    }

    /// Writes the file so that whoever reads it finds the old or the new one whole, also after a crash.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name =
            path.file_name().ok_or_else(|| io::Error::other("the path of a network file names no file"))?;
        let temporary = folder.join(format!(".{}.{}", name.display(), std::process::id()));
        let written = write_durably(&temporary, self.to_json().as_bytes())
            .and_then(|()| fs::rename(&temporary, path))
            .and_then(|()| File::open(folder)?.sync_all());
        if written.is_err() {
            // The first error is the one to tell; what is left over is only a temporary file.
            drop(fs::remove_file(&temporary));
        }
        written
    }

    /// The network in the text of a file, every record verified.
    pub fn parse(text: &str) -> Result<Self, NetworkFileError> {
        if text.len() as u64 > NETWORK_FILE_LEN_MAX {
            return Err(NetworkFileError::TooLong);
        }
        let json: Json = serde_json::from_str(text).map_err(NetworkFileError::Json)?;
        let network = json.network.parse().map_err(NetworkFileError::Network)?;
        if json.nodes.len() > NETWORK_NODES_MAX {
            return Err(NetworkFileError::TooManyNodes { nodes: json.nodes.len() });
        }
        let records = json.nodes.iter().enumerate();
        let nodes =
            records.map(|(entry, text)| decode_record(entry, text, &network)).collect::<Result<_, _>>()?;
        Ok(Self { network, same_site: json.same_site, gateway: json.gateway, nodes })
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let json = Json {
            network: self.network.to_string(),
            same_site: self.same_site,
            gateway: self.gateway.clone(),
            nodes: self.nodes.iter().map(|record| BASE64URL_NOPAD.encode(&record.encode())).collect(),
        };
        let text = serde_json::to_string_pretty(&json).expect("texts and a flag are always JSON");
        text + "\n"
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    network: String,
    #[serde(default)]
    same_site: bool,
    #[serde(default)]
    gateway: Option<String>,
    nodes: Vec<String>,
}

fn decode_record(
    entry: usize,
    text: &str,
    network: &NetworkId,
) -> Result<Signed<NodeRecord>, NetworkFileError> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
    let bytes = bytes.map_err(|_| NetworkFileError::NotBase64 { entry })?;
    Signed::decode(&bytes, network).map_err(|source| NetworkFileError::Record { entry, source })
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Why no network could be read from a file.
#[derive(Debug, thiserror::Error)]
pub enum LoadNetworkError {
    /// The file cannot be read.
    #[error("cannot read the network file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is no network file.
    #[error("network file {}: {source}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: NetworkFileError,
    },
}

/// Why a text is no network file. Entries are counted from 0.
#[derive(Debug, thiserror::Error)]
pub enum NetworkFileError {
    /// Too long.
    #[error("more than {NETWORK_FILE_LEN_MAX} bytes")]
    TooLong,
    /// Not JSON, or with other keys.
    #[error("{0}")]
    Json(serde_json::Error),
    /// Its `network` is no network id.
    #[error("\"network\": {0}")]
    Network(protocol::ParseNetworkIdError),
    /// Too many nodes.
    #[error("\"nodes\" has {nodes} entries, at most {NETWORK_NODES_MAX} are allowed")]
    TooManyNodes {
        /// How many there are.
        nodes: usize,
    },
    /// An entry is not base64url without padding.
    #[error("\"nodes\"[{entry}] is not base64url without padding")]
    NotBase64 {
        /// Which one.
        entry: usize,
    },
    /// An entry is not a valid node record of this network.
    #[error("\"nodes\"[{entry}]: {source}")]
    Record {
        /// Which one.
        entry: usize,
        /// What is wrong with it.
        source: RecordError,
    },
}

#[cfg(test)]
mod tests {
    use protocol::{Addresses, CapacityClass, SecretKey, Sequence, UnixSeconds};

    use super::*;

    const NETWORK: NetworkId = NetworkId::from_bytes([1; 32]);

    fn record(seed: u8, network: NetworkId) -> Signed<NodeRecord> {
        let addrs = Addresses::new(vec!["127.0.0.1:4433".parse().unwrap()]).unwrap();
        let class = CapacityClass::new(3).unwrap();
        let body = NodeRecord::new(addrs, class, UnixSeconds::new(0), Sequence::FIRST);
        Signed::sign(&SecretKey::from_bytes(&[seed; 32]), &network, body)
    }

    fn file() -> NetworkFile {
        let gateway = Some("http://127.0.0.1:8080".to_string());
        let nodes = vec![record(1, NETWORK), record(2, NETWORK)];
        NetworkFile { network: NETWORK, same_site: true, gateway, nodes }
    }

    #[test]
    fn a_file_reads_as_it_was_written() {
        assert_eq!(NetworkFile::parse(&file().to_json()).unwrap(), file());
    }

    #[test]
    fn what_may_be_left_out_has_a_meaning() {
        let parsed = NetworkFile::parse(&format!(r#"{{"network": "{NETWORK}", "nodes": []}}"#)).unwrap();
        assert_eq!(
            parsed,
            NetworkFile { network: NETWORK, same_site: false, gateway: None, nodes: Vec::new() }
        );
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let good = file().to_json();
        let second = BASE64URL_NOPAD.encode(&file().nodes[1].encode());
        let stranger = BASE64URL_NOPAD.encode(&record(2, NetworkId::from_bytes([2; 32])).encode());
        let (kept, signature) = second.split_at(second.len() - 44);
        let (changed, end) = signature.split_at(40);
        let forged = format!("{kept}{}{end}", changed.to_lowercase());
        let cases = [
            (String::new(), "EOF"),
            ("[]".to_string(), "expected struct"),
            (good.replace("same_site", "samesite"), "unknown field `samesite`"),
            (good.replace("\"nodes\"", "\"node\""), "unknown field `node`"),
            (good.replace(&NETWORK.to_string(), "0101"), "\"network\": a network id is 64"),
            (good.replace(&second, "not/base64"), "\"nodes\"[1] is not base64url"),
            (good.replace(&second, &format!("{second}=")), "\"nodes\"[1] is not base64url"),
            (good.replace(&second, ""), "\"nodes\"[1]: not a signed record"),
            (good.replace(&second, &forged), "\"nodes\"[1]: "),
            (good.replace(&second, &stranger), "\"nodes\"[1]: record for network 0202"),
        ];
        for (text, expected) in cases {
            let error = NetworkFile::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} should say {expected:?}");
        }
    }

    #[test]
    fn a_network_has_a_bounded_number_of_nodes() {
        let nodes = vec![r#""""#; NETWORK_NODES_MAX + 1].join(",");
        let text = format!(r#"{{"network": "{NETWORK}", "nodes": [{nodes}]}}"#);
        assert!(
            matches!(NetworkFile::parse(&text), Err(NetworkFileError::TooManyNodes { nodes }) if nodes == NETWORK_NODES_MAX + 1)
        );
    }

    #[test]
    fn saving_replaces_the_file_whole_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.json");
        file().save(&path).unwrap();
        let other = NetworkFile { gateway: None, ..file() };
        other.save(&path).unwrap();
        assert_eq!(NetworkFile::load(&path).unwrap(), other);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        let nowhere = folder.path().join("missing/network.json");
        assert!(other.save(&nowhere).is_err());
        let error = NetworkFile::load(&nowhere).unwrap_err().to_string();
        assert!(error.contains("missing/network.json"), "{error}");
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.json");
        File::create(&path).unwrap().set_len(NETWORK_FILE_LEN_MAX + 1).unwrap();
        let error = NetworkFile::load(&path).unwrap_err();
        assert!(
            matches!(error, LoadNetworkError::Content { source: NetworkFileError::TooLong, .. }),
            "{error}"
        );
    }
}
