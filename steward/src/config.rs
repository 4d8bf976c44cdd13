//! What an operator decides.

use std::path::PathBuf;
use std::time::Duration;

use crate::plan::Rules;

/// How often the folder of mandates is looked at, unless told otherwise.
const SCAN_EVERY: Duration = Duration::from_secs(5);
/// How often nodes are asked whom they know, unless told otherwise.
const MEMBERS_EVERY: Duration = Duration::from_secs(30);

/// Everything that a steward needs to know. [`StewardConfig::new`] gives sensible values to all but the folder.
#[derive(Debug, Clone)]
pub struct StewardConfig {
    /// The folder for state, log and status; created when it is missing.
    pub dir: PathBuf,
    /// The folder of mandates: what lies in it is looked after, and what is taken out is let go.
    pub mandates: PathBuf,
    /// How often that folder is looked at.
    pub scan_every: Duration,
    /// How often nodes are asked who joined, moved or leaves.
    pub members_every: Duration,
    /// How it decides.
    pub rules: Rules,
    /// A shell command that is run with every warning.
    pub on_warning: Option<String>,
}

impl StewardConfig {
    /// The usual settings over a folder, mandates in a folder inside it.
    pub fn new(dir: PathBuf) -> Self {
        let mandates = dir.join("mandates");
        Self {
            dir,
            mandates,
            scan_every: SCAN_EVERY,
            members_every: MEMBERS_EVERY,
            rules: Rules::default(),
            on_warning: None,
        }
    }

    /// The file in the folder that remembers the nodes which a steward has heard of, as a network file. It may be
    /// deleted: what it says comes back from the nodes.
    pub fn members_file(&self) -> PathBuf {
        self.dir.join("members.json")
    }
}
