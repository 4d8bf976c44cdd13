//! The cache of opened cells: bounded in bytes, safe to lose at any time.
//!
//! A cell is found by object and index. Nobody reaches it without a handle, and no handle is given before the key in a link was
//! checked against the object's commitment; so what is cached for one reader may be served to the next.

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// What one entry costs besides the bytes of the cell: key, pointers and the cache's own links.
const ENTRY_OVERHEAD_LEN: u64 = 160;

/// The usual length of an opened cell, for sizing the tables.
const USUAL_CELL_LEN: u64 = 16 * 1024;

/// Opened cells of all objects, at most `capacity` bytes of them.
#[derive(Debug)]
pub(crate) struct CellCache {
    cells: Cache<CellKey, Bytes, ByLen>,
}

/// What cells are kept under: the CID of their object in binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId([u8; 36]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct CellKey {
    id: ObjectId,
    cell: u64,
}

#[derive(Debug, Clone, Copy)]
struct ByLen;

impl Weighter<CellKey, Bytes> for ByLen {
    fn weight(&self, _: &CellKey, cell: &Bytes) -> u64 {
        cell.len() as u64 + ENTRY_OVERHEAD_LEN
    }
}

impl ObjectId {
    pub(crate) const fn new(cid: [u8; 36]) -> Self {
        Self(cid)
    }
}

impl CellCache {
    /// A cache of at most `capacity` bytes, entries' overhead included; 0 keeps nothing.
    pub(crate) fn new(capacity: u64) -> Self {
        let items = usize::try_from(capacity / USUAL_CELL_LEN).unwrap_or(usize::MAX).max(1);
        Self { cells: Cache::with_weighter(items, capacity, ByLen) }
    }

    pub(crate) fn get(&self, id: ObjectId, cell: u64) -> Option<Bytes> {
        self.cells.get(&CellKey { id, cell })
    }

    /// Whether the cell is here, without counting as a use of it.
    pub(crate) fn contains(&self, id: ObjectId, cell: u64) -> bool {
        self.cells.contains_key(&CellKey { id, cell })
    }

    /// Keeps a copy of the cell, so that a slice of a larger buffer does not hold all of it in memory.
    pub(crate) fn insert(&self, id: ObjectId, cell: u64, plaintext: &[u8]) {
        if self.cells.capacity() > 0 {
            self.cells.insert(CellKey { id, cell }, Bytes::copy_from_slice(plaintext));
        }
    }

    /// Bytes held now, entries' overhead included.
    pub(crate) fn weight(&self) -> u64 {
        self.cells.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::new([n; 36])
    }

    #[test]
    fn keeps_cells_of_objects_apart() {
        let cache = CellCache::new(1 << 20);
        cache.insert(id(1), 7, b"one");
        cache.insert(id(2), 7, b"two");
        assert_eq!(cache.get(id(1), 7).unwrap(), "one");
        assert_eq!(cache.get(id(2), 7).unwrap(), "two");
        assert!(cache.get(id(1), 8).is_none() && !cache.contains(id(2), 8) && cache.contains(id(2), 7));
    }

    #[test]
    fn never_holds_more_than_its_capacity() {
        let cache = CellCache::new(1 << 20);
        for cell in 0..1000 {
            cache.insert(id(1), cell, &[0; 16 * 1024]);
            assert!(cache.weight() <= 1 << 20, "{} bytes after {cell} cells", cache.weight());
        }
        assert!(cache.weight() > 1 << 19, "and makes use of it");
    }

    #[test]
    fn a_cache_of_nothing_keeps_nothing() {
        let cache = CellCache::new(0);
        cache.insert(id(1), 0, b"cell");
        assert!(cache.get(id(1), 0).is_none());
        assert_eq!(cache.weight(), 0);
    }

    #[test]
    fn a_cell_does_not_pin_the_buffer_it_came_from() {
        let (cache, buffer) = (CellCache::new(1 << 20), Bytes::from(vec![7; 1 << 16]));
        cache.insert(id(1), 0, &buffer.slice(..1024));
        assert!(buffer.is_unique());
    }
}
