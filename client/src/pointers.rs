//! Pointers by quorum: how many nodes keep one, and what is certain once so many have answered.

use std::collections::BTreeMap;

use protocol::{Pointer, PublicKey, Signed, Slot};

/// Nodes that keep the pointers of an account, where there are so many.
pub const POINTER_COPIES: usize = 20;

/// How many nodes keep a pointer, and how many of them writes and reads need, so that every read meets every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    copies: usize,
}

impl Quorum {
    /// The quorum in a network of so many nodes.
    pub fn in_network_of(nodes: usize) -> Self {
        Self { copies: nodes.min(POINTER_COPIES) }
    }

    /// Nodes that keep a pointer.
    pub const fn copies(self) -> usize {
        self.copies
    }

    /// Nodes that must have confirmed a write: more than half.
    pub const fn write(self) -> usize {
        self.copies / 2 + 1
    }

    /// Nodes that must have answered a read, so that one of them has every confirmed write.
    pub const fn read(self) -> usize {
        (self.copies + 1) - self.write()
    }

    /// How many of `answered` nodes at least have any confirmed write: so many would have to withhold it together.
    pub const fn witnesses(self, answered: usize) -> usize {
        let all = (answered + self.write()).saturating_sub(self.copies);
        if all < answered { all } else { answered }
    }
}

/// What became of a pointer that was set.
#[derive(Debug, Clone)]
pub struct PointerWrite {
    /// What was needed.
    pub quorum: Quorum,
    /// The nodes that keep it.
    pub kept: Vec<PublicKey>,
    /// Those that do not, as far as is known, and why.
    pub failed: Vec<(PublicKey, String)>,
}

impl PointerWrite {
    /// True when every later read that meets enough nodes will see it.
    pub fn has_quorum(&self) -> bool {
        !self.kept.is_empty() && self.kept.len() >= self.quorum.write()
    }
}

/// The pointers of an account, as the nodes that answered know them.
#[derive(Debug, Clone)]
pub struct PointersRead {
    /// What is needed.
    pub quorum: Quorum,
    /// The nodes that should have the pointers and answered.
    pub answered: Vec<PublicKey>,
    /// Those that should, and did not, and why.
    pub failed: Vec<(PublicKey, String)>,
    /// All versions of each slot that any node has, the latest first.
    pub slots: BTreeMap<Slot, Vec<Signed<Pointer>>>,
}

impl PointersRead {
    /// True when no confirmed write can be missing unless nodes withhold it.
    pub fn has_quorum(&self) -> bool {
        !self.answered.is_empty() && self.answered.len() >= self.quorum.read()
    }

    pub(crate) fn enter(&mut self, pointers: Vec<Signed<Pointer>>) {
        for pointer in pointers {
            let versions = self.slots.entry(pointer.body().slot).or_default();
            if !versions.contains(&pointer) {
                versions.push(pointer);
                versions.sort_by_key(|pointer| std::cmp::Reverse(pointer.body().seq));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_read_meets_every_write() {
        for nodes in 0..20 {
            let quorum = Quorum::in_network_of(nodes);
            assert!(quorum.read() + quorum.write() > quorum.copies());
            assert_eq!(quorum.witnesses(quorum.read()), usize::from(nodes > 0));
            assert!(quorum.copies() <= POINTER_COPIES);
        }
        let eight = Quorum::in_network_of(8);
        assert_eq!((eight.copies(), eight.write(), eight.read()), (8, 5, 4));
        assert_eq!(Quorum::in_network_of(100).copies(), POINTER_COPIES);
        assert_eq!((eight.witnesses(7), eight.witnesses(3), eight.witnesses(2)), (4, 0, 0));
    }
}
