//! Why a node refuses: stable numbers, the same in messages and as QUIC reset and stop codes (spec §14).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::REFUSAL_DETAIL_LEN_MAX;

/// The reason of a refusal. Numbers never change their meaning.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
#[repr(u16)]
pub enum Code {
    /// Malformed, or breaks a limit of spec §15.
    BadRequest = 1,
    /// The hello names another network.
    WrongNetwork = 2,
    /// This payer may not store here.
    NotAdmitted = 3,
    /// The payer's quota is used up.
    Quota = 4,
    /// The node has no room.
    Full = 5,
    /// No shard with this root and length.
    NotHeld = 6,
    /// The shard no longer matches its root.
    Corrupt = 7,
    /// Too many requests in flight.
    Busy = 8,
    /// The node's monthly cap or rate is used up.
    Egress = 9,
    /// A record does not verify.
    BadSignature = 10,
    /// A record or the time asked for has passed, or is too far away.
    Expired = 11,
    /// Sequence not above what the node holds.
    Stale = 12,
    /// No lease with this id.
    UnknownLease = 13,
    /// The mandate's byte-hours at this node are used up.
    MandateSpent = 14,
    /// The peer did not send or take bytes in time.
    Timeout = 15,
    /// The node's own fault; nothing was stored.
    Internal = 16,
    /// Another carer is at work on it.
    Claimed = 17,
    /// The node gives up what it keeps and takes nothing new.
    Leaving = 18,
    /// More was read than may be without a payment, or a voucher pays too little.
    PaymentWanted = 19,
}

/// What may be done after a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The same request is refused everywhere.
    No,
    /// Another node may grant it.
    Elsewhere,
    /// The same node may grant it after a while, another one at once.
    Later,
}

impl Code {
    /// Every code, in the order of the numbers.
    pub const ALL: [Self; 19] = [
        Self::BadRequest,
        Self::WrongNetwork,
        Self::NotAdmitted,
        Self::Quota,
        Self::Full,
        Self::NotHeld,
        Self::Corrupt,
        Self::Busy,
        Self::Egress,
        Self::BadSignature,
        Self::Expired,
        Self::Stale,
        Self::UnknownLease,
        Self::MandateSpent,
        Self::Timeout,
        Self::Internal,
        Self::Claimed,
        Self::Leaving,
        Self::PaymentWanted,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The name in the specification, for people and for machine-readable output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::WrongNetwork => "wrong_network",
            Self::NotAdmitted => "not_admitted",
            Self::Quota => "quota",
            Self::Full => "full",
            Self::NotHeld => "not_held",
            Self::Corrupt => "corrupt",
            Self::Busy => "busy",
            Self::Egress => "egress",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::UnknownLease => "unknown_lease",
            Self::MandateSpent => "mandate_spent",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
            Self::Claimed => "claimed",
            Self::Leaving => "leaving",
            Self::PaymentWanted => "payment_wanted",
        }
    }

    /// What may be done after this refusal.
    pub const fn retry(self) -> Retry {
        match self {
            Self::BadRequest
            | Self::WrongNetwork
            | Self::NotAdmitted
            | Self::BadSignature
            | Self::Expired
            | Self::Stale
            | Self::UnknownLease
            | Self::MandateSpent => Retry::No,
            Self::Quota
            | Self::Full
            | Self::NotHeld
            | Self::Corrupt
            | Self::Egress
            | Self::Internal
            | Self::Leaving
            | Self::PaymentWanted => Retry::Elsewhere,
            Self::Busy | Self::Timeout | Self::Claimed => Retry::Later,
        }
    }

    /// True when another node may grant what this one refused.
    pub const fn is_retryable_elsewhere(self) -> bool {
        !matches!(self.retry(), Retry::No)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A number that stands for no code, from a peer that is broken or newer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0} is no refusal code")]
pub struct UnknownCode(pub u64);

impl From<Code> for u16 {
    fn from(code: Code) -> Self {
        code.number()
    }
}

impl TryFrom<u16> for Code {
    type Error = UnknownCode;

    fn try_from(number: u16) -> Result<Self, UnknownCode> {
        Self::try_from(u64::from(number))
    }
}

/// From the code of a QUIC stream that was reset or stopped.
impl TryFrom<u64> for Code {
    type Error = UnknownCode;

    fn try_from(number: u64) -> Result<Self, UnknownCode> {
        let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        place.and_then(|place| Self::ALL.get(place)).copied().ok_or(UnknownCode(number))
    }
}

/// A refusal: the code decides, the detail is for people.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("refused ({code}): {detail}")]
pub struct Refusal {
    code: Code,
    #[serde(deserialize_with = "bounded_detail")]
    detail: String,
}

impl Refusal {
    /// A refusal; a detail of more than 256 bytes is cut at a character.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        detail.truncate(detail.floor_char_boundary(REFUSAL_DETAIL_LEN_MAX));
        Self { code, detail }
    }

    /// The reason.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The explanation, in the words of the node; never to be acted upon.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

fn bounded_detail<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let detail = String::deserialize(deserializer)?;
    if detail.len() > REFUSAL_DETAIL_LEN_MAX {
        let len = detail.len();
        return Err(serde::de::Error::custom(format_args!("detail of {len} bytes")));
    }
    Ok(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(code: Code) -> String {
        let retry = match code.retry() {
            Retry::No => "no",
            Retry::Elsewhere => "elsewhere",
            Retry::Later => "later",
        };
        format!("| {} | `{code}` |…| {retry} |", code.number())
    }

    /// The table of spec §14 without the column that explains the code.
    fn specified_rows() -> Vec<String> {
        let spec = include_str!("../../docs/spec.md");
        let section = spec.split("\n## 14. Refusal codes").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
        rows.map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            format!("|{}|{}|…|{}|", cells[1], cells[2], cells[4])
        })
        .collect()
    }

    #[test]
    fn the_codes_are_those_of_the_specification() {
        assert_eq!(specified_rows(), Code::ALL.map(row));
    }

    #[test]
    fn a_number_gives_its_code_back_and_nothing_else_does() {
        for code in Code::ALL {
            assert_eq!(Code::try_from(code.number()), Ok(code));
        }
        for number in [0, 20, u64::from(u16::MAX), u64::MAX] {
            assert_eq!(Code::try_from(number), Err(UnknownCode(number)));
        }
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let refusal = Refusal::new(Code::Busy, "é".repeat(200));
        assert_eq!(refusal.detail().len(), REFUSAL_DETAIL_LEN_MAX);
        let refusal = Refusal::new(Code::Busy, format!("x{}", "é".repeat(200)));
        assert_eq!(refusal.detail().len(), REFUSAL_DETAIL_LEN_MAX - 1);
    }
}
