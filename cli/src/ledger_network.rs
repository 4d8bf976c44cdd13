//! For which network this user signs at a ledger.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use protocol::NetworkId;
use reqwest::Url;

use crate::folders::{config, write_atomically};
use crate::membership::{self, Network};

/// Where the networks of ledgers are remembered, in the user's configuration folder.
const FILE: &str = "ledgers.json";
/// Ledgers that are remembered.
const LEDGERS_MAX: usize = 1000;

/// Refuses a ledger of another network than the user's own, or, where they have none, than it was at first.
pub(crate) fn check(named: Option<&Path>, ledger: &Url, network: NetworkId) -> anyhow::Result<()> {
    let has_one = named.is_some() || membership::path(None)?.exists();
    if has_one {
        return compare(Network::id(named)?, ledger, network);
    }
    pin(&config()?.join(FILE), ledger, network)
}

fn compare(expected: NetworkId, ledger: &Url, network: NetworkId) -> anyhow::Result<()> {
    if network == expected {
        return Ok(());
    }
    bail!(
        "the ledger at {ledger} says that it is one of network {network}; nothing is signed but for {expected}"
    )
}

fn pin(path: &PathBuf, ledger: &Url, network: NetworkId) -> anyhow::Result<()> {
    let mut known: BTreeMap<String, String> = match fs::read(path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    if let Some(expected) = known.get(ledger.as_str()) {
        let expected = expected.parse().with_context(|| format!("{} is damaged", path.display()))?;
        return compare(expected, ledger, network)
            .with_context(|| format!("remembered in {}", path.display()));
    }
    if known.len() >= LEDGERS_MAX {
        bail!("{} remembers {LEDGERS_MAX} ledgers, and takes no more", path.display());
    }
    known.insert(ledger.to_string(), network.to_string());
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = written.and_then(|()| write_atomically(path, &serde_json::to_vec(&known)?));
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_stays_in_the_network_in_which_it_was_first_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headwater").join(FILE);
        let [one, other] = [1, 2].map(|n| NetworkId::from_bytes([n; 32]));
        let [here, there] =
            ["http://127.0.0.1:8700/", "https://ledger.example/"].map(|url| url.parse().unwrap());
        pin(&path, &here, one).unwrap();
        pin(&path, &there, other).unwrap();
        pin(&path, &here, one).unwrap();
        assert!(
            pin(&path, &here, other)
                .unwrap_err()
                .chain()
                .any(|why| why.to_string().contains("nothing is signed"))
        );
    }
}
