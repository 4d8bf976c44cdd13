//! What a device remembers beside the entries: who it is, and what of it lies on the network.

use std::io;
use std::path::Path;

use proofs::Cid;
use proofs::canonical;
use protocol::{Sequence, Slot, UnixSeconds};
use serde::{Deserialize, Serialize};
use sharing::{ContentHash, DeviceId, IndexRoot, Seen};

use crate::durable;

/// Longest state file, in bytes: hashes of 65 536 pages, and a root.
const STATE_LEN_MAX: usize = 16 << 20;
/// The version of this file's form.
const VERSION: u8 = 1;

/// The state file of a device, as canonical CBOR. It is this device's alone, and no exchange format.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    v: u8,
    /// Who this device is.
    pub(crate) device: DeviceId,
    /// The slot of its pointer, once it has one.
    pub(crate) slot: Option<Slot>,
    /// The version of its pointer.
    pub(crate) seq: Sequence,
    /// When its pointer was set with success.
    pub(crate) made: Option<UnixSeconds>,
    /// The object with the root that it put last.
    pub(crate) root: Option<Cid>,
    /// The pages that it has put, as a root.
    #[serde(with = "serde_bytes")]
    pushed: Vec<u8>,
    /// Objects that no pointer will need once the next one counts.
    pub(crate) superseded: Vec<Cid>,
    /// The pages in the snapshot.
    pub(crate) pages: Vec<ContentHash>,
    /// How far each device was seen.
    pub(crate) seen: Seen,
    /// Whether all that is in the snapshot is on the network.
    pub(crate) is_pushed: bool,
}

impl State {
    /// The state of a new device.
    pub(crate) fn new() -> Self {
        Self {
            v: VERSION,
            device: DeviceId::from_bytes(rand::random()),
            slot: None,
            seq: Sequence::FIRST,
            made: None,
            root: None,
            pushed: Vec::new(),
            superseded: Vec::new(),
            pages: Vec::new(),
            seen: Seen::default(),
            is_pushed: true,
        }
    }

    /// The state in a file, if there is one that can be read.
    pub(crate) fn load(path: &Path) -> io::Result<Option<Self>> {
        let Some(bytes) = durable::read(path)? else { return Ok(None) };
        let state = canonical::from_slice::<Self>(&bytes, STATE_LEN_MAX).ok();
        Ok(state.filter(|state| state.v == VERSION))
    }

    /// Writes the state, durably.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        durable::replace(path, &canonical::to_vec(self))
    }

    /// The pages that this device has put.
    pub(crate) fn pushed(&self) -> Option<IndexRoot> {
        IndexRoot::decode(&self.pushed).ok()
    }

    pub(crate) fn set_pushed(&mut self, pages: &IndexRoot) {
        self.pushed = pages.encode();
    }
}
