//! How new what was read from the network is, and what would make that certain.

use client::{PointersRead, Quorum};
use protocol::{Pointer, PublicKey, Signed, Slot, UnixSeconds};
use sharing::{DeviceId, PointerContents, PointerContentsError};

use crate::keys::Account;

/// How new an index is that was read from the network.
#[derive(Debug, Clone)]
pub struct Freshness {
    /// How many nodes keep the pointers, and how many must answer.
    pub quorum: Quorum,
    /// How many of them answered.
    pub answered: usize,
    /// Those that did not, and why.
    pub failed: Vec<(PublicKey, String)>,
    /// The devices whose pointers were found, the newest first.
    pub devices: Vec<DeviceSeen>,
    /// Indices that could not be read, each of which may hold something that is in no other one.
    pub unreadable: Vec<Unreadable>,
}

/// A device, and when it wrote its index last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSeen {
    /// Its number among the account's devices.
    pub slot: Slot,
    /// The device.
    pub device: DeviceId,
    /// When its pointer was made, by its own clock.
    pub made: UnixSeconds,
    /// Whether it is this one.
    pub is_this: bool,
}

/// An index that a pointer names and that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The pointer's slot.
    pub slot: Slot,
    /// Why.
    pub reason: String,
}

impl Freshness {
    /// Whether nothing that a device has confirmed as written can be missing, unless
    /// [`witnesses`](Self::witnesses) nodes or more withhold it together.
    pub fn is_complete(&self) -> bool {
        self.has_quorum() && self.unreadable.is_empty()
    }

    /// Whether enough nodes answered.
    pub const fn has_quorum(&self) -> bool {
        self.answered > 0 && self.answered >= self.quorum.read()
    }

    /// How many of the nodes that answered have every confirmed write, at least.
    pub const fn witnesses(&self) -> usize {
        self.quorum.witnesses(self.answered)
    }

    /// The device that wrote last.
    pub fn newest(&self) -> Option<&DeviceSeen> {
        self.devices.first()
    }

    pub(crate) fn of(read: &PointersRead, known: &[KnownSlot], this: DeviceId) -> Self {
        let seen = known.iter().filter_map(|known| {
            let (_, contents) = known.versions.first()?;
            let PointerContents { device, made, .. } = *contents.as_ref().ok()?;
            Some(DeviceSeen { slot: known.slot, device, made, is_this: device == this })
        });
        let mut devices: Vec<_> = seen.collect();
        devices.sort_by_key(|device| std::cmp::Reverse(device.made));
        Self {
            quorum: read.quorum,
            answered: read.answered.len(),
            failed: read.failed.clone(),
            devices,
            unreadable: Vec::new(),
        }
    }
}

/// A slot with all versions of its pointer that were found, the latest first, opened.
#[derive(Debug)]
pub(crate) struct KnownSlot {
    pub(crate) slot: Slot,
    pub(crate) versions: Vec<(Signed<Pointer>, Result<PointerContents, PointerContentsError>)>,
}

impl KnownSlot {
    pub(crate) fn all(read: &PointersRead, account: &Account) -> Vec<Self> {
        let open = |pointer: &Signed<Pointer>| {
            let body = pointer.body();
            let contents = PointerContents::open(&body.value, account.secret(), body.slot, body.seq);
            (pointer.clone(), contents)
        };
        let slots = read.slots.iter();
        slots.map(|(&slot, found)| Self { slot, versions: found.iter().map(open).collect() }).collect()
    }
}
