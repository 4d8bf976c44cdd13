//! Numbers, bytes and damage that follow from a seed.

/// Draws that look random and follow from a seed (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The draws of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `end`, which is not zero.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// An index below `end`, which is not zero.
    pub fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).expect("it is below a usize")
    }

    /// The number of a leaf below `end`, which is not zero.
    pub fn leaf(&mut self, end: u32) -> u32 {
        u32::try_from(self.below(end.into())).expect("it is below a u32")
    }

    /// True once in two.
    pub const fn coin(&mut self) -> bool {
        self.number() & 1 == 1
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }

    /// So many bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let numbers = std::iter::repeat_with(|| self.number()).take(len.div_ceil(8));
        let mut bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
        bytes.truncate(len);
        bytes
    }

    /// An array of bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// Does one to three small harms to `bytes`: a bit or a byte changed, lost, added, a part repeated, the end cut.
    pub fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.index(bytes.len() + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                2 => bytes.extend_from_within(at..),
                3 if at < bytes.len() => drop(bytes.drain(at..bytes.len().min(at + 1 + self.index(8)))),
                4 if at < bytes.len() => bytes[at] = self.byte(),
                _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => bytes.push(self.byte()),
            }
        }
    }

    /// One of the corpus, perhaps continued with the end of another one, and damaged.
    pub fn damaged(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus[self.index(corpus.len())].clone();
        if self.below(4) == 0 {
            let other = &corpus[self.index(corpus.len())];
            let (cut, rest) = (self.index(bytes.len() + 1), self.index(other.len() + 1));
            bytes.splice(cut.., other[rest..].iter().copied());
        }
        self.damage(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_from_the_seed() {
        assert_eq!(Random::new(7).bytes(33), Random::new(7).bytes(33));
        assert_ne!(Random::new(7).bytes(33), Random::new(8).bytes(33));
        // The first output of SplitMix64 for the seed 0, as its authors publish it.
        assert_eq!(Random::new(0).number(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn damage_comes_in_every_kind_and_to_empty_bytes_too() {
        let (mut shorter, mut longer, mut changed) = (false, false, false);
        for seed in 0..200 {
            let whole = vec![0x55; 40];
            let bytes = Random::new(seed).damaged(std::slice::from_ref(&whole));
            shorter |= bytes.len() < whole.len();
            longer |= bytes.len() > whole.len();
            changed |= bytes.len() == whole.len() && bytes != whole;
            Random::new(seed).damage(&mut Vec::new());
        }
        assert!(shorter && longer && changed);
    }
}
