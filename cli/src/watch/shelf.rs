//! The segments that were handed out lately, so that what a player asks for twice is fetched, and paid for, once.

use std::collections::VecDeque;
use std::sync::Arc;

use sharing::{TrackId, VerifiedBytes};
use tokio::sync::OnceCell;

/// Bytes that are kept, unless the newest part alone is longer.
const LEN_MAX: u64 = 64 << 20;

/// Which part of which track; `None` is its init section.
pub(super) type Name = (TrackId, Option<u32>);
/// A part that is there, or is being fetched by whoever asked first.
pub(super) type Cell = Arc<OnceCell<VerifiedBytes>>;

/// Parts in the order in which they were last asked for.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    parts: VecDeque<(Name, u64, Cell)>,
    len: u64,
}

impl Shelf {
    /// The place of a part of `len` bytes; what was not asked for lately makes room.
    pub(super) fn cell(&mut self, name: Name, len: u64) -> Cell {
        let known = self.parts.iter().position(|(there, _, _)| *there == name);
        let part = known.and_then(|at| self.parts.remove(at));
        let (name, len, cell) = part.unwrap_or_else(|| {
            self.len += len;
            (name, len, Cell::default())
        });
        self.parts.push_back((name, len, Arc::clone(&cell)));
        while self.len > LEN_MAX && self.parts.len() > 1 {
            self.len -= self.parts.pop_front().map_or(0, |(_, len, _)| len);
        }
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u32) -> Name {
        (TrackId::new("video").unwrap(), Some(number))
    }

    #[test]
    fn what_was_asked_for_lately_is_there_again() {
        let mut shelf = Shelf::default();
        let half = LEN_MAX / 2;
        let first = shelf.cell(name(0), half);
        shelf.cell(name(1), half);
        assert!(Arc::ptr_eq(&first, &shelf.cell(name(0), half)));
        shelf.cell(name(2), half);
        assert!(Arc::ptr_eq(&first, &shelf.cell(name(0), half)), "the other one made room");
        assert_eq!((shelf.parts.len(), shelf.len), (2, LEN_MAX));
        shelf.cell(name(3), 2 * LEN_MAX);
        assert_eq!((shelf.parts.len(), shelf.len), (1, 2 * LEN_MAX), "one is always there");
    }
}
