//! Checking the folder of a stopped node: every shard is read and hashed, as after it was carried to another disk.

use std::io;
use std::path::Path;

use proofs::Root;
use protocol::{NetworkId, PublicKey};

use crate::config::NodeConfig;
use crate::key;
use crate::node::{SpawnNodeError, open_blocking};
use crate::rows::ShardRow;
use crate::store::{Store, Verdict};

/// Shards looked up at once.
const BATCH: usize = 64;

/// What was found in a node's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderReport {
    /// The node's identity.
    pub node: PublicKey,
    /// Shards that are kept, the damaged ones included.
    pub shards: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Shards that do not match their roots, or whose files are missing or cannot be read.
    pub damaged: Vec<Root>,
}

/// Reads everything that the stopped node of this network keeps in `dir`, and writes down what is damaged, so that the node
/// says so when it is asked. Fails when there is no node in the folder, or it runs. Blocks, for as long as the disk takes.
pub fn check_folder(dir: &Path, network: NetworkId) -> Result<FolderReport, SpawnNodeError> {
    // A folder without a node stays as it is.
    key::load(dir)?;
    let (store, secret) = open_blocking(&NodeConfig::new(dir.to_owned(), network))?;
    let mut report = FolderReport { node: secret.public(), shards: 0, bytes: 0, damaged: Vec::new() };
    let mut after = None;
    loop {
        let rows =
            store.rows_after(after, BATCH).map_err(|error| SpawnNodeError::Store(error.to_string()))?;
        let Some((last, _)) = rows.last() else { return Ok(report) };
        after = Some(*last);
        for (root, row) in rows {
            report.shards += 1;
            report.bytes += row.len.get();
            if !is_sound(&store, &root, row) {
                report.damaged.push(root);
            }
        }
    }
}

/// Reads a shard. What cannot be read may be read again another time, so nothing is written down about it.
fn is_sound(store: &Store, root: &Root, row: ShardRow) -> bool {
    let verdict = match store.open_copy(root, row).and_then(|copy| copy.check(|_| Ok(()))) {
        Ok(verdict) => verdict,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Verdict::Corrupt,
        Err(error) => {
            tracing::warn!(%root, %error, "a shard cannot be read");
            return false;
        }
    };
    if row.is_sound() != (verdict == Verdict::Sound) {
        store.judge(root, row.place, verdict);
    }
    verdict == Verdict::Sound
}
