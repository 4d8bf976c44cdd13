//! RS1024: the Reed–Solomon code over GF(1024) that finds up to three wrong words (SLIP-0039).

/// Words of a checksum.
pub(super) const CHECKSUM_WORDS: usize = 3;
/// What to add for each bit of the word that leaves the register.
const GENERATOR: [u32; 10] = [
    0x00e0_e040,
    0x01c1_c080,
    0x0383_8100,
    0x0707_0200,
    0x0e0e_0009,
    0x1c0c_2412,
    0x3808_6c24,
    0x3090_fc48,
    0x21b1_f890,
    0x03f3_f120,
];

/// The words that make `words` a share of this kind.
pub(super) fn checksum(kind: &str, words: &[u16]) -> [u16; CHECKSUM_WORDS] {
    let zeros = [0; CHECKSUM_WORDS];
    let rest = remainder(kind, words.iter().chain(&zeros)) ^ 1;
    [20, 10, 0].map(|shift| u16::try_from(rest >> shift & 0x3ff).expect("it has ten bits"))
}

/// Whether the last three words are the checksum of the others.
pub(super) fn matches(kind: &str, words: &[u16]) -> bool {
    remainder(kind, words.iter()) == 1
}

fn remainder<'a>(kind: &str, words: impl Iterator<Item = &'a u16>) -> u32 {
    let all = kind.bytes().map(u32::from).chain(words.map(|word| u32::from(*word)));
    all.fold(1, |register, word| {
        let leaving = register >> 20;
        let shifted = (register & 0xf_ffff) << 10 ^ word;
        let added = GENERATOR.iter().enumerate().filter(|(bit, _)| leaving >> bit & 1 == 1);
        added.fold(shifted, |register, (_, added)| register ^ added)
    })
}
