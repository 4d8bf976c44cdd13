//! The right edge of the log: entries and hashes that are not in whole, published tiles yet.

use ledger::tlog::{Bundle, Frontier, LogBytes, TILE_WIDTH, Tile, TreeHash};

/// Tile levels below each other: each has a hash of 256 of the level below.
const TILE_BITS: usize = 8;

/// A log that grows in memory and is published from there.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogTree {
    frontier: Frontier,
    entries: Row<LogBytes>,
    levels: Vec<Row<TreeHash>>,
    /// How many entries are published.
    published: u64,
}

/// Items from a multiple of [`TILE_WIDTH`] on.
#[derive(Clone, Debug)]
struct Row<T> {
    start: u64,
    items: Vec<T>,
}

impl LogTree {
    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: LogBytes) {
        let leaf = entry.leaf();
        self.frontier.push_leaf(leaf);
        self.entries.items.push(entry);
        self.push_hash(0, leaf);
    }

    fn push_hash(&mut self, level: usize, hash: TreeHash) {
        if self.levels.len() == level {
            self.levels.push(Row::default());
        }
        let row = &mut self.levels[level];
        row.items.push(hash);
        if row.end().is_multiple_of(TILE_WIDTH) {
            let mut tile = Frontier::default();
            row.last_tile().iter().for_each(|hash| tile.push_leaf(*hash));
            self.push_hash(level + 1, tile.root());
        }
    }

    /// How many entries there are.
    pub(crate) const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over all of them.
    pub(crate) fn root(&self) -> TreeHash {
        self.frontier.root()
    }

    /// Every file that a log of this size has and the published one has not, by its path.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let bundles = Bundle::added(self.published, self.size()).into_iter();
        let bundles =
            bundles.map(|bundle| (bundle.path(), Bundle::encode(self.entries.range(bundle.range()))));
        let tiles = Tile::added(self.published, self.size()).into_iter();
        let tiles = tiles.map(|tile| {
            let hashes = tile.subtrees().map(|subtree| {
                *self.levels[usize::from(subtree.level) / TILE_BITS].at(subtree.number).as_bytes()
            });
            (tile.path(), hashes.flatten().collect())
        });
        bundles.chain(tiles).collect()
    }

    /// Forgets what is published, but for the tiles that are not whole.
    pub(crate) fn publish(&mut self, size: u64) {
        self.published = size;
        self.entries.drop_before(size);
        for (level, row) in self.levels.iter_mut().enumerate() {
            row.drop_before(size >> (TILE_BITS * level));
        }
    }
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Self { start: 0, items: Vec::new() }
    }
}

impl<T> Row<T> {
    fn end(&self) -> u64 {
        self.start + self.items.len() as u64
    }

    fn at(&self, number: u64) -> &T {
        &self.items[self.place(number)]
    }

    fn range(&self, range: std::ops::Range<u64>) -> &[T] {
        &self.items[self.place(range.start)..self.place(range.end)]
    }

    fn last_tile(&self) -> &[T] {
        self.range(self.end() - TILE_WIDTH..self.end())
    }

    fn place(&self, number: u64) -> usize {
        usize::try_from(number - self.start).expect("what is in memory has a place there")
    }

    fn drop_before(&mut self, number: u64) {
        let start = number - number % TILE_WIDTH;
        if start > self.start {
            self.items.drain(..self.place(start));
            self.start = start;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ledger::tlog::{inclusion_proof, verify_inclusion};

    use super::*;

    fn entry(number: u64) -> LogBytes {
        LogBytes::new(number.to_be_bytes().to_vec()).unwrap()
    }

    /// However a log is cut into steps, the last files are those of one that is written at once.
    #[test]
    fn steps_make_no_difference() {
        let mut at_once = LogTree::default();
        (0..70_000).for_each(|number| at_once.push(entry(number)));
        let expected: BTreeMap<_, _> = at_once.files().into_iter().collect();
        let (mut tree, mut files) = (LogTree::default(), BTreeMap::new());
        for size in [1, 255, 256, 257, 1000, 65_536, 69_999, 70_000] {
            (tree.size()..size).for_each(|number| tree.push(entry(number)));
            files.extend(tree.files());
            tree.publish(size);
            assert!(tree.files().is_empty() && tree.entries.items.len() < 256);
        }
        assert_eq!(tree.root(), at_once.root());
        for (path, bytes) in &expected {
            assert_eq!(files.get(path), Some(bytes), "{path}");
        }
        let hash_of = |subtree| {
            let tile = Tile::of(subtree, 70_000)?;
            tile.hash_in(files.get(&tile.path())?, subtree)
        };
        let proof = inclusion_proof(1234, 70_000, hash_of).unwrap();
        assert!(verify_inclusion(entry(1234).leaf(), 1234, 70_000, tree.root(), &proof));
    }
}
