//! The cache of opened cells: bounded in bytes, safe to lose at any time.
//!
//! A cell is found by object and index. Nobody reaches it without a handle, and no handle is given before the key in a link was
//! checked against the object's commitment; so what is cached for one reader may be served to the next.

use bytes::Bytes;
use client::Origin;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// What one entry costs besides the bytes of the cell: key, origin, pointers and the cache's own links.
const ENTRY_OVERHEAD_LEN: u64 = 208;

/// The usual length of an opened cell, for sizing the tables.
const USUAL_CELL_LEN: u64 = 16 * 1024;

/// The part of the cache that one long read cannot drive out. The rest has to hold what was read once for as long as it takes
/// the next viewer to come by: with a smaller rest, only a third read would find what a second one brought.
const HOT_SHARE: f64 = 0.5;

/// How many evicted cells are remembered, as a part of those that fit. A remembered cell would join the part for what is read often at
/// once, and be the first to leave it again while older ones were read more often; so that a second reader finds nothing.
const GHOST_SHARE: f64 = 0.0;

/// Opened cells of all objects, at most `capacity` bytes of them.
#[derive(Debug)]
pub(crate) struct CellCache {
    cells: Cache<CellKey, CachedCell, ByLen>,
}

/// What cells are kept under: the CID of their object in binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ObjectId([u8; 36]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct CellKey {
    id: ObjectId,
    cell: u64,
}

#[derive(Debug, Clone)]
struct CachedCell {
    plaintext: Bytes,
    origin: Origin,
}

#[derive(Debug, Clone, Copy)]
struct ByLen;

impl Weighter<CellKey, CachedCell> for ByLen {
    fn weight(&self, _: &CellKey, cell: &CachedCell) -> u64 {
        cell.plaintext.len() as u64 + ENTRY_OVERHEAD_LEN
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
        let options = OptionsBuilder::new()
            .estimated_items_capacity(items)
            .weight_capacity(capacity)
            .hot_allocation(HOT_SHARE)
            .ghost_allocation(GHOST_SHARE)
            .build()
            .expect("capacities and a share between 0 and 1 are all it asks for");
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { cells: Cache::with_options(options, ByLen, hasher, lifecycle) }
    }

    pub(crate) fn get(&self, id: ObjectId, cell: u64) -> Option<Bytes> {
        self.cells.get(&CellKey { id, cell }).map(|cached| cached.plaintext)
    }

    /// Whether the cell is here, without counting as a use of it.
    pub(crate) fn contains(&self, id: ObjectId, cell: u64) -> bool {
        self.cells.contains_key(&CellKey { id, cell })
    }

    /// Where the cell came from, if it is still here; without counting as a use of it.
    pub(crate) fn origin(&self, id: ObjectId, cell: u64) -> Option<Origin> {
        self.cells.peek(&CellKey { id, cell }).map(|cached| cached.origin)
    }

    /// Keeps a copy of the cell, so that a slice of a larger buffer does not hold all of it in memory.
    pub(crate) fn insert(&self, id: ObjectId, cell: u64, plaintext: &[u8], origin: Origin) {
        if self.cells.capacity() > 0 {
            let plaintext = Bytes::copy_from_slice(plaintext);
            self.cells.insert(CellKey { id, cell }, CachedCell { plaintext, origin });
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

    fn nobody() -> Origin {
        Origin::Rebuilt(Vec::new().into())
    }

    #[test]
    fn keeps_cells_of_objects_apart() {
        let cache = CellCache::new(1 << 20);
        cache.insert(id(1), 7, b"one", nobody());
        cache.insert(id(2), 7, b"two", nobody());
        assert_eq!(cache.get(id(1), 7).unwrap(), "one");
        assert_eq!(cache.get(id(2), 7).unwrap(), "two");
        assert_eq!((cache.origin(id(1), 7), cache.origin(id(1), 8)), (Some(nobody()), None));
        assert!(cache.get(id(1), 8).is_none() && !cache.contains(id(2), 8) && cache.contains(id(2), 7));
    }

    #[test]
    fn never_holds_more_than_its_capacity() {
        let cache = CellCache::new(1 << 20);
        for cell in 0..1000 {
            cache.insert(id(1), cell, &[0; 16 * 1024], nobody());
            assert!(cache.weight() <= 1 << 20, "{} bytes after {cell} cells", cache.weight());
        }
        assert!(cache.weight() > 1 << 19, "and makes use of it");
    }

    #[test]
    fn a_cache_of_nothing_keeps_nothing() {
        let cache = CellCache::new(0);
        cache.insert(id(1), 0, b"cell", nobody());
        assert!(cache.get(id(1), 0).is_none());
        assert_eq!(cache.weight(), 0);
    }

    #[test]
    fn a_cell_does_not_pin_the_buffer_it_came_from() {
        let (cache, buffer) = (CellCache::new(1 << 20), Bytes::from(vec![7; 1 << 16]));
        cache.insert(id(1), 0, &buffer.slice(..1024), nobody());
        assert!(buffer.is_unique());
    }
}
