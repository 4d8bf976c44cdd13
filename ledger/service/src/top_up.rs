//! What a top-up code is worth: an operator sells it, a depositor redeems it, each once (spec §25).

use ledger::TopUpCode;
use protocol::Amount;
use subtle::ConstantTimeEq as _;

use crate::LedgerKeys;

/// The most that a code can be worth: 2^40 − 1 micro-units.
pub const TOP_UP_MICRO_MAX: u64 = (1 << 40) - 1;

const CODE_LEN: usize = 16;
const RANDOM_LEN: usize = 5;
const AMOUNT_END: usize = 10;

/// No code is worth so much.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a code is worth at most {TOP_UP_MICRO_MAX} micro-units, not {micro}")]
pub struct TopUpTooMuch {
    micro: u64,
}

/// What a code says that it is worth. Only its ledger can tell whether it is one.
pub fn top_up_amount(code: &TopUpCode) -> Amount {
    let mut micro = [0; 8];
    micro[3..].copy_from_slice(&code.as_bytes()[RANDOM_LEN..AMOUNT_END]);
    Amount::new(u64::from_be_bytes(micro)).expect("40 bits are an amount")
}

impl LedgerKeys {
    /// A code worth `amount`, told from others by 5 random bytes: it ends with 6 that nobody else can make.
    pub fn top_up_code(&self, amount: Amount, random: [u8; RANDOM_LEN]) -> Result<TopUpCode, TopUpTooMuch> {
        let micro = amount.get();
        if micro > TOP_UP_MICRO_MAX {
            return Err(TopUpTooMuch { micro });
        }
        let mut code = [0; CODE_LEN];
        code[..RANDOM_LEN].copy_from_slice(&random);
        code[RANDOM_LEN..AMOUNT_END].copy_from_slice(&micro.to_be_bytes()[3..]);
        let tag = self.tag(&code[..AMOUNT_END]);
        code[AMOUNT_END..].copy_from_slice(&tag);
        Ok(TopUpCode::from_bytes(code))
    }

    /// What a code is worth, when it is one of this ledger.
    pub(crate) fn worth(&self, code: &TopUpCode) -> Option<Amount> {
        let (said, found) = code.as_bytes().split_at(AMOUNT_END);
        let is_ours: bool = self.tag(said).ct_eq(found).into();
        is_ours.then(|| top_up_amount(code))
    }

    fn tag(&self, said: &[u8]) -> [u8; CODE_LEN - AMOUNT_END] {
        let hash = blake3::keyed_hash(self.top_up(), said);
        *hash.as_bytes().first_chunk().expect("6 of 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use ledger::tlog::KeyName;

    use super::*;
    use crate::LedgerSecret;

    fn keys(seed: u8) -> LedgerKeys {
        LedgerKeys::new(&LedgerSecret::from_bytes([seed; 32]), KeyName::new("ledger.example").unwrap())
    }

    #[test]
    fn a_code_is_worth_what_its_ledger_said() {
        for micro in [0, 1, 5_000_000, TOP_UP_MICRO_MAX] {
            let amount = Amount::new(micro).unwrap();
            let code = keys(1).top_up_code(amount, [7; 5]).unwrap();
            assert_eq!((keys(1).worth(&code), keys(2).worth(&code)), (Some(amount), None));
            for byte in 0..16 {
                let mut bytes = *code.as_bytes();
                bytes[byte] ^= 1;
                assert_eq!(keys(1).worth(&TopUpCode::from_bytes(bytes)), None, "{byte}");
            }
        }
        let more = Amount::new(TOP_UP_MICRO_MAX + 1).unwrap();
        assert_eq!(keys(1).top_up_code(more, [7; 5]), Err(TopUpTooMuch { micro: more.get() }));
    }
}
