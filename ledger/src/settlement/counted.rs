//! What a settlement has counted under a grant, shown to whom it was granted to.

use protocol::{Serial, StreamNumber};

use super::list::ListTree;
use super::{Acknowledged, ListProof};
use crate::Neighbours;

/// Items of the list of receipts with their proofs, ascending.
pub type Shown = Vec<(Acknowledged, ListProof)>;

/// The list of receipts of a settlement, ready for many proofs.
#[derive(Debug)]
pub struct Counted<'a> {
    items: &'a [Acknowledged],
    tree: ListTree,
}

impl<'a> Counted<'a> {
    /// The list that a settlement has: ascending by serial and stream.
    pub fn new(items: &'a [Acknowledged]) -> Self {
        Self { items, tree: ListTree::of(items) }
    }

    /// All items of a grant, and the one on either side of them: so everybody sees what of it was counted, and what was not.
    pub fn under(&self, serial: Serial) -> Shown {
        let first = self.items.partition_point(|item| item.serial < serial);
        let end = self.items.partition_point(|item| item.serial <= serial);
        let all = first.saturating_sub(1)..self.items.len().min(end + 1);
        all.filter_map(|at| Some((self.items[at], self.tree.proof(at)?))).collect()
    }
}

impl Neighbours {
    /// What stands where a stream belongs, of the items that were shown for its grant.
    pub fn among(shown: &[(Acknowledged, ListProof)], serial: Serial, stream: StreamNumber) -> Self {
        let at = shown.partition_point(|(item, _)| item.key() <= (serial, stream));
        Self { before: at.checked_sub(1).map(|before| shown[before].clone()), after: shown.get(at).cloned() }
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Digest, Sequence, Usage};

    use super::*;
    use crate::ListRoot;

    fn item(serial: u8, stream: u8) -> Acknowledged {
        Acknowledged {
            receipt: Digest::from_bytes([serial; 32]),
            seq: Sequence::new(3),
            serial: Serial::from_bytes([serial; 16]),
            stream: StreamNumber::try_from(stream).unwrap(),
            usage: Usage { bytes: 5, ms: 0 },
        }
    }

    #[test]
    fn a_grant_is_shown_with_what_stands_beside_it() {
        let items = [item(1, 0), item(3, 0), item(3, 2), item(5, 0), item(7, 1)];
        let (root, counted) = (ListRoot::of(&items), Counted::new(&items));
        for (serial, places) in [(0, 0..1), (1, 0..2), (2, 0..2), (3, 0..4), (5, 2..5), (7, 3..5), (9, 4..5)]
        {
            let shown = counted.under(Serial::from_bytes([serial; 16]));
            assert!(shown.iter().all(|(item, proof)| root.has(item, proof)));
            assert_eq!(shown.iter().map(|(item, _)| *item).collect::<Vec<_>>(), items[places]);
        }
        assert!(Counted::new(&[]).under(Serial::from_bytes([1; 16])).is_empty());
        let shown = counted.under(Serial::from_bytes([3; 16]));
        let beside = |stream: u8| {
            let Neighbours { before, after } = Neighbours::among(
                &shown,
                Serial::from_bytes([3; 16]),
                StreamNumber::try_from(stream).unwrap(),
            );
            (before.unwrap().1.index, after.unwrap().1.index)
        };
        assert_eq!([0, 1, 2, 3].map(beside), [(1, 2), (1, 2), (2, 3), (2, 3)]);
    }
}
