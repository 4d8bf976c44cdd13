//! Tiles: a log as files that never change (C2SP tlog-tiles).

use std::fmt::Write as _;

use super::{Frontier, Subtree, TreeHash};

/// Hashes in a whole tile, and entries in a whole bundle.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree in one level of tiles.
const TILE_HEIGHT: u8 = 8;

/// One file of hashes: the roots of `width` subtrees beside each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tile {
    level: u8,
    number: u64,
    width: u64,
}

/// One file of entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Bundle {
    number: u64,
    width: u64,
}

impl Tile {
    /// All tiles of a tree of `size` leaves that a tree of `before` leaves does not have, the lowest level first.
    pub fn added(before: u64, size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        for level in 0..64 / TILE_HEIGHT {
            let [old, new] = [before, size].map(|leaves| leaves >> (TILE_HEIGHT * level));
            if new == 0 {
                break;
            }
            tiles.extend(changed(old, new).map(|(number, width)| Self { level, number, width }));
        }
        tiles
    }

    /// The tile in which the hash of a subtree is found, in a tree of `size` leaves; `None` when the tree has no such
    /// subtree.
    pub fn of(subtree: Subtree, size: u64) -> Option<Self> {
        let (level, height) = (subtree.level / TILE_HEIGHT, subtree.level % TILE_HEIGHT);
        let number = subtree.number >> (TILE_HEIGHT - height);
        let leaves = 1_u64.checked_shl(subtree.level.into())?;
        let end = subtree.number.checked_add(1)?.checked_mul(leaves)?;
        let hashes = size >> (TILE_HEIGHT * level);
        let width = hashes.checked_sub(number * TILE_WIDTH)?.min(TILE_WIDTH);
        (end <= size).then_some(Self { level, number, width })
    }

    /// Where it is served, as `tile/0/x001/x234/067.p/8`.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, number_path(self.number, self.width))
    }

    /// The subtrees whose roots it has, from the left.
    pub fn subtrees(&self) -> impl Iterator<Item = Subtree> + use<> {
        let (level, start) = (self.level * TILE_HEIGHT, self.number * TILE_WIDTH);
        (start..start + self.width).map(move |number| Subtree { level, number })
    }

    /// The root of a subtree out of the bytes of this tile; `None` when it is not in there.
    pub fn hash_in(&self, bytes: &[u8], subtree: Subtree) -> Option<TreeHash> {
        let height =
            subtree.level.checked_sub(self.level * TILE_HEIGHT).filter(|height| *height < TILE_HEIGHT)?;
        let first = subtree.number.checked_mul(1 << height)?.checked_sub(self.number * TILE_WIDTH)?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        let is_whole = rest.is_empty() && hashes.len() as u64 == self.width;
        let first = usize::try_from(first).ok().filter(|_| is_whole)?;
        let mut frontier = Frontier::default();
        for hash in hashes.get(first..first + (1 << height))? {
            frontier.push_leaf(TreeHash::from_bytes(*hash));
        }
        Some(frontier.root())
    }
}

impl Bundle {
    /// All bundles of a log of `size` entries that a log of `before` entries does not have.
    pub fn added(before: u64, size: u64) -> Vec<Self> {
        changed(before, size).map(|(number, width)| Self { number, width }).collect()
    }

    /// The bundle that has this entry of a log of `size`; `None` when the log ends before it.
    pub fn of(index: u64, size: u64) -> Option<Self> {
        let (number, start) = (index / TILE_WIDTH, index - index % TILE_WIDTH);
        (index < size).then(|| Self { number, width: (size - start).min(TILE_WIDTH) })
    }

    /// Where it is served, as `tile/entries/x001/x234/067.p/8`.
    pub fn path(&self) -> String {
        format!("tile/entries/{}", number_path(self.number, self.width))
    }

    /// The places of its entries.
    pub fn range(&self) -> std::ops::Range<u64> {
        let start = self.number * TILE_WIDTH;
        start..start + self.width
    }

    /// The file of these entries, which are those of its range.
    pub fn encode<'a>(entries: impl IntoIterator<Item = &'a LogBytes>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for LogBytes(entry) in entries {
            let len = u16::try_from(entry.len()).expect("checked when it was made");
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        bytes
    }

    /// The entries in the file, when it has exactly as many as its name says.
    pub fn decode(&self, mut bytes: &[u8]) -> Result<Vec<LogBytes>, BundleError> {
        let mut entries = Vec::new();
        while let Some((len, rest)) = bytes.split_first_chunk() {
            let len = usize::from(u16::from_be_bytes(*len));
            let at = entries.len();
            let (entry, rest) = rest.split_at_checked(len).ok_or(BundleError::CutOff { at })?;
            entries.push(LogBytes(entry.to_vec()));
            bytes = rest;
        }
        if !bytes.is_empty() {
            return Err(BundleError::CutOff { at: entries.len() });
        }
        let found = entries.len() as u64;
        if found == self.width {
            Ok(entries)
        } else {
            Err(BundleError::Count { found, expected: self.width })
        }
    }
}

/// An entry of a log: at most 65 535 bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogBytes(Vec<u8>);

/// An entry is too long for a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("log entry of {len} bytes, at most 65535 are allowed")]
pub struct LogBytesError {
    len: usize,
}

/// Why a file is not the bundle that its name says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum BundleError {
    #[error("bundle that ends in entry {at}")]
    CutOff { at: usize },
    #[error("bundle of {found} entries, {expected} are expected")]
    Count { found: u64, expected: u64 },
}

