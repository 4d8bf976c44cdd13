//! The records by which an owner makes a stream, ends it, and asks for what came.

use std::fmt;

use protocol::{Digest, PublicKey, Record, UnixSeconds, keys};
use serde::{Deserialize, Serialize};

use super::BatchNumber;
use crate::LinkId;

/// Makes a stream at a gateway (spec §32). It holds nothing that opens anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceStream {
    /// The key that signs its batches.
    #[serde(with = "keys")]
    pub device: PublicKey,
    /// Which stream.
    pub id: LinkId,
    /// When it was made.
    pub issued: UnixSeconds,
    /// The hash of the token that the device shows.
    pub token: Digest,
}

/// Ends a stream for good; it counts when the stream's own key signed it (spec §32).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceStreamEnd {
    /// Which stream.
    pub id: LinkId,
    /// When it was said.
    pub issued: UnixSeconds,
}

/// Asks for the batches of a stream; it counts when the stream's own key signed it (spec §32).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "InquiryFields", into = "InquiryFields")]
pub struct StreamInquiry {
    /// The batch after which to begin; none for the first.
    pub after: Option<BatchNumber>,
    /// Which stream.
    pub id: LinkId,
    /// When it was asked.
    pub issued: UnixSeconds,
    /// The last batch that the owner keeps: the gateway forgets it and those before it.
    pub kept: Option<BatchNumber>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InquiryFields {
    after: u64,
    id: LinkId,
    issued: UnixSeconds,
    kept: u64,
}

impl Record for DeviceStream {
    const TYPE: &'static str = "stream";
}

impl Record for DeviceStreamEnd {
    const TYPE: &'static str = "stream_end";
}

impl Record for StreamInquiry {
    const TYPE: &'static str = "stream_inquiry";
}

impl TryFrom<InquiryFields> for StreamInquiry {
    type Error = super::BatchNumberError;

    fn try_from(fields: InquiryFields) -> Result<Self, Self::Error> {
        let number = |number| if number == 0 { Ok(None) } else { BatchNumber::try_from(number).map(Some) };
        let InquiryFields { after, id, issued, kept } = fields;
        Ok(Self { after: number(after)?, id, issued, kept: number(kept)? })
    }
}

impl From<StreamInquiry> for InquiryFields {
    fn from(StreamInquiry { after, id, issued, kept }: StreamInquiry) -> Self {
        let number = |number: Option<BatchNumber>| number.map_or(0, BatchNumber::get);
        Self { after: number(after), id, issued, kept: number(kept) }
    }
}

impl fmt::Display for DeviceStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "stream      {}", self.id)?;
        writeln!(f, "device      {}", self.device)?;
        write!(f, "issued      {}", self.issued)
    }
}

impl fmt::Display for DeviceStreamEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "stream      {}", self.id)?;
        write!(f, "issued      {}", self.issued)
    }
}

impl fmt::Display for StreamInquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |number: Option<BatchNumber>| number.map_or(0, BatchNumber::get);
        writeln!(f, "stream      {}", self.id)?;
        writeln!(f, "after       batch {}", number(self.after))?;
        writeln!(f, "kept        up to batch {}", number(self.kept))?;
        write!(f, "issued      {}", self.issued)
    }
}
