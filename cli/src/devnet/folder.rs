//! The folder of a devnet and the names in it.
//!
//! ```text
//! devnet.json          what runs; there only while it runs
//! network.json         the network file
//! plan.json            network id and addresses, for the next run
//! token                opens the control address and the gateways' uploads; new at every run
//! nodes/01 …           one folder per storage node
//! gateways/01 …        one folder per gateway, with its account
//! logs/node-1.log …    what each process says
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use data_encoding::HEXLOWER;

use crate::folders;
use crate::membership;

/// An existing folder, by its absolute path.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Creates the folder where it does not exist.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let made = fs::create_dir_all(path.join("logs")).and_then(|()| path.canonicalize());
        made.map(Self).with_context(|| format!("cannot create the devnet's folder {}", path.display()))
    }

    pub(super) fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    pub(super) fn network(&self) -> PathBuf {
        self.0.join("network.json")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.0.join("devnet.json")
    }

    pub(super) fn token(&self) -> PathBuf {
        self.0.join("token")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.0.join(format!("logs/{}.log", name.replace(' ', "-")))
    }

    /// The folder of the node with this number, counted from 0; created where it does not exist.
    pub(super) fn node(&self, number: usize) -> anyhow::Result<PathBuf> {
        created(self.0.join(format!("nodes/{:02}", number + 1)))
    }

    /// The folder of the gateway with this number, counted from 0; created where it does not exist.
    pub(super) fn gateway(&self, number: usize) -> anyhow::Result<PathBuf> {
        created(self.0.join(format!("gateways/{:02}", number + 1)))
    }

    /// Removes `devnet.json`, so that nobody takes what ran once for what runs now.
    pub(super) fn forget_state(&self) -> anyhow::Result<()> {
        match fs::remove_file(self.state()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.state().display()))
            }
            _ => Ok(()),
        }
    }

    /// A new random token, which is also written where only this user can read it.
    pub(super) fn new_token(&self) -> anyhow::Result<String> {
        let token = HEXLOWER.encode(&membership::random());
        let path = self.token();
        folders::write_privately(&path, token.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(token)
    }
}

fn created(path: PathBuf) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(&path).with_context(|| format!("cannot create the folder {}", path.display()))?;
    Ok(path)
}