impl LogBytes {
    /// The entry with these bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, LogBytesError> {
        if bytes.len() > u16::MAX.into() { Err(LogBytesError { len: bytes.len() }) } else { Ok(Self(bytes)) }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash of its leaf.
    pub fn leaf(&self) -> TreeHash {
        TreeHash::of_leaf(&self.0)
    }
}

/// Numbers and widths of the files that change when a level grows from `old` to `new` items.
fn changed(old: u64, new: u64) -> impl Iterator<Item = (u64, u64)> {
    let files = if new > old { old / TILE_WIDTH..new.div_ceil(TILE_WIDTH) } else { 0..0 };
    files.map(move |number| (number, (new - number * TILE_WIDTH).min(TILE_WIDTH)))
}

/// Three digits in each folder, so that no folder has more than 1000 things in it; `x` before all but the last.
fn number_path(number: u64, width: u64) -> String {
    let (mut path, mut above) = (format!("{:03}", number % 1000), number / 1000);
    while above > 0 {
        path = format!("x{:03}/{path}", above % 1000);
        above /= 1000;
    }
    if width < TILE_WIDTH {
        write!(path, ".p/{width}").expect("memory does not fail");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::inclusion_proof;

    #[test]
    fn paths_are_those_of_the_specification() {
        let tile = |number, width| Tile { level: 1, number, width }.path();
        assert_eq!(tile(1_234_067, 256), "tile/1/x001/x234/067");
        assert_eq!(tile(0, 1), "tile/1/000.p/1");
        assert_eq!(tile(999, 255), "tile/1/999.p/255");
        assert_eq!(Bundle { number: 1000, width: 256 }.path(), "tile/entries/x001/000");
    }

    /// The example of the specification: a tree of 70 000 entries.
    #[test]
    fn seventy_thousand_entries() {
        let tiles = Tile::added(0, 70_000);
        let count = |level, whole| {
            let of_level = tiles.iter().filter(|tile| tile.level == level);
            of_level.filter(|tile| (tile.width == TILE_WIDTH) == whole).count()
        };
        assert_eq!([count(0, true), count(1, true), count(2, true)], [273, 1, 0]);
        let partial: Vec<_> =
            tiles.iter().filter(|tile| tile.width < TILE_WIDTH).map(|tile| tile.width).collect();
        assert_eq!(partial, [112, 17, 1]);
        assert_eq!(Tile::added(0, 256).last(), Some(&Tile { level: 1, number: 0, width: 1 }));
        assert_eq!(Bundle::added(69_888, 70_000), [Bundle { number: 273, width: 112 }]);
        assert_eq!(Tile::added(70_000, 70_000), []);
    }

    /// A log that grows in steps, kept as tiles alone: every hash of every proof is found in them.
    #[test]
    fn tiles_have_all_that_proofs_need() {
        let leaf = |number: u64| TreeHash::of_leaf(&number.to_be_bytes());
        let (mut files, mut before) = (std::collections::BTreeMap::new(), 0);
        for size in [1, 255, 256, 300, 600, 70_000] {
            for tile in Tile::added(before, size) {
                let bytes: Vec<u8> = tile
                    .subtrees()
                    .flat_map(|subtree| {
                        let mut frontier = Frontier::default();
                        let start = subtree.number << subtree.level;
                        (start..start + (1 << subtree.level)).for_each(|at| frontier.push_leaf(leaf(at)));
                        *frontier.root().as_bytes()
                    })
                    .collect();
                files.insert(tile.path(), bytes);
            }
            let hash_of = |subtree| {
                let tile = Tile::of(subtree, size)?;
                tile.hash_in(files.get(&tile.path())?, subtree)
            };
            let mut frontier = Frontier::default();
            (0..size).for_each(|number| frontier.push_leaf(leaf(number)));
            for index in [0, size / 2, size - 1] {
                let proof = inclusion_proof(index, size, hash_of).unwrap();
                assert!(crate::tlog::verify_inclusion(leaf(index), index, size, frontier.root(), &proof));
            }
            before = size;
        }
        for number in [35_000, u64::MAX >> 1, u64::MAX] {
            assert_eq!(Tile::of(Subtree { level: 1, number }, 70_000), None);
        }
        let tile = Tile::of(Subtree { level: 0, number: 0 }, 3).unwrap();
        assert_eq!(tile.hash_in(&[0; 95], Subtree { level: 0, number: 0 }), None, "a hash is cut off");
    }

    #[test]
    fn bundles_are_read_as_they_are_written() {
        let entries: Vec<_> = [0, 1, 65_535].map(|len| LogBytes::new(vec![7; len]).unwrap()).into();
        let (bundle, bytes) = (Bundle { number: 0, width: 3 }, Bundle::encode(&entries));
        assert_eq!(bundle.decode(&bytes), Ok(entries));
        assert_eq!(bundle.decode(&bytes[..bytes.len() - 1]), Err(BundleError::CutOff { at: 2 }));
        assert_eq!(bundle.decode(&bytes[..1]), Err(BundleError::CutOff { at: 0 }));
        let longer = [bytes.as_slice(), &[0, 0]].concat();
        assert_eq!(bundle.decode(&longer), Err(BundleError::Count { found: 4, expected: 3 }));
        assert_eq!(LogBytes::new(vec![0; 65_536]), Err(LogBytesError { len: 65_536 }));
    }
}
