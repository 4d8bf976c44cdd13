//! One share, as words and as what they say.

use std::fmt;
use std::str::FromStr;

use zeroize::{Zeroize as _, Zeroizing};

use super::checksum::{CHECKSUM_WORDS, checksum, matches};
use super::cipher::EXPONENT_MAX;
use super::error::RecoveryShareError;
use super::points::{LEN, Point};
use super::words;

/// Words of a share: 20 bits about the splitting, 20 about the share, 4 of padding, 256 of value, 30 of checksum.
pub const RECOVERY_SHARE_WORDS: usize = HEAD_WORDS + VALUE_WORDS + CHECKSUM_WORDS;
const HEAD_WORDS: usize = 4;
const VALUE_WORDS: usize = 26;
/// Bits of a word.
const WORD_BITS: u32 = 10;
/// Bits before the value that fill its first word.
const PADDING_BITS: u32 = 4;
/// What begins a line that is for people.
const REMARK: char = '#';

/// What the shares of one splitting have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Splitting {
    /// 15 random bits.
    pub(super) id: u16,
    /// Whether the encryption is without the id, so that later splittings of one secret can have others.
    pub(super) is_extendable: bool,
    /// log2 of how much more work than usual the encryption is.
    pub(super) exponent: u8,
    /// How many shares bring the secret back, 1 to 16.
    pub(super) need: u8,
}

/// One of the shares into which an account's secret was split: with enough others it is the secret.
///
/// Written as 33 words of SLIP-0039; reading passes over lines that begin with `#`, further white space, and upper case.
#[derive(Clone)]
pub struct RecoveryShare {
    pub(super) splitting: Splitting,
    /// Its value, at its number from 0.
    pub(super) point: Point,
}

impl RecoveryShare {
    /// Its number, from 1.
    pub fn number(&self) -> usize {
        usize::from(self.point.x) + 1
    }

    /// How many of them bring the secret back.
    pub fn need(&self) -> usize {
        usize::from(self.splitting.need)
    }

    /// Its words with a space between them: hand them to nothing that prints or keeps them but for whom they are.
    pub fn expose_words(&self) -> Zeroizing<String> {
        let mut numbers = Zeroizing::new(Vec::with_capacity(RECOVERY_SHARE_WORDS));
        let fields = self.fields();
        numbers.extend([30, 20, 10, 0].map(|shift| low_word(fields >> shift)));
        let (mut bits, mut held) = (0_u64, PADDING_BITS);
        for byte in &*self.point.y {
            bits = bits << 8 | u64::from(*byte);
            held += 8;
            while held >= WORD_BITS {
                held -= WORD_BITS;
                numbers.push(low_word(bits >> held));
                bits &= (1 << held) - 1;
            }
        }
        let sum = checksum(self.splitting.kind(), &numbers);
        numbers.extend(sum);
        let mut text = Zeroizing::new(String::with_capacity(RECOVERY_SHARE_WORDS * 9));
        for number in &*numbers {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(words::word(*number));
        }
        text
    }

    /// The 40 bits before the value; its group is the first one of one, of which one is needed.
    fn fields(&self) -> u64 {
        let Splitting { id, is_extendable, exponent, need } = self.splitting;
        u64::from(id) << 25
            | u64::from(is_extendable) << 24
            | u64::from(exponent) << 20
            | u64::from(self.point.x) << 4
            | u64::from(need - 1)
    }
}

impl Splitting {
    /// What its checksums begin with.
    const fn kind(self) -> &'static str {
        if self.is_extendable { "shamir_extendable" } else { "shamir" }
    }

    /// What its encryption is salted with.
    pub(super) fn salt(self) -> Vec<u8> {
        if self.is_extendable {
            return Vec::new();
        }
        [b"shamir".as_slice(), &self.id.to_be_bytes()].concat()
    }
}

impl FromStr for RecoveryShare {
    type Err = RecoveryShareError;

    fn from_str(text: &str) -> Result<Self, RecoveryShareError> {
        let numbers = numbers(text)?;
        let fields =
            numbers[..HEAD_WORDS].iter().fold(0_u64, |all, word| all << WORD_BITS | u64::from(*word));
        let nibble = |shift: u32| u8::try_from(fields >> shift & 0xf).expect("it has four bits");
        let splitting = Splitting {
            id: u16::try_from(fields >> 25).expect("it has fifteen bits"),
            is_extendable: fields >> 24 & 1 == 1,
            exponent: nibble(20),
            need: nibble(0) + 1,
        };
        if !matches(splitting.kind(), &numbers) {
            return Err(RecoveryShareError::Checksum);
        }
        if (nibble(16), nibble(12), nibble(8)) != (0, 0, 0) {
            return Err(RecoveryShareError::Groups { groups: nibble(8) + 1 });
        }
        if splitting.exponent > EXPONENT_MAX {
            return Err(RecoveryShareError::Work { exponent: splitting.exponent });
        }
        let y = value(&numbers[HEAD_WORDS..HEAD_WORDS + VALUE_WORDS]).ok_or(RecoveryShareError::Padding)?;
        Ok(Self { splitting, point: Point { x: nibble(4), y } })
    }
}

impl fmt::Debug for RecoveryShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryShare({}, …)", self.number())
    }
}

/// The numbers of the words of a text, as many as a share has.
fn numbers(text: &str) -> Result<Zeroizing<Vec<u16>>, RecoveryShareError> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(REMARK));
    let mut numbers = Zeroizing::new(Vec::with_capacity(RECOVERY_SHARE_WORDS));
    let mut found = 0;
    for word in lines.flat_map(str::split_whitespace) {
        found += 1;
        if found <= RECOVERY_SHARE_WORDS {
            let word = Zeroizing::new(word.to_ascii_lowercase());
            numbers.push(words::number(&word).ok_or(RecoveryShareError::Word { number: found })?);
        }
    }
    if found == RECOVERY_SHARE_WORDS { Ok(numbers) } else { Err(RecoveryShareError::Count { found }) }
}

/// The 32 bytes in these words, unless what fills the first word is not zero.
fn value(words: &[u16]) -> Option<Zeroizing<[u8; LEN]>> {
    let mut value = Zeroizing::new([0; LEN]);
    let mut bytes = value.iter_mut();
    let (mut bits, mut held) = (0_u64, 0);
    for (at, word) in words.iter().enumerate() {
        bits = bits << WORD_BITS | u64::from(*word);
        held += WORD_BITS;
        if at == 0 {
            held -= PADDING_BITS;
            if bits >> held != 0 {
                return None;
            }
        }
        while held >= 8 {
            held -= 8;
            *bytes.next()? = u8::try_from(bits >> held).expect("eight bits are left above");
            bits &= (1 << held) - 1;
        }
    }
    bits.zeroize();
    Some(value)
}

fn low_word(bits: u64) -> u16 {
    u16::try_from(bits & 0x3ff).expect("it has ten bits")
}
